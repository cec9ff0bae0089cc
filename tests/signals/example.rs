//! The example `sigwait`, started as people do it.

use std::process::{Command, Stdio};

use net::signal::{SignalKind, sigqueue};
use tests::process::Running;
use tests::server::program;

use crate::{Test, me, read_line};

pub(crate) const TESTS: &[Test] = &[("sigwait_prints_what_comes", sigwait_prints_what_comes)];

fn sigwait_prints_what_comes() {
    let mut command = Command::new(program("sigwait"));
    let mut sigwait = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let pid = sigwait.0.id();
    let expected = format!("sigwait is process {pid}: send it SIGUSR1 or SIGRTMIN+1");
    assert_eq!(read_line(&mut sigwait), expected);
    // SAFETY: the call takes nothing.
    let user = unsafe { libc::getuid() };
    let from = format!("from process {} of user {user}, value", me());
    for value in [42, -1, 7] {
        sigqueue(pid, SignalKind::real_time(1), value).unwrap();
    }
    for value in [42, -1, 7] {
        assert_eq!(
            read_line(&mut sigwait),
            format!("SIGRTMIN+1 {from} {value}")
        );
    }
    tests::process::signal(pid, libc::SIGUSR1);
    assert_eq!(read_line(&mut sigwait), format!("SIGUSR1 {from} 0"));
    tests::process::signal(pid, libc::SIGINT);
    assert!(sigwait.0.wait().unwrap().success());
}
