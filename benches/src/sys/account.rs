//! What the kernel has on account of a process: its cores, its CPU time, its
//! context switches.
//!
//! The danger is a figure that is coarser than what it measures, or forgets:
//! `/proc/PID/stat` counts in hundredths of a second, and the files of threads
//! vanish with them. So CPU time is read from the process's own clock, which
//! counts nanoseconds and keeps what ended threads have used.

use super::check;
use std::io;
use std::mem;
use std::time::Duration;

/// The cores that this thread may run on.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    let mut set = no_cores();
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: `set` lives across the call, which writes at most `size` bytes.
    check(unsafe { libc::sched_getaffinity(0, size, &mut set) })?;
    let cores = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: every number is below CPU_SETSIZE, hence a bit of the set.
    let allowed = cores.filter(|core| unsafe { libc::CPU_ISSET(*core, &set) });
    Ok(allowed.collect())
}

/// Keeps this thread, and all that it starts from now on, on `cores`.
pub fn stay_on(cores: &[usize]) -> io::Result<()> {
    let mut set = no_cores();
    for core in cores {
        if *core >= libc::CPU_SETSIZE as usize {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        // SAFETY: the number was just found to be a bit of the set.
        unsafe { libc::CPU_SET(*core, &mut set) };
    }
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: `set` lives across the call, which reads `size` bytes of it.
    check(unsafe { libc::sched_setaffinity(0, size, &set) })?;
    Ok(())
}

fn no_cores() -> libc::cpu_set_t {
    // SAFETY: the set is an array of integers, for which zeroes are a value.
    unsafe { mem::zeroed() }
}

/// The CPU time of all threads of process number `process`, ended ones too.
pub fn process_cpu_time(process: u32) -> io::Result<Duration> {
    let process =
        libc::pid_t::try_from(process).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` lives across the call.
    match unsafe { libc::clock_getcpuclockid(process, &mut clock) } {
        0 => {}
        errno => return Err(io::Error::from_raw_os_error(errno)),
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` lives across the call.
    check(unsafe { libc::clock_gettime(clock, &mut time) })?;
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Ok(Duration::new(seconds, nanoseconds as u32))
}

/// Context switches of all the children that have ended and been waited for.
pub fn switches_of_ended_children() -> io::Result<u64> {
    // SAFETY: the structure is made of integers, for which zeroes are values.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: `usage` lives across the call.
    check(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) })?;
    Ok(usage.ru_nvcsw.unsigned_abs() + usage.ru_nivcsw.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process;

    #[test]
    fn a_thread_stays_where_it_is_put() {
        let before = allowed_cores().expect("the set can be read");
        let last = *before.last().expect("we run somewhere");
        stay_on(&[last]).expect("the core is allowed");
        assert_eq!(allowed_cores().expect("the set can be read"), [last]);
        stay_on(&before).expect("the cores are allowed");
        assert!(stay_on(&[usize::MAX]).is_err());
    }

    #[test]
    fn the_clock_of_a_process_keeps_what_ended_threads_used() {
        let now = || process_cpu_time(process::id()).expect("we are there");
        let before = now();
        let worker = std::thread::spawn(|| {
            let start = super::super::thread_cpu_time();
            while super::super::thread_cpu_time() - start < Duration::from_millis(5) {}
        });
        worker.join().expect("no panic");
        assert!(now() - before >= Duration::from_millis(5));
    }
}
