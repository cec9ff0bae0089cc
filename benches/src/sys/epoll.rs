//! Readiness: an epoll instance and the poll(2) probes beside it.
//!
//! The danger is a wait that is cut short: a tracer or a stopped-and-continued
//! process makes it fail with EINTR, and a program that takes this for an
//! error dies under the very tools that measure it. So every wait here reports
//! EINTR as "no events", which each caller's loop already handles.

use super::check;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

/// One reported event: flags in `events`, the token in `u64`.
pub type Event = libc::epoll_event;

/// What an event buffer is filled with before the first wait.
pub const NOTHING_YET: Event = Event { events: 0, u64: 0 };

/// Data, or the end of the stream, can be received.
pub const READABLE: u32 = libc::EPOLLIN as u32;
/// There is room to send.
pub const WRITABLE: u32 = libc::EPOLLOUT as u32;
/// Urgent data: a receive stops short at its mark.
pub const URGENT: u32 = libc::EPOLLPRI as u32;
/// The peer closed its sending half.
pub const PEER_CLOSED: u32 = libc::EPOLLRDHUP as u32;
/// Both halves are closed.
pub const HANGUP: u32 = libc::EPOLLHUP as u32;
/// The socket holds an error.
pub const ERROR: u32 = libc::EPOLLERR as u32;
/// Report each change once instead of the state at every wait.
pub const EDGE: u32 = libc::EPOLLET as u32;

/// An epoll instance.
#[derive(Debug)]
pub struct Epoll {
    descriptor: OwnedFd,
}

impl Epoll {
    /// A new instance, closed on exec.
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: epoll_create1 takes no pointers; any flags are allowed.
        let raw = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the call above has just given us this descriptor; nobody
        // else owns it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(raw) };
        Ok(Epoll { descriptor })
    }

    /// Registers `source`; closing it takes it out again.
    pub fn add(&self, source: &impl AsFd, flags: u32, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, source.as_fd(), flags, token)
    }

    /// Changes what is reported of `source`, and reports its present state anew.
    pub fn modify(&self, source: &impl AsFd, flags: u32, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, source.as_fd(), flags, token)
    }

    fn control(
        &self,
        operation: libc::c_int,
        source: BorrowedFd<'_>,
        flags: u32,
        token: u64,
    ) -> io::Result<()> {
        let mut event = Event {
            events: flags,
            u64: token,
        };
        let (epoll, source) = (self.descriptor.as_raw_fd(), source.as_raw_fd());
        // SAFETY: `event` lives across the call, and both descriptors are
        // borrowed, hence open.
        check(unsafe { libc::epoll_ctl(epoll, operation, source, &mut event) })?;
        Ok(())
    }

    /// Waits until something is reported or the time is up (`None`: for ever)
    /// and returns how many of `events` are filled. Rounds up to milliseconds.
    #[inline]
    pub fn wait(&self, events: &mut [Event], timeout: Option<Duration>) -> io::Result<usize> {
        let milliseconds = match timeout {
            None => -1,
            Some(duration) => {
                let rounded = duration.as_nanos().div_ceil(1_000_000);
                libc::c_int::try_from(rounded).unwrap_or(libc::c_int::MAX)
            }
        };
        let room = libc::c_int::try_from(events.len()).unwrap_or(libc::c_int::MAX);
        let (epoll, buffer) = (self.descriptor.as_raw_fd(), events.as_mut_ptr());
        // SAFETY: `buffer` is valid for `room` events, as both come from the
        // slice, and the kernel writes no more than `room`.
        let result = check(unsafe { libc::epoll_wait(epoll, buffer, room, milliseconds) });
        uninterrupted(result)
    }

    /// Like [`Epoll::wait`], but keeps the timeout to the nanosecond at the
    /// price of a second call.
    pub fn wait_precisely(&self, events: &mut [Event], timeout: Duration) -> io::Result<usize> {
        let mut probes = [probe(self.descriptor.as_fd())];
        if poll(&mut probes, Some(timeout))? == 0 {
            return Ok(0);
        }
        self.wait(events, Some(Duration::ZERO))
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Waits until `source` is readable; whether it is when the time is up.
pub fn readable_within(source: &impl AsFd, timeout: Duration) -> io::Result<bool> {
    let ready = poll(&mut [probe(source.as_fd())], Some(timeout))?;
    Ok(ready > 0)
}

/// Waits until one of the two is readable, and says which.
pub fn either_readable(first: &impl AsFd, second: &impl AsFd) -> io::Result<(bool, bool)> {
    let mut probes = [probe(first.as_fd()), probe(second.as_fd())];
    poll(&mut probes, None)?;
    Ok((probes[0].revents != 0, probes[1].revents != 0))
}

fn probe(source: BorrowedFd<'_>) -> libc::pollfd {
    libc::pollfd {
        fd: source.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    }
}

fn poll(probes: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let time = timeout.map(|duration| libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos() as libc::c_long,
    });
    let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
    let count = probes.len() as libc::nfds_t;
    let probes = probes.as_mut_ptr();
    // SAFETY: `probes` is valid for `count` entries, `time` is null or points
    // into this frame, and a null signal mask leaves the mask alone.
    let result = check(unsafe { libc::ppoll(probes, count, time, ptr::null()) });
    uninterrupted(result)
}

#[inline]
fn uninterrupted(result: io::Result<libc::c_int>) -> io::Result<usize> {
    match result {
        Ok(count) => Ok(count.unsigned_abs() as usize),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error),
    }
}
