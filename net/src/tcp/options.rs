//! What can be asked of a connection, and set on it, while it stands.
//!
//! Each method is one option of `tcp(7)`, `ip(7)` or `socket(7)`. None of them waits.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::{Keepalive, TcpInfo, TcpStream, keepalive};
use crate::sys::option;

/// # Options of TCP
impl TcpStream {
    /// Whether small writes are sent at once (`TCP_NODELAY`): they are, from the start.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn nodelay(&self) -> io::Result<bool> {
        option::flag(self.inner().as_fd(), option::NO_DELAY)
    }

    /// Sends small writes at once, or lets the kernel gather them.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.inner().as_fd(), option::NO_DELAY, on)
    }

    /// Whether what is written waits for a full packet (`TCP_CORK`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn cork(&self) -> io::Result<bool> {
        option::flag(self.inner().as_fd(), option::CORK)
    }

    /// Holds what is written until a packet is full, a fifth of a second has passed, or the cork is
    /// taken out: a header and a body that are written apart leave together.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # use net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// client.set_cork(true)?;
    /// client.write_all(b"a header ").await?;
    /// client.write_all(b"and its body").await?;
    /// client.set_cork(false)?;
    /// let mut together = [0; 32];
    /// assert_eq!(server.read(&mut together).await?, 21);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn set_cork(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.inner().as_fd(), option::CORK, on)
    }

    /// Whether what comes is acknowledged at once (`TCP_QUICKACK`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn quickack(&self) -> io::Result<bool> {
        option::flag(self.inner().as_fd(), option::QUICK_ACK)
    }

    /// Acknowledges what comes at once, or together with what is sent back. Not for good: the
    /// kernel goes back to its own judgement after a while.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_quickack(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.inner().as_fd(), option::QUICK_ACK, on)
    }

    /// How long closing waits for what is not sent yet (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        option::linger(self.inner().as_fd())
    }

    /// Makes closing wait until everything is acknowledged, for so long at most; whole seconds,
    /// rounded up.
    ///
    /// **It blocks the thread**, and with it every task of the worker that drops the stream: Linux
    /// does so in non-blocking mode too. Without it what was written is sent all the same, in the
    /// background. Shut the stream down for writing and read to its end to know that the peer has
    /// got it all.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_linger(&self, limit: Option<Duration>) -> io::Result<()> {
        option::set_linger(self.inner().as_fd(), limit)
    }

    /// Makes closing cut the connection off: what is not sent yet is thrown away, and the peer gets
    /// a reset. This never blocks.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        option::set_linger(self.inner().as_fd(), Some(Duration::ZERO))
    }

    /// How a silent peer is asked whether it is there, if it is.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn keepalive(&self) -> io::Result<Option<Keepalive>> {
        keepalive::get(self.inner().as_fd())
    }

    /// Asks a peer that has been silent whether it is there, and gives the connection up with
    /// `TimedOut` if it does not answer; or does not ask, as from the start.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if a time is zero or above 32767 seconds, or the count above 127; and
    /// whatever else `setsockopt(2)` reports.
    pub fn set_keepalive(&self, keepalive: Option<Keepalive>) -> io::Result<()> {
        keepalive::set(self.inner().as_fd(), keepalive)
    }

    /// How long sent bytes may stay unacknowledged, if that is not the system's to decide.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        keepalive::user_timeout(self.inner().as_fd())
    }

    /// Sets how long sent bytes may stay unacknowledged before the connection is given up with
    /// `TimedOut` (`TCP_USER_TIMEOUT`, in milliseconds). `None` leaves it to the system: a quarter
    /// of an hour, mostly.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_user_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        keepalive::set_user_timeout(self.inner().as_fd(), limit)
    }

    /// How many bytes that are not sent yet still count as room to write (`TCP_NOTSENT_LOWAT`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn notsent_lowat(&self) -> io::Result<u32> {
        option::number(self.inner().as_fd(), option::NOT_SENT_LOW)
    }

    /// Says that there is room to write only while fewer than so many bytes are waiting to be sent,
    /// so that what is written last is not behind megabytes in the kernel.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_notsent_lowat(&self, bytes: u32) -> io::Result<()> {
        option::set_number(self.inner().as_fd(), option::NOT_SENT_LOW, bytes)
    }

    /// What the kernel knows of the connection: its round trips, its losses, its rates.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn info(&self) -> io::Result<TcpInfo> {
        option::tcp_info(self.inner().as_fd()).map(TcpInfo::new)
    }
}
