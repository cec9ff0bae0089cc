//! Whoever starts a program to see what it is, is told, and nothing else happens.

use std::process::Command;

const PROGRAMS: [(&str, &str); 9] = [
    ("chat", env!("CARGO_BIN_EXE_chat")),
    ("chat_client", env!("CARGO_BIN_EXE_chat_client")),
    ("echo", env!("CARGO_BIN_EXE_echo")),
    ("fdpass", env!("CARGO_BIN_EXE_fdpass")),
    ("multicast", env!("CARGO_BIN_EXE_multicast")),
    ("proxy", env!("CARGO_BIN_EXE_proxy")),
    ("sigwait", env!("CARGO_BIN_EXE_sigwait")),
    ("tail_pipe", env!("CARGO_BIN_EXE_tail_pipe")),
    ("udp_echo", env!("CARGO_BIN_EXE_udp_echo")),
];

#[test]
fn asked_for_help_each_prints_its_usage() {
    for (name, path) in PROGRAMS {
        for asked in ["--help", "-h"] {
            let output = Command::new(path).arg(asked).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.contains(&format!("\nusage: {name}")), "{said}");
            assert!(output.status.success() && output.stderr.is_empty());
        }
    }
}

#[test]
fn what_none_understands_each_answers_with_its_usage() {
    for (name, path) in PROGRAMS {
        for wrong in [&["--nonsense"][..], &["one", "two", "three", "four"]] {
            let output = Command::new(path).args(wrong).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.starts_with(&format!("{name}: ")), "{said}");
            assert!(said.contains(&format!("\nusage: {name}")), "{said}");
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        }
    }
}
