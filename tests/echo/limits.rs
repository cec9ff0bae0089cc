//! What the server bears: so many clients, so long a silence, so slow a reader; and what it tells.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::event::until;
use tests::flavours::Flavour;
use tests::process::{Running, descriptors};
use tests::server::{Server, echo_on};

use crate::{bytes, flavours, ping};

fn start(flavour: Flavour, arguments: &[&str]) -> Server {
    Server::start(echo_on(flavour).args(arguments))
}

#[test]
fn with_all_places_taken_the_next_client_waits_for_one() {
    flavours(|flavour| {
        let server = start(flavour, &["--max-connections", "2"]);
        let [mut first, mut second] = [server.connect(), server.connect()];
        ping(&mut first, b"first");
        ping(&mut second, b"second");
        let mut third = server.connect();
        third.write_all(b"third").unwrap();
        // The others are served, and the third one is not.
        for _ in 0..100 {
            ping(&mut first, b"again");
            ping(&mut second, b"again");
        }
        third.set_nonblocking(true).unwrap();
        assert!(third.read(&mut [0; 5]).is_err());
        third.set_nonblocking(false).unwrap();
        drop(first);
        let mut back = [0; 5];
        third.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"third");
    });
}

#[test]
fn who_says_nothing_for_long_is_ended_and_who_speaks_is_not() {
    flavours(|flavour| {
        let server = start(flavour, &["--idle", "1"]);
        let mut silent = server.connect();
        let mut lively = server.connect();
        let began = Instant::now();
        silent.set_nonblocking(true).unwrap();
        // The end, and no reset.
        while !matches!(silent.read(&mut [0]), Ok(0)) {
            ping(&mut lively, b"still here");
        }
        assert!(began.elapsed() >= Duration::from_secs(1));
        ping(&mut lively, b"still here");
    });
}

#[test]
fn who_reads_too_slowly_is_cut_off_whatever_little_it_reads() {
    flavours(|flavour| {
        let server = start(flavour, &["--stall", "1"]);
        let before = descriptors(server.pid());
        let mut slow = server.connect();
        slow.write_all(&bytes(20 << 20)).unwrap();
        // 1 kB at a time, far below 64 KiB a second: that it is some is no excuse.
        let mut pace = Instant::now();
        until(|| {
            if pace.elapsed() > Duration::from_millis(50) {
                pace = Instant::now();
                let _ = slow.read(&mut [0; 1000]);
            }
            descriptors(server.pid()) == before
        });
        ping(&mut server.connect(), b"the others go on");
    });
}

#[test]
fn who_reads_steadily_is_not_cut_off_though_it_takes_longer_than_the_limit() {
    flavours(|flavour| {
        let server = start(flavour, &["--stall", "1"]);
        let mut slow = server.connect();
        let sent = bytes(20 << 20);
        slow.write_all(&sent).unwrap();
        let (began, mut back) = (Instant::now(), Vec::new());
        let mut buffer = vec![0; 512 << 10];
        while back.len() < sent.len() {
            // Two seconds for all of it at least.
            let due = back.len() as f64 / sent.len() as f64 * 2.0;
            until(|| began.elapsed().as_secs_f64() >= due);
            let count = slow.read(&mut buffer).unwrap();
            assert!(count > 0);
            back.extend_from_slice(&buffer[..count]);
        }
        assert!(back == sent);
        assert!(began.elapsed() >= Duration::from_millis(1500));
    });
}

#[test]
fn with_stats_it_says_what_it_does() {
    flavours(|flavour| {
        let mut command = echo_on(flavour);
        command.args(["--addr", "127.0.0.1:0", "--stats"]);
        let (mut server, mut lines) = lines(&mut command);
        let first = lines.next().unwrap();
        let address = first.split([' ', ',']).find(|word| word.contains(':'));
        let mut client = TcpStream::connect(address.unwrap()).unwrap();
        let (mut messages, mut bytes) = (0, 0);
        for _ in 0..100 {
            ping(&mut client, b"hello");
        }
        while messages < 100 {
            let line = lines.next().unwrap();
            let numbers: Vec<u64> = line
                .split(' ')
                .filter_map(|word| word.parse().ok())
                .collect();
            let [1, 1, more_messages, more_bytes] = numbers[..] else {
                panic!("{line}");
            };
            (messages, bytes) = (messages + more_messages, bytes + more_bytes);
        }
        assert_eq!((messages, bytes), (100, 500));
        drop(client);
        assert!(lines.next().unwrap().starts_with("0 open, 1 accepted; 0 "));
        tests::process::signal(server.0.id(), libc::SIGTERM);
        let told = "echo has ended; 1 clients, 100 messages, 500 bytes sent back, 0 clients cut off at the end";
        assert_eq!(lines.next().unwrap(), told);
        assert!(server.0.wait().unwrap().success());
    });
}

/// The program, and what it says.
fn lines(command: &mut Command) -> (Running, impl Iterator<Item = String>) {
    let mut server = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let stdout = BufReader::new(server.0.stdout.take().unwrap());
    (server, stdout.lines().map(Result::unwrap))
}
