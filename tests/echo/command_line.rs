//! How the server starts, and what it says when it cannot.

use std::net::TcpListener;
use std::process::Output;

use tests::server::{Server, echo};

use crate::{ping, soon};

fn run(arguments: &[&str]) -> Output {
    echo().args(arguments).output().unwrap()
}

/// It failed as programs do: code 1, and a message on the right stream, in the program's name.
fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("echo: "), "{said}");
    said
}

#[test]
fn it_says_in_one_line_where_it_listens_and_with_what() {
    soon(|| {
        let server = Server::start(&mut echo());
        let address = server.address();
        assert!(address.ip().is_loopback() && address.port() != 0);
        let expected = format!("echo listening on {address}, flavor single, 1 worker\n");
        assert_eq!(server.first_line(), expected);
        ping(&mut server.connect(), b"hello");
    });
}

#[test]
fn it_listens_at_the_socket_that_it_was_started_with() {
    soon(|| {
        let given = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = given.local_addr().unwrap();
        let both = [given.try_clone().unwrap().into(), other.into()];
        // Clients would wait at the other for ever.
        assert_eq!(Server::start_with(&echo(), both).first_line(), "");
        let server = Server::start_with(&echo(), [given.into()]);
        assert_eq!(server.address(), address);
        ping(&mut server.connect(), b"hello");
    });
}

#[test]
fn it_can_be_started_again_at_once_on_the_same_port() {
    soon(|| {
        let server = Server::start(&mut echo());
        let address = server.address();
        let mut client = server.connect();
        ping(&mut client, b"hello");
        // The server closes first, which leaves the port in TIME_WAIT.
        drop(server);
        let text = address.to_string();
        let again = Server::start_on(&mut echo(), &text);
        assert_eq!(again.address(), address);
        ping(&mut again.connect(), b"hello again");
    });
}

#[test]
fn a_taken_port_is_told_with_the_cure() {
    soon(|| {
        let server = Server::start(&mut echo());
        let address = server.address().to_string();
        let said = complaint(&["--addr", &address]);
        assert!(said.contains(&address) && said.contains("taken"), "{said}");
        assert!(said.contains("--addr"), "{said}");
        // The first one does not mind.
        ping(&mut server.connect(), b"hello");
    });
}

#[test]
fn an_address_of_another_machine_is_told_with_the_cure() {
    soon(|| {
        // From the block of addresses for documentation, which nobody has.
        let said = complaint(&["--addr", "192.0.2.1:7000"]);
        assert!(
            said.contains("192.0.2.1:7000") && said.contains("--addr"),
            "{said}"
        );
    });
}

#[test]
fn several_workers_serve_when_asked_to() {
    soon(|| {
        let server = Server::start(echo().args(["--flavor", "steal", "--workers", "2"]));
        let address = server.address();
        let expected = format!("echo listening on {address}, flavor steal, 2 workers\n");
        assert_eq!(server.first_line(), expected);
        ping(&mut server.connect(), b"hello");
    });
}

#[test]
fn what_it_does_not_understand_it_answers_with_the_usage() {
    soon(|| {
        for (line, named) in [
            (&["--port", "7000"][..], "--port"),
            (&["--flavor", "double"], "double"),
            (&["--addr", "localhost"], "localhost"),
            (&["--addr"], "--addr"),
            (&["--workers", "0"], "--workers"),
            (&["--workers", "2"], "--workers"),
            (&["--buffer", "much"], "much"),
            (&["7000"], "7000"),
        ] {
            let said = complaint(line);
            assert!(said.contains(named), "{line:?}: {said}");
            assert!(said.contains("usage: echo"), "{line:?}: {said}");
        }
    });
}

#[test]
fn help_is_no_error() {
    soon(|| {
        for option in ["--help", "-h"] {
            let output = run(&[option]);
            assert!(output.status.success());
            let said = String::from_utf8(output.stdout).unwrap();
            for option in ["--addr", "--flavor", "--workers", "--buffer"] {
                assert!(said.contains(option), "{said}");
            }
        }
    });
}
