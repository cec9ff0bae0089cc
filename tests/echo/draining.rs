//! How the server ends: by a signal, with code 0, and without cutting anybody off.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tests::event::until;
use tests::flavours::{BOTH, Flavour};
use tests::process::{signal, until_asleep};
use tests::server::{Server, echo, echo_on};

use crate::{bytes, ping, soon};

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

/// They are connected, as far as they know, but nobody has accepted them yet. (Who comes in the moment
/// in which the listener is closed is reset: the kernel has no way to close one without its queue.)
#[test]
fn those_who_are_still_in_the_queue_are_served_too() {
    soon(|| {
        for flavour in BOTH {
            for arguments in [&[][..], &["--max-connections", "1"]] {
                let server = Server::start(echo_on(flavour).args(arguments));
                ping(&mut server.connect(), b"hello");
                signal(server.pid(), libc::SIGSTOP);
                let mut clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
                for client in &mut clients {
                    client.write_all(b"before").unwrap();
                }
                signal(server.pid(), libc::SIGTERM);
                signal(server.pid(), libc::SIGCONT);
                for mut client in clients {
                    let mut back = Vec::new();
                    client.read_to_end(&mut back).unwrap();
                    assert_eq!(back, b"before");
                }
                assert_eq!(exit_code(server), Some(0));
            }
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
        for flavour in BOTH {
            let mut command = echo_on(flavour);
            command.args(["--grace", "1"]).stderr(Stdio::piped());
            let mut server = Server::start(&mut command);
            let client = stubborn(&server);
            signal(server.pid(), libc::SIGTERM);
            assert!(server.rest().contains(" 1 clients cut off at the end"));
            let mut stderr = server.process().0.stderr.take().unwrap();
            let mut told = String::new();
            stderr.read_to_string(&mut told).unwrap();
            // The runtime says which task that was.
            assert!(
                told.contains("cut: 1 spawned at examples/src/echo/main.rs"),
                "{told}"
            );
            assert_eq!(exit_code(server), Some(0));
            drop(client);
        }
    });
}

#[test]
fn one_who_does_not_read_what_it_says_does_not_keep_it() {
    soon(|| {
        for flavour in BOTH {
            let mut server = Server::echo(flavour);
            ping(&mut server.connect(), b"hello");
            let stdout = format!("/proc/{}/fd/1", server.pid());
            let full = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(stdout);
            let mut full = full.unwrap();
            while full.write(&[b'.'; 1024]).is_ok() {}
            signal(server.pid(), libc::SIGTERM);
            assert_eq!(server.process().0.wait().unwrap().code(), Some(0));
        }
    });
}

/// Some ask and wait, some send without a pause and read beside. What the server says it has sent back
/// is what the clients have got, to the byte; and a message is answered whole, or not at all.
#[test]
fn on_a_busy_server_what_was_accepted_is_answered_and_nothing_is_half_sent() {
    soon(|| {
        for flavour in BOTH {
            let mut server = Server::start(&mut echo_on(flavour));
            let answered = Arc::new(AtomicUsize::new(0));
            let clients: Vec<_> = (0..40)
                .map(|number| {
                    let (stream, answered) = (server.connect(), answered.clone());
                    thread::spawn(move || match number % 4 {
                        0 => flood(stream),
                        _ => ask(stream, &answered),
                    })
                })
                .collect();
            until(|| answered.load(Ordering::Relaxed) > 4000);
            signal(server.pid(), libc::SIGTERM);
            let got: usize = clients.into_iter().map(|it| it.join().unwrap()).sum();
            let told = server.rest();
            assert_eq!(exit_code(server), Some(0), "{told}");
            assert!(
                told.contains(&format!(" {got} bytes sent back, 0 ")),
                "{got} {told}"
            );
        }
    });
}

/// Asks until nobody answers any more; how many bytes have come back.
fn ask(mut stream: TcpStream, answered: &AtomicUsize) -> usize {
    let message = [7; 100];
    let mut got = 0;
    loop {
        let sent = stream.write_all(&message);
        let mut back = Vec::new();
        let mut whole = (&mut stream).take(message.len() as u64);
        let ended = whole.read_to_end(&mut back).is_err() || back.len() < message.len();
        assert!(
            back.is_empty() || back == message,
            "half an answer: {}",
            back.len()
        );
        got += back.len();
        if sent.is_err() || ended {
            return got;
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends without a pause, and reads beside; how many bytes have come back.
fn flood(mut stream: TcpStream) -> usize {
    let mut mouth = stream.try_clone().unwrap();
    let speaking = thread::spawn(move || {
        let message = bytes(100_000);
        while mouth.write_all(&message).is_ok() {}
    });
    let (mut got, mut buffer) = (0, vec![0; 50_000]);
    // To the end: a reset would mean that something was lost.
    while let count @ 1.. = stream.read(&mut buffer).unwrap() {
        got += count;
    }
    let _ = stream.shutdown(Shutdown::Both);
    speaking.join().unwrap();
    got
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
