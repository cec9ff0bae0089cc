//! Ten thousand connections, and more clients than descriptors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tests::process::{
    Running, cpu_ticks, descriptors, has_room_for, limit_descriptors, sleeps, status, until_asleep,
};
use tests::server::{Server, echo_on, program};
use tests::skip;

use crate::{heavy, ping};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn ten_thousand_connections_are_held_and_served_and_idle_ones_cost_nothing() {
    heavy(LIMIT, |flavour| {
        const CROWD: usize = 10_000;
        if !has_room_for(CROWD as u64 + 100) {
            return skip(
                "ten thousand connections",
                "the hard limit of descriptors is too low",
            );
        }
        let server = Server::echo(flavour);
        let address = server.address().to_string();
        let mut load = Command::new(program("load"));
        load.args([
            "--addr",
            &address,
            "--hold",
            "--connections",
            &CROWD.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
        let mut load = Running(load.spawn().unwrap());
        let mut said = BufReader::new(load.0.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        // It says so when each connection has its message back.
        assert_eq!(line, "holding\n");
        assert!(descriptors(server.pid()) > CROWD);
        let idle = quietest(server.pid());
        assert_eq!(
            idle,
            (0, 0),
            "wakes and processor ticks while nothing happens"
        );
        let memory = status(server.pid(), "VmRSS");
        println!("{flavour}: {CROWD} connections: {memory} kB");

        ping(&mut server.connect(), b"one more");
        drop(load.0.stdin.take());
        line.clear();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("errors=0"), "{line}");
        let count = format!("connections={CROWD}");
        assert!(line.trim().ends_with(&count), "{line}");
        load.0.wait().unwrap();
        while descriptors(server.pid()) > 100 {
            thread::yield_now();
        }
        ping(&mut server.connect(), b"alive");
    });
}

/// Wakes and processor ticks of a process in a while in which nothing happens; the quieter of two
/// whiles, since the first may see the end of what was before.
///
/// This is one of two real waits in these tests: that *nothing* comes, from within, cannot be
/// ordered against an event, because any event would wake the server.
fn quietest(process: u32) -> (u64, u64) {
    until_asleep(process);
    let a_while = || {
        let before = (sleeps(process), cpu_ticks(process));
        thread::sleep(Duration::from_millis(300));
        let after = (sleeps(process), cpu_ticks(process));
        (after.0 - before.0, after.1 - before.1)
    };
    a_while().min(a_while())
}

/// The server has room for some 58 of 640. The connections that wait are in the queue already, and
/// nothing announces them again.
#[test]
fn with_too_few_descriptors_everybody_is_served_in_turn() {
    heavy(LIMIT, |flavour| {
        const CLIENTS: usize = 640;
        const DESCRIPTORS: u64 = 64;
        if !has_room_for(CLIENTS as u64 + 200) {
            return skip(
                "more clients than descriptors",
                "the hard limit is too low for them",
            );
        }
        let queue = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        if queue.trim().parse::<usize>().unwrap() < CLIENTS {
            return skip(
                "more clients than descriptors",
                "net.core.somaxconn is too low for them",
            );
        }
        let mut command = echo_on(flavour);
        // Soft and hard: the server would raise the soft one.
        // SAFETY: the closure makes one system call, as is allowed after a fork.
        unsafe { command.pre_exec(|| limit_descriptors(DESCRIPTORS, DESCRIPTORS)) };
        let server = Server::start(&mut command);
        let own = descriptors(server.pid());
        let mut waiting: Vec<TcpStream> = (0..CLIENTS).map(|_| server.connect()).collect();
        for (number, client) in waiting.iter_mut().enumerate() {
            client.write_all(&number.to_be_bytes()).unwrap();
        }
        let mut served = 0;
        let mut slowest = Duration::ZERO;
        let mut busiest = 0;
        while !waiting.is_empty() {
            let room = (DESCRIPTORS as usize - own).min(waiting.len());
            let mut wave: Vec<TcpStream> = waiting.drain(..room).collect();
            let began = Instant::now();
            for client in &mut wave {
                let mut number = [0; size_of::<usize>()];
                client.read_exact(&mut number).unwrap();
                assert_eq!(usize::from_be_bytes(number), served);
                served += 1;
            }
            slowest = slowest.max(began.elapsed());
            if served <= room {
                busiest = ticks_when_full(server.pid());
                let began = Instant::now();
                wave.iter_mut().for_each(|client| ping(client, b"prompt"));
                assert!(
                    began.elapsed() < Duration::from_secs(1),
                    "{:?}",
                    began.elapsed()
                );
            }
            // Room for the next ones, who do not connect anew.
        }
        println!(
            "{flavour}, {DESCRIPTORS} descriptors: {busiest} % busy when full, slowest wave {slowest:?}"
        );
        assert_eq!(served, CLIENTS);
        assert!(busiest < 5, "{busiest} % of a processor");
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        ping(&mut server.connect(), b"alive");
    });
}

/// Hundredths of a second of processor time in a second in which the server has no descriptor left
/// and somebody waits.
///
/// The other real wait of these tests: how much a server spins shows over a time only.
fn ticks_when_full(process: u32) -> u64 {
    let before = cpu_ticks(process);
    let began = Instant::now();
    thread::sleep(Duration::from_secs(1));
    let ticks = (cpu_ticks(process) - before) as f64;
    (ticks / began.elapsed().as_secs_f64()).round() as u64
}
