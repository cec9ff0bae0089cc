//! What a program asks of its own process, and of the ones it starts.
//!
//! The danger is a wait without an end: a server that ignores its signal, or a
//! client that never finishes, would hang whoever waits for it. So the only
//! wait here has a deadline, and it sleeps in the kernel on the process's own
//! descriptor instead of asking again and again.

use super::{check, readable_within};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// Asks process number `process` to end, with SIGTERM.
///
/// Not with SIGINT, which a shell makes every program ignore that it starts
/// in the background, and all their children with them.
pub fn terminate(process: u32) -> io::Result<()> {
    let process =
        libc::pid_t::try_from(process).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: kill takes no pointers.
    check(unsafe { libc::kill(process, libc::SIGTERM) })?;
    Ok(())
}

/// A descriptor that becomes readable when `child` has ended.
pub fn watch_exit(child: &Child) -> io::Result<OwnedFd> {
    let number = libc::c_long::from(child.id());
    // SAFETY: pidfd_open takes two integers and no pointers.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, number, 0 as libc::c_long) };
    let raw = check(result as RawFd)?;
    // SAFETY: pidfd_open has just given us this descriptor; nobody else owns
    // it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Waits until `child` has ended; `None` if it has not when the time is up.
pub fn wait_exit(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    match readable_within(&watch_exit(child)?, timeout)? {
        true => child.wait().map(Some),
        false => Ok(None),
    }
}

/// Raises the limit of open descriptors as far as an ordinary user may, and
/// returns where it is then.
pub fn raise_nofile() -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` lives across the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` lives across the call.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) })?;
    Ok(limit.rlim_cur)
}

/// Asks the kernel not to round this thread's timeouts up by the usual 50
/// microseconds, which an open loop would measure as latency.
pub fn sharpen_timers() -> io::Result<()> {
    let nanoseconds: libc::c_ulong = 1;
    // SAFETY: this prctl option takes an integer and no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanoseconds) })?;
    Ok(())
}

/// The CPU time that this thread has used (`clock_gettime(2)`).
pub fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one `timespec`, and this clock exists since Linux 2.6.12.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}
