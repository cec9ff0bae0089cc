//! Whether the other end is still there.
//!
//! A peer that loses its power says nothing, and a connection on which nothing is sent stays open
//! for ever. Two things find out: [`Keepalive`] asks a peer that is silent, and the user timeout
//! gives up on one that does not acknowledge what it was sent.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::sys::option;

/// How a silent peer is asked whether it is there; see
/// [`TcpStream::set_keepalive`](super::TcpStream::set_keepalive).
///
/// # Examples
///
/// A peer that has gone is noticed after two minutes:
///
/// ```
/// use std::time::Duration;
/// use net::tcp::Keepalive;
///
/// let keepalive = Keepalive {
///     idle: Duration::from_secs(60),
///     interval: Duration::from_secs(20),
///     count: 3,
/// };
/// # let _ = keepalive;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keepalive {
    /// So long the peer may be silent before it is asked. Whole seconds, rounded up.
    pub idle: Duration,
    /// So long an answer is waited for before it is asked again. Whole seconds, rounded up.
    pub interval: Duration,
    /// So often it is asked before the connection is given up.
    pub count: u32,
}

impl Default for Keepalive {
    /// What Linux does if it is not told otherwise: two hours, 75 seconds, nine times.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(7200),
            interval: Duration::from_secs(75),
            count: 9,
        }
    }
}

pub(super) fn set(socket: BorrowedFd<'_>, keepalive: Option<Keepalive>) -> io::Result<()> {
    if let Some(Keepalive {
        idle,
        interval,
        count,
    }) = keepalive
    {
        let (idle, interval) = (option::whole_seconds(idle), option::whole_seconds(interval));
        option::set_number(socket, option::KEEP_IDLE, idle)?;
        option::set_number(socket, option::KEEP_INTERVAL, interval)?;
        option::set_number(socket, option::KEEP_COUNT, count)?;
    }
    option::set_flag(socket, option::KEEP_ALIVE, keepalive.is_some())
}

pub(super) fn get(socket: BorrowedFd<'_>) -> io::Result<Option<Keepalive>> {
    if !option::flag(socket, option::KEEP_ALIVE)? {
        return Ok(None);
    }
    let seconds = |option| option::number(socket, option).map(u64::from);
    Ok(Some(Keepalive {
        idle: Duration::from_secs(seconds(option::KEEP_IDLE)?),
        interval: Duration::from_secs(seconds(option::KEEP_INTERVAL)?),
        count: option::number(socket, option::KEEP_COUNT)?,
    }))
}

pub(super) fn set_user_timeout(socket: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<()> {
    // Zero means the system's own to the kernel: a short limit must not become none.
    let milliseconds = limit.map_or(0, |limit| limit.as_millis().max(1));
    let milliseconds = u32::try_from(milliseconds).unwrap_or(u32::MAX);
    option::set_number(socket, option::USER_TIMEOUT, milliseconds)
}

pub(super) fn user_timeout(socket: BorrowedFd<'_>) -> io::Result<Option<Duration>> {
    let milliseconds = option::number(socket, option::USER_TIMEOUT)?;
    Ok((milliseconds > 0).then(|| Duration::from_millis(milliseconds.into())))
}
