//! Clients of all manners.
//!
//! What a client may do to a server: send everything before it reads anything, read nothing, go away
//! in the middle, send a byte at a time. The others must not notice.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use tests::event::until;
use tests::flavours::Flavour;
use tests::process::{descriptors, only_child, status, works};
use tests::server::{Server, echo_on};
use tests::{fd, skip};

use crate::{bytes, flavours, heavy, ping};

#[test]
fn everything_may_be_sent_before_anything_is_read() {
    heavy(std::time::Duration::from_secs(60), |flavour| {
        let server = Server::echo(flavour);
        let mut client = server.connect();
        // More than all buffers of the kernel on the way, so that the server must keep it.
        let sent = bytes(64 << 20);
        client.write_all(&sent).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut back = Vec::with_capacity(sent.len());
        client.read_to_end(&mut back).unwrap();
        assert!(
            back == sent,
            "{} of {} bytes came back right",
            back.len(),
            sent.len()
        );
    });
}

#[test]
fn a_stream_that_is_written_and_read_at_once_comes_back_whole() {
    flavours(|flavour| {
        let server = Server::echo(flavour);
        let mut client = server.connect();
        let mut writer = client.try_clone().unwrap();
        let sent = bytes(8 << 20);
        let expected = sent.clone();
        let sender = thread::spawn(move || {
            // Sizes of no regularity, round the server's own chunk.
            let mut left = &sent[..];
            for size in (1..9000).step_by(97).cycle() {
                let (now, rest) = left.split_at(size.min(left.len()));
                writer.write_all(now).unwrap();
                left = rest;
                if left.is_empty() {
                    return writer.shutdown(Shutdown::Write).unwrap();
                }
            }
        });
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        sender.join().unwrap();
        assert!(back == expected, "{} bytes", back.len());
    });
}

#[test]
fn a_client_that_says_nothing_may_leave() {
    flavours(|flavour| {
        let server = Server::echo(flavour);
        let mut client = server.connect();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        ping(&mut server.connect(), b"next");
    });
}

#[test]
fn many_messages_in_one_write_come_back_in_order() {
    flavours(|flavour| {
        let server = Server::echo(flavour);
        let mut client = server.connect();
        let lines: Vec<u8> = (0..5000)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        ping(&mut client, &lines);
        for byte in 0..=255 {
            ping(&mut client, &[byte]);
        }
    });
}

/// Cut off by a reset, at any point of a conversation, with bytes on the way to it and from it.
#[test]
fn clients_that_are_cut_off_in_the_middle_harm_nobody() {
    flavours(|flavour| {
        let server = Server::echo(flavour);
        let mut witness = server.connect();
        ping(&mut witness, b"before");
        let open = descriptors(server.pid());
        for round in 0..100 {
            let mut client = server.connect();
            fd::reset_on_close(&client);
            match round % 4 {
                0 => {}
                1 => ping(&mut client, b"hello"),
                2 => client.write_all(b"never read").unwrap(),
                _ => client.write_all(&bytes(100_000)).unwrap(),
            }
            drop(client);
            ping(&mut witness, b"still here");
        }
        until(|| descriptors(server.pid()) == open);
        ping(&mut witness, b"after");
    });
}

#[test]
fn a_client_that_sends_and_never_reads_harms_nobody_and_is_not_kept_for_ever() {
    heavy(std::time::Duration::from_secs(60), |flavour| {
        let server = Server::start(echo_on(flavour).args(["--buffer", "1000000"]));
        let mut rude = server.connect();
        let mut others: Vec<TcpStream> = (0..5).map(|_| server.connect()).collect();
        let mut writer = rude.try_clone().unwrap();
        let sent = bytes(64 << 20);
        let expected = sent.clone();
        let sender = thread::spawn(move || writer.write_all(&sent));
        for _ in 0..200 {
            others.iter_mut().for_each(|other| ping(other, b"served"));
        }
        // 64 MiB fit into no buffers on the way, so there is more to be sent for as long as nobody
        // reads; and of what the server has taken it keeps a part only.
        assert!(!sender.is_finished());
        let kilobytes: u64 = status(server.pid(), "VmRSS").parse().unwrap();
        assert!(kilobytes < 20_000, "{kilobytes} kB");
        let mut back = vec![0; expected.len()];
        rude.read_exact(&mut back).unwrap();
        assert!(back == expected);
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn a_client_that_never_reads_may_be_cut_off() {
    flavours(|flavour| {
        let server = Server::start(echo_on(flavour).args(["--buffer", "100000"]));
        let mut witness = server.connect();
        ping(&mut witness, b"before");
        let open = descriptors(server.pid());
        let mut rude = server.connect();
        rude.set_nonblocking(true).unwrap();
        // Until the whole way there and back is full: nothing is taken while the witness is served.
        let block = bytes(1 << 16);
        let mut refused = 0;
        while refused < 20 {
            let written = rude.write(&block);
            if let Err(error) = &written {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                ping(&mut witness, b"meanwhile");
            }
            refused = if written.is_ok() { 0 } else { refused + 1 };
        }
        fd::reset_on_close(&rude);
        drop(rude);
        until(|| descriptors(server.pid()) == open);
        ping(&mut witness, b"after");
    });
}

#[test]
fn netcat_is_served() {
    flavours(|flavour| {
        if !works("nc", &["-h"]) {
            return skip("netcat_is_served", "nc is not installed");
        }
        let server = Server::echo(flavour);
        // Of the two kinds of netcat each has its own option for "end when the input does".
        let told = Command::new("nc").arg("-h").output().unwrap();
        let help = String::from_utf8_lossy(&told.stderr).into_owned();
        let ending: &[&str] = if help.contains("-N") {
            &["-N"]
        } else if help.contains("-q ") {
            &["-q", "1"]
        } else {
            return skip("netcat_is_served", "this nc has neither -N nor -q");
        };
        let (host, port) = (server.address().ip(), server.address().port());
        let mut nc = Command::new("nc")
            .args(ending)
            .args([host.to_string(), port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        nc.stdin
            .take()
            .unwrap()
            .write_all(b"hello\nworld\n")
            .unwrap();
        let output = nc.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"hello\nworld\n");
    });
}

#[test]
fn a_client_in_python_is_served() {
    flavours(|flavour| {
        if !works("python3", &["--version"]) {
            return skip("a_client_in_python_is_served", "python3 is not installed");
        }
        let server = Server::echo(flavour);
        let script = "\
import socket, sys
stream = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for size in (1, 10, 1000, 100000):
    message = bytes(i % 251 for i in range(size))
    stream.sendall(message)
    back = b''
    while len(back) < size:
        part = stream.recv(65536)
        assert part, 'the stream ended early'
        back += part
    assert back == message, 'it came back changed'
stream.shutdown(socket.SHUT_WR)
assert stream.recv(1) == b''
print('served')
";
        let (host, port) = (server.address().ip(), server.address().port());
        let output = Command::new("python3")
            .args(["-c", script, &host.to_string(), &port.to_string()])
            .output()
            .unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.stdout, b"served\n", "{complained}");
    });
}

#[test]
fn the_server_starts_no_process_and_no_thread_but_its_workers() {
    flavours(|flavour| {
        let server = Server::echo(flavour);
        let mut clients: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
        clients.iter_mut().for_each(|client| ping(client, b"hello"));
        let threads = match flavour {
            Flavour::Single => "1",
            Flavour::Steal => "3",
        };
        assert_eq!(status(server.pid(), "Threads"), threads);
        assert_eq!(only_child(server.pid()), None);
    });
}
