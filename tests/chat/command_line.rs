//! How the server starts, and what it says when it cannot.

use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Output};

use tests::event::until;
use tests::fd;
use tests::flavours::Flavour;
use tests::place::Place;
use tests::process::{Running, signal};
use tests::server::{Server, program};

use crate::client::Client;
use crate::{chat, command, start};

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
fn it_listens_at_the_sockets_that_it_was_started_with() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("door");
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let unix = UnixListener::bind(&path).unwrap();
        let sockets = [tcp.into(), unix.into()];
        let mut server = Server::start_with(&command(flavour, &[]), sockets);
        assert_eq!(server.address(), address);
        assert!(server.first_line().contains(path.to_str().unwrap()));
        Client::named(&server, "ann").say_and_see("hello");
        Client::local(&path).until("<ann> hello");
        signal(server.pid(), libc::SIGTERM);
        assert_eq!(server.process().0.wait().unwrap().code(), Some(0));
        // Its file is somebody else's.
        assert!(path.exists());
    });
}

/// Clients would wait at the second for ever.
#[test]
fn two_sockets_of_a_kind_are_refused() {
    chat(|flavour| {
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap().into());
        let mut server = Server::start_with(&command(flavour, &[]), sockets);
        assert_eq!(server.first_line(), "");
        assert_eq!(server.process().0.wait().unwrap().code(), Some(1));
    });
}

#[test]
fn nobody_has_to_read_what_it_says() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("door");
        let (reader, writer) = fd::pipe();
        drop(reader);
        let mut command = command(flavour, &["--unix", path.to_str().unwrap()]);
        let mut server = Running(
            command
                .args(["--addr", "127.0.0.1:0"])
                .stdout(writer)
                .spawn()
                .unwrap(),
        );
        until(|| UnixStream::connect(&path).is_ok());
        Client::local(&path).until("you are in lobby");
        signal(server.0.id(), libc::SIGTERM);
        assert_eq!(server.0.wait().unwrap().code(), Some(0));
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
            (&["--unix", ""], "--unix"),
            (&["--unix", "here", "--handover", "here"], "not the same"),
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
