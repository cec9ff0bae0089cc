//! The kinds of things that can be waited for.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as StdStream;

use net::unix::UnixSeqpacket;
use net::{TcpStream, UdpSocket, UnixDatagram, UnixStream, pipe};
use runtime::io::{AsyncFd, Interest};
use tests::fd;
use tests::place::Place;

use super::Wait;

/// What becomes of a receiver whose sender goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It receives nothing, again and again.
    Told,
    /// It is not told.
    Untold,
}

/// One kind: a pair of which one end sends to the other.
pub(super) trait Kind: 'static {
    const NAME: &'static str;
    const END: End = End::Told;
    /// What there is no room for is thrown away.
    const ALWAYS_HAS_ROOM: bool = false;
    type Sender: 'static;
    type Receiver: 'static;

    async fn pair() -> (Self::Sender, Self::Receiver);
    fn try_send(sender: &Self::Sender, bytes: &[u8]) -> io::Result<usize>;
    fn try_receive(receiver: &Self::Receiver, buffer: &mut [u8]) -> io::Result<usize>;
    async fn receive(receiver: &Self::Receiver, buffer: &mut [u8]) -> io::Result<usize>;
    fn readable(receiver: &Self::Receiver) -> Wait<'_>;
    fn writable(sender: &Self::Sender) -> Wait<'_>;
}

pub(super) struct Tcp;

impl Kind for Tcp {
    const NAME: &'static str = "tcp";
    type Sender = TcpStream;
    type Receiver = TcpStream;

    async fn pair() -> (TcpStream, TcpStream) {
        crate::pair().await
    }

    fn try_send(sender: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        sender.try_write(bytes)
    }

    fn try_receive(receiver: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_read(buffer)
    }

    async fn receive(receiver: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.read(buffer).await
    }

    fn readable(receiver: &TcpStream) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &TcpStream) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}

pub(super) struct Udp;

impl Kind for Udp {
    const NAME: &'static str = "udp";
    const END: End = End::Untold;
    const ALWAYS_HAS_ROOM: bool = true;
    type Sender = UdpSocket;
    type Receiver = UdpSocket;

    async fn pair() -> (UdpSocket, UdpSocket) {
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (from, to) = (sender.local_addr(), receiver.local_addr());
        sender.connect(to.unwrap()).await.unwrap();
        receiver.connect(from.unwrap()).await.unwrap();
        (sender, receiver)
    }

    fn try_send(sender: &UdpSocket, bytes: &[u8]) -> io::Result<usize> {
        sender.try_send(bytes)
    }

    fn try_receive(receiver: &UdpSocket, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_recv(buffer)
    }

    async fn receive(receiver: &UdpSocket, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.recv(buffer).await
    }

    fn readable(receiver: &UdpSocket) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &UdpSocket) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}

pub(super) struct UnixStreams;

impl Kind for UnixStreams {
    const NAME: &'static str = "unix stream";
    type Sender = UnixStream;
    type Receiver = UnixStream;

    async fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().unwrap()
    }

    fn try_send(sender: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
        sender.try_write(bytes)
    }

    fn try_receive(receiver: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_read(buffer)
    }

    async fn receive(receiver: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.read(buffer).await
    }

    fn readable(receiver: &UnixStream) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &UnixStream) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}

pub(super) struct UnixDatagrams;

impl Kind for UnixDatagrams {
    const NAME: &'static str = "unix datagram";
    const END: End = End::Untold;
    type Sender = UnixDatagram;
    type Receiver = UnixDatagram;

    async fn pair() -> (UnixDatagram, UnixDatagram) {
        UnixDatagram::pair().unwrap()
    }

    fn try_send(sender: &UnixDatagram, bytes: &[u8]) -> io::Result<usize> {
        sender.try_send(bytes)
    }

    fn try_receive(receiver: &UnixDatagram, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_recv(buffer)
    }

