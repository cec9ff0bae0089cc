//! Processes seen from outside, and what this one may do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
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
    let value = self::field(Path::new(&format!("/proc/{process}/status")), field);
    value.split_whitespace().next().unwrap().to_owned()
}

/// What a file of lines such as `name: value` says of a name.
fn field(file: &Path, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find(|(found, _)| *found == name).unwrap().1;
    value.trim().to_owned()
}

/// How often the threads of the process have gone to sleep by themselves.
pub fn sleeps(process: u32) -> u64 {
    let switches = |thread: PathBuf| field(&thread.join("status"), "voluntary_ctxt_switches");
    let counts = threads(process).into_iter().map(switches);
    counts.map(|count| count.parse::<u64>().unwrap()).sum()
}

/// Waits until all threads of the process sleep, and no alarm clock of it is set to wake them.
pub fn until_asleep(process: u32) {
    let alarms = alarms(process);
    let is_set = |alarm: &PathBuf| field(alarm, "it_value") != "(0, 0)";
    let is_awake = |thread: &PathBuf| !field(&thread.join("status"), "State").starts_with('S');
    loop {
        let before = sleeps(process);
        let is_busy = alarms.iter().any(is_set) || threads(process).iter().any(is_awake);
        // A clock that has just rung is off, and its owner may have set it and gone to sleep again.
        if !is_busy && sleeps(process) == before {
            return;
        }
        thread::yield_now();
    }
}

/// The folders of the threads of a process.
fn threads(process: u32) -> Vec<PathBuf> {
    let folder = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    folder.map(|thread| thread.unwrap().path()).collect()
}

/// What the kernel tells of each timerfd of a process.
fn alarms(process: u32) -> Vec<PathBuf> {
    let all = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let is_timer = |path: &PathBuf| {
        let what = fs::read_link(path).unwrap_or_default();
        what.as_os_str() == "anon_inode:[timerfd]"
    };
    let timers = all.map(|fd| fd.unwrap().path()).filter(is_timer);
    let told = |path: PathBuf| {
        let number = path.file_name().unwrap().to_str().unwrap().to_owned();
        PathBuf::from(format!("/proc/{process}/fdinfo/{number}"))
    };
    timers.map(told).collect()
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
