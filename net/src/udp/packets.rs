//! Many datagrams a call, and what the kernel knows of each.
//!
//! A datagram costs about as much as its system call, so a busy socket takes and gives many at once;
//! and with segmentation one large buffer stands for many datagrams of one size, cut and joined by
//! the kernel. What comes tells where it was sent to and how it was marked, and what goes can say
//! the same: a server with several addresses answers from the one that it was asked at.
//!
//! The danger is a short count taken for a proof. Fewer datagrams than buffers may mean that the
//! next one was an error, which is reported by the next call and by no edge. So nothing counts as
//! drained before a call says that it would block.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;

use runtime::io::Interest;

use super::UdpSocket;
use crate::error;
use crate::sys::option;
use crate::sys::packet::{self, Outgoing};

/// What is known of a datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecvMeta {
    /// How many bytes there are in the buffer.
    pub len: usize,
    /// Whose it is.
    pub source: SocketAddr,
    /// Whether it was longer than the buffer: what did not fit is gone.
    pub is_truncated: bool,
    /// If the buffer holds several datagrams behind each other: the length of each but the last,
    /// which may be shorter. See [`UdpSocket::set_gro`].
    pub segment_size: Option<usize>,
    /// Where it was sent to. See [`UdpSocket::set_packet_info`].
    pub destination: Option<IpAddr>,
    /// The number of the interface that it arrived at. See [`UdpSocket::set_packet_info`].
    pub interface: Option<u32>,
    /// Its type of service, or traffic class; the last two bits tell of congestion. See
    /// [`UdpSocket::set_recv_tos`].
    pub tos: Option<u8>,
}

impl Default for RecvMeta {
    /// Nothing, from nowhere: to be filled in.
    fn default() -> Self {
        Self {
            len: 0,
            source: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            is_truncated: false,
            segment_size: None,
            destination: None,
            interface: None,
            tos: None,
        }
    }
}

impl From<packet::Received> for RecvMeta {
    fn from(received: packet::Received) -> Self {
        Self {
            len: received.length,
            source: received.source,
            is_truncated: received.is_cut,
            segment_size: received.segment,
            destination: received.destination.map(|(ip, _)| ip),
            interface: received.destination.map(|(_, interface)| interface),
            tos: received.service,
        }
    }
}

/// A datagram to be sent, or several of one size.
///
/// # Examples
///
/// ```
/// use net::udp::Transmit;
/// # use net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// # runtime::block_on(async {
/// # let server = UdpSocket::bind("127.0.0.1:0").await?;
/// # let client = UdpSocket::bind("127.0.0.1:0").await?;
/// let to = server.local_addr()?;
/// let both = [Transmit::new(b"one").to(to), Transmit::new(b"two").to(to)];
/// assert_eq!(client.send_many(&both).await?, 2);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is not sent yet"]
pub struct Transmit<'a> {
    contents: &'a [u8],
    destination: Option<SocketAddr>,
    source: Option<IpAddr>,
    segment_size: Option<u16>,
    tos: Option<u8>,
}

impl<'a> Transmit<'a> {
    /// A datagram to the peer that the socket is connected to.
    pub fn new(contents: &'a [u8]) -> Self {
        Self {
            contents,
            destination: None,
            source: None,
            segment_size: None,
            tos: None,
        }
    }

    /// Sends it to this address.
    pub fn to(mut self, destination: SocketAddr) -> Self {
        self.destination = Some(destination);
        self
    }

    /// Sends it from this address of the machine's: the one that it is the answer for. It is of the
    /// version of IP by which the datagram goes; one of version 4 may be mapped to version 6.
    pub fn from(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Cuts the contents into datagrams of this size, but for the last, which may be shorter: 64 of
    /// them at most, and 64 KiB. With a size of 0 the contents are one datagram.
    pub fn segment_size(mut self, size: u16) -> Self {
        self.segment_size = (size > 0).then_some(size);
        self
    }

    /// Marks it with this type of service, or traffic class, whatever the socket's is.
    pub fn tos(mut self, tos: u8) -> Self {
        self.tos = Some(tos);
        self
    }

    fn outgoing(&self, is_v4: bool) -> io::Result<Outgoing<'a>> {
        let mut outgoing = Outgoing::new(self.contents, self.destination);
        if let Some(size) = self.segment_size {
            outgoing.set_segment(size);
        }
        if let Some(source) = self.source {
            outgoing.set_source(as_told(source, self.destination, is_v4)?);
        }
        if let Some(tos) = self.tos {
            outgoing.set_service(tos, is_v4);
        }
        Ok(outgoing)
    }
}

