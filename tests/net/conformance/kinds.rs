//! The kinds of things that can be waited for.

use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::{TcpStream as StdTcp, UdpSocket as StdUdp};
use std::os::unix::net::{UnixDatagram as StdDatagram, UnixStream as StdStream};

use net::socket::{self, Socket};
use net::unix::{PacketSocket, UnixSeqpacket};
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

/// A socket over what std has for it, of which a pair can be made.
pub(super) trait Pair: socket::Carrier {
    const NAME: &'static str;
    const END: End = End::Told;
    const ALWAYS_HAS_ROOM: bool = false;

    async fn pair() -> (Socket<Self>, Socket<Self>);
}

impl Pair for StdTcp {
    const NAME: &'static str = "tcp";

    async fn pair() -> (TcpStream, TcpStream) {
        crate::pair().await
    }
}

impl Pair for StdUdp {
    const NAME: &'static str = "udp";
    const END: End = End::Untold;
    const ALWAYS_HAS_ROOM: bool = true;

    async fn pair() -> (UdpSocket, UdpSocket) {
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (from, to) = (sender.local_addr(), receiver.local_addr());
        sender.connect(to.unwrap()).await.unwrap();
        receiver.connect(from.unwrap()).await.unwrap();
        (sender, receiver)
    }
}

impl Pair for StdStream {
    const NAME: &'static str = "unix stream";

    async fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().unwrap()
    }
}

impl Pair for StdDatagram {
    const NAME: &'static str = "unix datagram";
    const END: End = End::Untold;

    async fn pair() -> (UnixDatagram, UnixDatagram) {
        UnixDatagram::pair().unwrap()
    }
}

impl Pair for PacketSocket {
    const NAME: &'static str = "unix seqpacket";

    async fn pair() -> (UnixSeqpacket, UnixSeqpacket) {
        UnixSeqpacket::pair().unwrap()
    }
}

/// A socket that carries bytes.
pub(super) struct OfBytes<S>(PhantomData<S>);

impl<S: Pair + socket::Bytes> Kind for OfBytes<S> {
    const NAME: &'static str = <S as Pair>::NAME;
    const END: End = S::END;
    type Sender = Socket<S>;
    type Receiver = Socket<S>;

    async fn pair() -> (Socket<S>, Socket<S>) {
        S::pair().await
    }

    fn try_send(sender: &Socket<S>, bytes: &[u8]) -> io::Result<usize> {
        sender.try_write(bytes)
    }

    fn try_receive(receiver: &Socket<S>, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_read(buffer)
    }

    async fn receive(receiver: &Socket<S>, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.read(buffer).await
    }

    fn readable(receiver: &Socket<S>) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &Socket<S>) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}

/// A socket that carries messages.
pub(super) struct OfMessages<S>(PhantomData<S>);

impl<S: Pair + socket::Messages> Kind for OfMessages<S> {
    const NAME: &'static str = <S as Pair>::NAME;
    const END: End = S::END;
    const ALWAYS_HAS_ROOM: bool = S::ALWAYS_HAS_ROOM;
    type Sender = Socket<S>;
    type Receiver = Socket<S>;

    async fn pair() -> (Socket<S>, Socket<S>) {
        S::pair().await
    }

    fn try_send(sender: &Socket<S>, bytes: &[u8]) -> io::Result<usize> {
        sender.try_send(bytes)
    }

    fn try_receive(receiver: &Socket<S>, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.try_recv(buffer)
    }

    async fn receive(receiver: &Socket<S>, buffer: &mut [u8]) -> io::Result<usize> {
        receiver.recv(buffer).await
    }

    fn readable(receiver: &Socket<S>) -> Wait<'_> {
        Box::pin(receiver.readable())
    }

    fn writable(sender: &Socket<S>) -> Wait<'_> {
        Box::pin(sender.writable())
    }
}

/// What a pipe is made by.
pub(super) trait Plumbing: 'static {
    const NAME: &'static str;
    fn pipe() -> io::Result<(pipe::Sender, pipe::Receiver)>;
}

pub(super) struct Plain;

impl Plumbing for Plain {
    const NAME: &'static str = "pipe";

    fn pipe() -> io::Result<(pipe::Sender, pipe::Receiver)> {
        pipe::pipe()
    }
}

pub(super) struct Packets;

impl Plumbing for Packets {
    const NAME: &'static str = "packet pipe";

    fn pipe() -> io::Result<(pipe::Sender, pipe::Receiver)> {
        pipe::packet_pipe()
    }
}

pub(super) struct Fifo;

impl Plumbing for Fifo {
    const NAME: &'static str = "fifo";

    fn pipe() -> io::Result<(pipe::Sender, pipe::Receiver)> {
        let place = Place::new();
        let path = place.file("fifo");
        fd::make_fifo(&path);
        let receiver = pipe::OpenOptions::new().open_receiver(&path)?;
        Ok((pipe::OpenOptions::new().open_sender(&path)?, receiver))
    }
}

/// A pipe of any make.
pub(super) struct Pipe<P>(PhantomData<P>);

impl<P: Plumbing> Kind for Pipe<P> {
    const NAME: &'static str = P::NAME;
    type Sender = pipe::Sender;
    type Receiver = pipe::Receiver;

    async fn pair() -> (pipe::Sender, pipe::Receiver) {
        P::pipe().unwrap()
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