    async fn receive(receiver: &UnixDatagram, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.recv(buffer).await
    }

    fn readable(receiver: &UnixDatagram) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &UnixDatagram) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}

pub(super) struct UnixPackets;

impl Kind for UnixPackets {
    const NAME: &'static str = "unix seqpacket";
    type Sender = UnixSeqpacket;
    type Receiver = UnixSeqpacket;

    async fn pair() -> (UnixSeqpacket, UnixSeqpacket) {
        UnixSeqpacket::pair().unwrap()
    }

    fn try_send(sender: &UnixSeqpacket, bytes: &[u8]) -> io::Result<usize> {
        sender.try_send(bytes)
    }

    fn try_receive(receiver: &UnixSeqpacket, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_recv(buffer)
    }

    async fn receive(receiver: &UnixSeqpacket, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.recv(buffer).await
    }

    fn readable(receiver: &UnixSeqpacket) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &UnixSeqpacket) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}

/// What is the same of all pipes.
macro_rules! pipes {
    ($($kind:ident, $name:literal, $pair:expr;)*) => {$(
        pub(super) struct $kind;

        impl Kind for $kind {
            const NAME: &'static str = $name;
            type Sender = pipe::Sender;
            type Receiver = pipe::Receiver;

            async fn pair() -> (pipe::Sender, pipe::Receiver) {
                $pair.unwrap()
            }

            fn try_send(sender: &pipe::Sender, bytes: &[u8]) -> io::Result<usize> {
                sender.try_write(bytes)
            }

            fn try_receive(receiver: &pipe::Receiver, buffer: &mut [u8]) -> io::Result<usize> {
                receiver.try_read(buffer)
            }

            async fn receive(receiver: &pipe::Receiver, buffer: &mut [u8]) -> io::Result<usize> {
                receiver.read(buffer).await
            }

            fn readable(receiver: &pipe::Receiver) -> Wait<'_> {
                Box::pin(receiver.readable())
            }

            fn writable(sender: &pipe::Sender) -> Wait<'_> {
                Box::pin(sender.writable())
            }
        }
    )*};
}

pipes! {
    Pipe, "pipe", pipe::pipe();
    PacketPipe, "packet pipe", pipe::packet_pipe();
    Fifo, "fifo", fifo();
}

fn fifo() -> io::Result<(pipe::Sender, pipe::Receiver)> {
    let place = Place::new();
    let path = place.file("fifo");
    fd::make_fifo(&path);
    let receiver = pipe::OpenOptions::new().open_receiver(&path)?;
    Ok((pipe::OpenOptions::new().open_sender(&path)?, receiver))
}

/// A descriptor of which nothing is known.
pub(super) struct Foreign;

impl Kind for Foreign {
    const NAME: &'static str = "any descriptor";
    type Sender = AsyncFd<StdStream>;
    type Receiver = AsyncFd<StdStream>;

    async fn pair() -> (AsyncFd<StdStream>, AsyncFd<StdStream>) {
        let (one, other) = fd::unix_pair();
        let sender = AsyncFd::new(one).unwrap();
        // Registered at once: that there is room is not assumed, but told.
        sender.writable().await.unwrap();
        (sender, AsyncFd::new(other).unwrap())
    }

    fn try_send(sender: &AsyncFd<StdStream>, bytes: &[u8]) -> io::Result<usize> {
        sender.try_write_with(|mut socket| socket.write(bytes))
    }

    fn try_receive(receiver: &AsyncFd<StdStream>, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_io(Interest::READABLE, |mut socket| socket.read(buffer))
    }

    async fn receive(receiver: &AsyncFd<StdStream>, buffer: &mut [u8]) -> io::Result<usize> {
        let read = receiver.async_io(Interest::READABLE, |mut socket| socket.read(buffer));
        read.await
    }

    fn readable(receiver: &AsyncFd<StdStream>) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &AsyncFd<StdStream>) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}
