//! What `/proc` says about a server while it waits.
//!
//! The danger is a figure that is nearly right: `VmRSS` is kept in batches for
//! each core and is off by megabytes in a process of many threads. So memory
//! is read from `smaps_rollup`, for which the kernel walks the page tables,
//! and context switches from each thread's own file. Both are slow, which is
//! why they are read only outside of the timed part.

use crate::failure::Failure;
use std::fs;
use std::io;
use std::path::Path;

/// Bytes of memory of the process that are in RAM.
pub fn resident(process: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
    match number_after(&text, "Rss:") {
        Some(kilobytes) => Ok(kilobytes as f64 * 1024.0),
        None => Err(Failure::new(format!(
            "{path} has no line Rss: use Linux 4.14 or newer"
        ))),
    }
}

/// Context switches of all living threads of the process so far.
pub fn switches(process: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{process}/task");
    let threads = fs::read_dir(&path).map_err(|error| failed(&path, &error))?;
    let mut switches = 0;
    for thread in threads {
        let thread = thread.map_err(|error| failed(&path, &error))?.path();
        // A thread may end while we look.
        switches += switches_of(&thread).unwrap_or(0);
    }
    Ok(switches)
}

/// Context switches of the one thread whose folder in `/proc` this is.
fn switches_of(thread: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(thread.join("status"))?;
    let count = |name| number_after(&text, name).unwrap_or(0);
    Ok(count("\nvoluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:"))
}

fn failed(path: &str, error: &io::Error) -> Failure {
    let cure = "see why the server ended by itself, or mount /proc";
    Failure::call(&format!("reading {path}"), error, cure)
}

/// The first number after `name`.
fn number_after(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn lines_that_contain_each_other_are_told_apart() {
        let text = "Threads:\t1\nvoluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t4\n";
        assert_eq!(number_after(text, "\nvoluntary_ctxt_switches:"), Some(17));
        assert_eq!(number_after(text, "nonvoluntary_ctxt_switches:"), Some(4));
        assert_eq!(number_after(text, "Rss:"), None);
    }

    #[test]
    fn sleeping_is_a_switch() {
        // Only this thread's: the threads of other tests end meanwhile, and
        // with them their counts leave the sum of the process.
        let own = Path::new("/proc/thread-self");
        let before = switches_of(own).expect("we are there");
        thread::sleep(Duration::from_millis(1));
        assert!(switches_of(own).expect("we are there") > before);
    }

    #[test]
    fn a_process_has_the_switches_of_its_threads() {
        let own = switches_of(Path::new("/proc/thread-self")).expect("we are there");
        assert!(switches(process::id()).expect("we are there") >= own);
        assert!(switches(u32::MAX).is_err(), "no process has that id");
    }

    #[test]
    fn touched_memory_is_resident() {
        // So much that what the other tests give back meanwhile is little.
        const LENGTH: usize = 64 << 20;
        let before = resident(process::id()).expect("we are there");
        let block = vec![1_u8; LENGTH];
        let grown = resident(process::id()).expect("we are there") - before;
        assert!(grown > LENGTH as f64 * 0.75, "{grown} with {}", block.len());
    }
}
