//! One epoll instance, edge-triggered.
//!
//! Wraps `epoll_create1(2)`, `epoll_ctl(2)`, `epoll_wait(2)` and `epoll_pwait2(2)`. Registrations
//! carry a number that comes back with each event; what it means is the reactor's business.
//!
//! The danger is time: `epoll_wait` counts in milliseconds and a timeout rounded down wakes the
//! worker early, again and again, until the deadline is really there. So timeouts are rounded up,
//! and a short one goes through `epoll_pwait2`, which takes nanoseconds. Old kernels and strict
//! seccomp filters lack that call: the first refusal is remembered and milliseconds are used.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::check;

/// An epoll descriptor.
#[derive(Debug)]
pub(crate) struct Epoll {
    fd: OwnedFd,
}

/// One thing that epoll reported: which readiness bits, and the number given at registration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) bits: u32,
    pub(crate) data: u64,
}

/// Room for the events of one wait.
pub(crate) struct Events {
    buffer: Vec<libc::epoll_event>,
}

impl Epoll {
    /// Opens an epoll instance.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1 takes no pointer; a bad flag is reported as EINVAL.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel has just made this descriptor and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd })
    }

    /// Watches `fd` for `bits`, edge-triggered.
    pub(crate) fn add(&self, fd: RawFd, bits: u32, data: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, bits | EDGE, data)
    }

    /// Watches `fd` for `bits`, level-triggered: for another epoll, which is ready while it has
    /// events.
    pub(crate) fn add_level(&self, fd: RawFd, bits: u32, data: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, bits, data)
    }

    /// Replaces what `fd` is watched for. What is ready by now is reported once more.
    pub(crate) fn modify(&self, fd: RawFd, bits: u32, data: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, bits | EDGE, data)
    }

    /// Watches `fd` no longer.
    pub(crate) fn delete(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    fn control(&self, operation: libc::c_int, fd: RawFd, bits: u32, data: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: bits,
            u64: data,
        };
        let epoll = self.fd.as_raw_fd();
        loop {
            // SAFETY: `event` lives for the call, which only reads it; a wrong descriptor is an error.
            match check(unsafe { libc::epoll_ctl(epoll, operation, fd, &mut event) }) {
                Ok(_) => return Ok(()),
                // No kernel is known to do this, but what filters system calls may.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for events, for `timeout` at most (`None`: for ever), and fills `events`.
    ///
    /// A signal ends the wait with no event, like a timeout: the caller looks at its clock anyway.
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.buffer.clear();
        let filled = match timeout {
            Some(limit) if needs_nanoseconds(limit) => self.wait_precise(events, limit),
            _ => self.wait_milliseconds(events, timeout.map_or(-1, milliseconds_up)),
        };
        match filled {
            Ok(count) => {
                // SAFETY: the kernel has written `count` entries, and `count` is at most the
                // capacity that it was told.
                unsafe { events.buffer.set_len(count as usize) };
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn wait_milliseconds(&self, events: &mut Events, timeout: i32) -> io::Result<libc::c_int> {
        let room = events.buffer.capacity() as libc::c_int;
        let into = events.buffer.as_mut_ptr();
        // SAFETY: `into` has room for `room` entries, all of it owned by `events`.
        check(unsafe { libc::epoll_wait(self.fd.as_raw_fd(), into, room, timeout) })
    }

    fn wait_precise(&self, events: &mut Events, limit: Duration) -> io::Result<libc::c_int> {
        let room = events.buffer.capacity() as libc::c_int;
        let into = events.buffer.as_mut_ptr();
        // The kernel's 64-bit `timespec`, which is not libc's on all machines.
        let timeout: [i64; 2] = [0, i64::from(limit.subsec_nanos())];
        // SAFETY: as above; `timeout` lives for the call and the null signal mask means "leave it".
        let returned = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.fd.as_raw_fd(),
                into,
                room,
                &raw const timeout,
                std::ptr::null::<libc::sigset_t>(),
                size_of::<libc::sigset_t>(),
            )
        };
        match check(returned as libc::c_int) {
            Err(error) if lacks_call(&error) => {
                PRECISE_WAIT_REFUSED.store(true, Ordering::Relaxed);
                self.wait_milliseconds(events, milliseconds_up(limit))
            }
            other => other,
        }
    }
}

impl Events {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(capacity),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Puts other events there.
    pub(crate) fn replace(&mut self, events: impl Iterator<Item = Event>) {
        self.buffer.clear();
        self.buffer.extend(events.map(|event| libc::epoll_event {
            events: event.bits,
            u64: event.data,
        }));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.buffer.iter().map(|event| Event {
            bits: event.events,
            data: event.u64,
        })
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn needs_nanoseconds(limit: Duration) -> bool {
    // Relaxed: the flag is a hint; a late reader makes one more refused call.
    !limit.is_zero() && limit < PRECISE_BELOW && !PRECISE_WAIT_REFUSED.load(Ordering::Relaxed)
}

fn lacks_call(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// Milliseconds, never fewer than asked for; what does not fit (24.8 days) is cut, and the caller,
/// who looks at its clock after each wait, waits again.
fn milliseconds_up(limit: Duration) -> i32 {
    let nanoseconds_too = limit.subsec_nanos() % 1_000_000 != 0;
    let milliseconds = limit
        .as_millis()
        .saturating_add(u128::from(nanoseconds_too));
    i32::try_from(milliseconds).unwrap_or(i32::MAX)
}

/// Readiness bits as the kernel numbers them (`epoll_ctl(2)`).
pub(crate) mod bits {
    pub(crate) const IN: u32 = libc::EPOLLIN as u32;
    pub(crate) const PRI: u32 = libc::EPOLLPRI as u32;
    pub(crate) const OUT: u32 = libc::EPOLLOUT as u32;
    pub(crate) const ERR: u32 = libc::EPOLLERR as u32;
    pub(crate) const HUP: u32 = libc::EPOLLHUP as u32;
    pub(crate) const RDHUP: u32 = libc::EPOLLRDHUP as u32;
}

const EDGE: u32 = libc::EPOLLET as u32;

/// Above this, rounding up to a millisecond is less than a tenth of the wait.
const PRECISE_BELOW: Duration = Duration::from_millis(10);

static PRECISE_WAIT_REFUSED: AtomicBool = AtomicBool::new(false);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_round_up_and_saturate() {
        assert_eq!(milliseconds_up(Duration::ZERO), 0);
        assert_eq!(milliseconds_up(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds_up(Duration::from_millis(7)), 7);
        assert_eq!(milliseconds_up(Duration::from_micros(7001)), 8);
        assert_eq!(milliseconds_up(Duration::MAX), i32::MAX);
    }

    #[test]
    fn a_short_wait_does_not_end_early() {
        let epoll = Epoll::new().expect("an epoll instance");
        let mut events = Events::with_capacity(4);
        let started = std::time::Instant::now();
        let limit = Duration::from_micros(300);
        epoll.wait(&mut events, Some(limit)).expect("a wait");
        assert!(started.elapsed() >= limit);
        assert_eq!(events.iter().count(), 0);
    }
}
