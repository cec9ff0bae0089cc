//! Processes seen from outside, and what this one may do.

use std::fs;
use std::io;
use std::process::{Child, Command};
use std::thread;

/// A process that does not outlive its test, nor does the one that it has started: a tracer that is
/// killed would set it free.
#[derive(Debug)]
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = only_child(self.0.id()) {
            signal(child, libc::SIGKILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal. That the process may have ended by itself is no error.
pub fn signal(process: u32, signal: libc::c_int) {
    // SAFETY: the call takes no pointer.
    unsafe { libc::kill(process as libc::pid_t, signal) };
}

/// Makes a signal do what it does by default: end the process, mostly. Safe to call after a fork.
pub fn default_signal(signal: libc::c_int) {
    // SAFETY: the default action is no handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// What `/proc/PID/status` says of a field, in its first word.
pub fn status(process: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = text.lines().filter_map(|line| line.split_once(":\t"));
    let value = lines.find(|(name, _)| *name == field).unwrap().1;
    value.split_whitespace().next().unwrap().to_owned()
}

/// How often the process has gone to sleep by itself.
pub fn sleeps(process: u32) -> u64 {
    status(process, "voluntary_ctxt_switches").parse().unwrap()
}

/// Waits until the process sleeps.
pub fn until_asleep(process: u32) {
    while status(process, "State") != "S" {
        thread::yield_now();
    }
}

/// Hundredths of a second that the process has used of a processor.
pub fn cpu_ticks(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name in parentheses may hold anything; `utime` and `stime` are the 12th and 13th after it.
    let fields: Vec<&str> = text
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How many descriptors the process has.
pub fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

/// The process that this one has started, if it has one.
pub fn only_child(parent: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Allows this process so many descriptors, if its hard limit does.
pub fn has_room_for(descriptors: u64) -> bool {
    let (_, hard) = descriptor_limit();
    hard >= descriptors && limit_descriptors(descriptors.max(descriptor_limit().0), hard).is_ok()
}

/// The soft and the hard limit of descriptors.
pub fn descriptor_limit() -> (u64, u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` lives across the call.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    (limit.rlim_cur, limit.rlim_max)
}

/// Sets the limits of descriptors. Safe to call after a fork.
///
/// # Errors
///
/// If the hard limit is higher than it was and this is no privileged process.
pub fn limit_descriptors(soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: `limit` lives across the call.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Leaves so many descriptors free that can still be opened.
///
/// # Panics
///
/// If the limit cannot be set.
pub fn leave_free(count: usize) {
    let open = crate::fd::all_open();
    let free = (0..).filter(|number| !open.contains(number));
    let first_forbidden = free.take(count + 1).last().unwrap();
    limit_descriptors(first_forbidden as u64, descriptor_limit().1).unwrap();
}

/// Whether a tool is there and works: a tracer may be forbidden to trace.
pub fn works(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
