//! How the server ends: by a signal, with code 0, and without cutting anybody off.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;

use tests::deadline::soon;
use tests::flavours::Flavour;
use tests::process::{signal, until_asleep};
use tests::server::{Server, echo};

use crate::{bytes, ping};

/// One of each flavour.
fn servers() -> [Server; 2] {
    let several = ["--flavor", "steal", "--workers", "2"];
    [
        Server::echo(Flavour::Single),
        Server::start(echo().args(several)),
    ]
}

fn exit_code(mut server: Server) -> Option<i32> {
    server.process().0.wait().unwrap().code()
}

/// Waits until nobody listens any more.
fn until_it_listens_no_more(server: &Server) {
    loop {
        match TcpStream::connect(server.address()) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
            // One that was in the queue of the listener, or came just then.
            _ => std::thread::yield_now(),
        }
    }
}

/// A client that has sent much and reads nothing.
fn stubborn(server: &Server) -> TcpStream {
    let mut client = server.connect();
    client.write_all(&bytes(20 << 20)).unwrap();
    client
}

#[test]
fn an_interrupt_ends_it_though_clients_are_connected() {
    soon(|| {
        for kind in [libc::SIGINT, libc::SIGTERM] {
            for server in servers() {
                let mut clients = [(); 20].map(|()| server.connect());
                clients.iter_mut().for_each(|client| ping(client, b"hello"));
                signal(server.pid(), kind);
                for mut client in clients {
                    // The end, and no reset.
                    assert_eq!(client.read(&mut [0]).unwrap(), 0);
                }
                assert_eq!(exit_code(server), Some(0));
            }
        }
    });
}

#[test]
fn what_was_sent_before_still_comes_back() {
    soon(|| {
        for server in servers() {
            let mut client = server.connect();
            ping(&mut client, b"hello");
            // Both come while it does not run, so that it finds them at once.
            signal(server.pid(), libc::SIGSTOP);
            let message = bytes(12 << 10);
            client.write_all(&message).unwrap();
            signal(server.pid(), libc::SIGTERM);
            signal(server.pid(), libc::SIGCONT);
            let mut back = Vec::new();
            client.read_to_end(&mut back).unwrap();
            assert!(back == message, "{} bytes of {}", back.len(), message.len());
            assert_eq!(exit_code(server), Some(0));
        }
    });
}

#[test]
fn a_client_that_has_not_read_yet_gets_what_is_kept_for_it() {
    soon(|| {
        for server in servers() {
            let mut client = stubborn(&server);
            until_asleep(server.pid());
            signal(server.pid(), libc::SIGTERM);
            until_it_listens_no_more(&server);
            let mut back = Vec::new();
            client.read_to_end(&mut back).unwrap();
            assert!(back == bytes(20 << 20), "{} bytes", back.len());
            assert_eq!(exit_code(server), Some(0));
        }
    });
}

#[test]
fn a_client_that_never_reads_does_not_keep_it() {
    soon(|| {
        let server = Server::echo(Flavour::Single);
        let client = stubborn(&server);
        signal(server.pid(), libc::SIGTERM);
        assert_eq!(exit_code(server), Some(0));
        drop(client);
    });
}

#[test]
fn a_second_signal_kills_it() {
    soon(|| {
        for second in [libc::SIGINT, libc::SIGTERM] {
            for mut server in servers() {
                let client = stubborn(&server);
                signal(server.pid(), libc::SIGTERM);
                until_it_listens_no_more(&server);
                signal(server.pid(), second);
                let status = server.process().0.wait().unwrap();
                assert_eq!(status.signal(), Some(second));
                drop(client);
            }
        }
    });
}
