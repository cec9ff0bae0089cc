//! Descriptors, counted over all tests of a binary.
//!
//! The first test notes what is open before it opens anything, and when the process exits the same must
//! be open again: else it says what was left, and fails. The harness has no end of its own to hang
//! that on, so it is done where the C library ends the process.
//!
//! What may be left are pipes of which both ends are here: `copy` keeps some, to splice through.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::fd;

/// Whether all that is open is ours: the thread sanitizer opens pipes of its own.
pub const ALL_ARE_OURS: bool = !cfg!(tsan);

/// Notes what is open, the first time that it is called.
pub fn watch() {
    if !ALL_ARE_OURS {
        return;
    }
    BEFORE.get_or_init(|| {
        // SAFETY: the function is there for as long as the process is.
        unsafe { libc::atexit(check) };
        fd::all_open()
    });
}

extern "C" fn check() {
    let limit = Instant::now() + PATIENCE;
    // Threads that nobody joins may be closing theirs.
    while !left().is_empty() && Instant::now() < limit {
        thread::yield_now();
    }
    let left = left();
    if !left.is_empty() {
        eprintln!("descriptors that were left open by the tests: {left:?}");
        // SAFETY: the call ends the process, and takes no pointer.
        unsafe { libc::_exit(101) };
    }
}

/// What is open and was not at first, but for pooled pipes.
fn left() -> Vec<(RawFd, PathBuf)> {
    let before = BEFORE.get().map_or(&[][..], Vec::as_slice);
    let new = fd::all_open().into_iter().filter(|fd| !before.contains(fd));
    // One that was closed meanwhile has no name.
    let named = |fd| Some((fd, fs::read_link(format!("/proc/self/fd/{fd}")).ok()?));
    let mut left: Vec<(RawFd, PathBuf)> = new.filter_map(named).collect();
    let mut ends = BTreeMap::new();
    for (_, name) in &left {
        *ends.entry(name.clone()).or_insert(0) += 1;
    }
    let is_pooled = |name: &PathBuf| name.to_string_lossy().starts_with("pipe:") && ends[name] == 2;
    let pooled = ends.keys().filter(|name| is_pooled(name)).count();
    assert!(pooled <= MOST_POOLED, "{pooled} pipes are left");
    left.retain(|(_, name)| !is_pooled(name));
    left
}

static BEFORE: OnceLock<Vec<RawFd>> = OnceLock::new();
const PATIENCE: Duration = Duration::from_secs(10);
/// As many does `copy` keep.
const MOST_POOLED: usize = 16;