/// The source, in the form that the kernel looks at, whichever version the datagram goes by: a source in
/// the other form is passed over, and one is chosen that was not asked for. Where the peer is known to
/// the kernel alone, so is the version; it refuses the wrong one.
fn as_told(source: IpAddr, to: Option<SocketAddr>, is_v4: bool) -> io::Result<IpAddr> {
    let source = source.to_canonical();
    let goes_by_v4 = match to {
        _ if is_v4 => true,
        Some(to) => to.ip().to_canonical().is_ipv4(),
        None => source.is_ipv4(),
    };
    if goes_by_v4 != source.is_ipv4() {
        let version = if goes_by_v4 { 4 } else { 6 };
        return Err(error::invalid(format!(
            "Transmit::from: the source {source} is no address of IP version {version}, by which the \
             datagram goes: give one of that version, or none"
        )));
    }
    Ok(match source {
        IpAddr::V4(ip) if !is_v4 => ip.to_ipv6_mapped().into(),
        told => told,
    })
}

/// # Many at once
impl UdpSocket {
    /// Receives as many datagrams as there are, at least one, each into its buffer; says how many
    /// and, in `meta`, what is known of each. The shorter of the two lists is the limit, and 32.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from). Datagrams that came before an error are returned, and the
    /// error by the next call.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no datagram was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSliceMut;
    /// use net::udp::{RecvMeta, Transmit};
    /// # use net::UdpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// server.set_packet_info(true)?;
    /// client.send_to(b"ping", server.local_addr()?).await?;
    ///
    /// let (mut one, mut other) = ([0; 1500], [0; 1500]);
    /// let mut buffers = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)];
    /// let mut meta = [RecvMeta::default(); 2];
    /// let count = server.recv_many(&mut buffers, &mut meta).await?;
    /// assert_eq!((count, meta[0].len), (1, 4));
    ///
    /// // Answer from the address that was asked.
    /// let mut answer = Transmit::new(b"pong").to(meta[0].source);
    /// if let Some(asked) = meta[0].destination {
    ///     answer = answer.from(asked);
    /// }
    /// assert_eq!(server.send_many(&[answer]).await?, 1);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn recv_many(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> impl Future<Output = io::Result<usize>> {
        self.io.async_io(Interest::READABLE, |socket| {
            recv_many(socket, buffers, meta)
        })
    }

    /// Receives as many datagrams as there are, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv_many`](Self::recv_many).
    pub fn try_recv_many(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> io::Result<usize> {
        self.io.try_io(Interest::READABLE, |socket| {
            recv_many(socket, buffers, meta)
        })
    }

    /// Sends datagrams in this order, as many as there is room for, at least one; says how many.
    /// 32 is the limit.
    ///
    /// # Errors
    ///
    /// What befell the first of them: if a later one fails, the count of those before it is
    /// returned, and the error when it is tried again. `InvalidInput` if its source is of another
    /// version of IP than its way.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub fn send_many(&self, transmits: &[Transmit<'_>]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .write_with(|socket| packet::send_many(socket.as_fd(), self.outgoing(transmits)))
    }

    /// Sends datagrams for which there is room, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`send_many`](Self::send_many).
    pub fn try_send_many(&self, transmits: &[Transmit<'_>]) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| packet::send_many(socket.as_fd(), self.outgoing(transmits)))
    }

    fn outgoing<'a>(
        &self,
        transmits: &[Transmit<'a>],
    ) -> impl Iterator<Item = io::Result<Outgoing<'a>>> {
        transmits
            .iter()
            .map(|transmit| transmit.outgoing(self.state.is_v4))
    }

    /// Asks the kernel to tell the destination and the interface of what is received
    /// (`IP_PKTINFO`), or not to.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_packet_info(&self, on: bool) -> io::Result<()> {
        option::set_either(
            self.io.get_ref().as_fd(),
            option::PACKET_INFO,
            u32::from(on),
        )
    }

    /// Asks the kernel to tell the type of service of what is received, or not to.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_recv_tos(&self, on: bool) -> io::Result<()> {
        let option = option::RECEIVE_TYPE_OF_SERVICE;
        option::set_either(self.io.get_ref().as_fd(), option, u32::from(on))
    }

    /// Lets the kernel join datagrams of one size and sender into one buffer (`UDP_GRO`). Who turns
    /// it on receives with [`recv_many`](Self::recv_many), looks at
    /// [`segment_size`](RecvMeta::segment_size), and gives buffers of 64 KiB.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports: before Linux 5.0, that there is no such option.
    pub fn set_gro(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.io.get_ref().as_fd(), option::RECEIVE_OFFLOAD, on)
    }
}

fn recv_many(
    socket: &std::net::UdpSocket,
    buffers: &mut [IoSliceMut<'_>],
    meta: &mut [RecvMeta],
) -> io::Result<usize> {
    let most = buffers.len().min(meta.len());
    packet::recv_many(socket.as_fd(), &mut buffers[..most], |index, received| {
        meta[index] = received.into();
    })
}
