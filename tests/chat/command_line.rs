//! How the server starts, and what it says when it cannot.

use std::process::{Command, Output};

use tests::flavours::Flavour;
use tests::server::program;

use crate::{chat, start};

fn run(arguments: &[&str]) -> Output {
    Command::new(program("chat"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn it_says_in_one_line_where_it_listens_and_with_what() {
    chat(|flavour| {
        let server = start(flavour, &["--policy", "kick"]);
        let address = server.address();
        assert!(address.ip().is_loopback() && address.port() != 0);
        let name = match flavour {
            Flavour::Single => "single",
            Flavour::Steal => "steal",
        };
        let expected = format!("chat listening on {address}, policy kick, flavor {name}\n");
        assert_eq!(server.first_line(), expected);
    });
}

#[test]
fn what_it_does_not_understand_it_answers_with_the_usage() {
    chat(|_| {
        for (line, named) in [
            (&["--port", "7000"][..], "--port"),
            (&["--flavor", "double"], "double"),
            (&["--policy", "pray"], "pray"),
            (&["--addr", "localhost"], "localhost"),
            (&["--workers", "0"], "--workers"),
            (&["--workers", "2"], "--workers"),
            (&["--outbox", "much"], "much"),
            (&["--idle", "-1"], "--idle"),
        ] {
            let output = run(line);
            assert_eq!(output.status.code(), Some(1), "{line:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                said.starts_with("chat: ") && said.contains(named),
                "{line:?}: {said}"
            );
            assert!(said.contains("usage: chat"), "{line:?}: {said}");
        }
        let help = run(&["--help"]);
        assert!(help.status.success());
        let said = String::from_utf8(help.stdout).unwrap();
        for option in [
            "--addr",
            "--unix",
            "--policy",
            "--outbox",
            "--flavor",
            "--workers",
        ] {
            assert!(said.contains(option), "{said}");
        }
    });
}

#[test]
fn a_taken_port_is_told_with_the_cure() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let address = server.address().to_string();
        let output = run(&["--addr", &address]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&address) && said.contains("--addr"), "{said}");
    });
}
