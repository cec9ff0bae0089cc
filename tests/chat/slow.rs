//! Clients that do not read, under each policy.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use tests::process::status;
use tests::server::Server;

use crate::client::Client;
use crate::{chat, start};

/// More than the kernel keeps for one that does not read, and its outbox, by far.
const LINES: usize = 3000;
const SMALL: [&str; 2] = ["--outbox", "65536"];

fn line(number: usize) -> String {
    format!("{number} {}", "x".repeat(1000))
}

/// The number of a line that somebody has said.
fn number(line: &str) -> Option<usize> {
    let (_, text) = line.split_once("> ")?;
    text.split_once(' ')?.0.parse().ok()
}

/// Says all lines, each when both have seen the one before.
fn say_all(speaker: &mut Client, witness: &mut Client) {
    for number in 0..LINES {
        let text = line(number);
        speaker.say_and_see(&text);
        assert_eq!(witness.until("<speaker>"), format!("<speaker> {text}"));
    }
}

/// Says all lines as fast as they are taken.
fn speak(mouth: &mut TcpStream) {
    for number in 0..LINES {
        let line = format!("{}\n", line(number));
        mouth.write_all(line.as_bytes()).unwrap();
    }
}

/// A speaker, one who reads, and one who does not.
fn three(server: &Server) -> (Client, Client, Client) {
    let stalled = Client::named(server, "stalled");
    let mut witness = Client::named(server, "witness");
    let speaker = Client::named(server, "speaker");
    witness.until("is now speaker");
    (speaker, witness, stalled)
}

/// Reads all lines, each once, in order.
fn sees_all(witness: &mut Client) {
    for expected in 0..LINES {
        let line = witness.until("<speaker>");
        assert_eq!(number(&line), Some(expected));
    }
}

/// How many lines there were, said or told as missed; each gap is as wide as it is told.
fn accounted(lines: &[String]) -> (usize, usize) {
    let (mut next, mut missed) = (0, 0);
    for line in lines {
        if let Some(count) = line.strip_prefix("* you missed ") {
            let count: usize = count.parse().unwrap();
            (next, missed) = (next + count, missed + count);
        } else if let Some(number) = number(line) {
            assert_eq!(number, next, "a gap that nobody told of");
            next += 1;
        }
    }
    (next, missed)
}

#[test]
fn with_drop_who_does_not_read_misses_lines_and_is_told_how_many() {
    chat(|flavour| {
        let server = start(flavour, &[&SMALL[..], &["--policy", "drop"]].concat());
        let (mut speaker, mut witness, mut stalled) = three(&server);
        say_all(&mut speaker, &mut witness);
        stalled.say("/quit");
        stalled.end();
        let (seen, missed) = accounted(&stalled.rest());
        assert_eq!(seen, LINES);
        assert!(missed > LINES / 2, "{missed}");
    });
}

#[test]
fn with_kick_who_does_not_read_is_disconnected_and_is_told_why() {
    chat(|flavour| {
        let server = start(flavour, &[&SMALL[..], &["--policy", "kick"]].concat());
        let (mut speaker, mut witness, mut stalled) = three(&server);
        say_all(&mut speaker, &mut witness);
        witness.say("/who");
        assert_eq!(witness.line(), "* in lobby: witness, speaker");
        stalled.end();
        let lines = stalled.rest();
        let (last, said) = lines.split_last().unwrap();
        assert!(
            last.starts_with("* you are disconnected: you did not read"),
            "{last}"
        );
        let (seen, missed) = accounted(said);
        assert!(seen < LINES && missed == 0, "{seen} {missed}");
    });
}

#[test]
fn nobody_is_too_slow_for_what_it_says_itself() {
    chat(|flavour| {
        let server = start(flavour, &[&SMALL[..], &["--policy", "kick"]].concat());
        let mut speaker = Client::named(&server, "speaker");
        let mut mouth = speaker.writer();
        let speaking = thread::spawn(move || speak(&mut mouth));
        sees_all(&mut speaker);
        speaking.join().unwrap();
    });
}

#[test]
fn with_wait_who_reads_late_misses_nothing() {
    chat(|flavour| {
        let server = start(flavour, &[&SMALL[..], &["--policy", "wait"]].concat());
        let (mut speaker, mut witness, mut stalled) = three(&server);
        let mut mouth = speaker.writer();
        let speaking = thread::spawn(move || speak(&mut mouth));
        let ear = thread::spawn(move || sees_all(&mut speaker));
        for _ in 0..200 {
            witness.until("<speaker>");
        }
        let late = thread::spawn(move || sees_all(&mut stalled));
        for _ in 200..LINES {
            witness.until("<speaker>");
        }
        for thread in [speaking, ear, late] {
            thread.join().unwrap();
        }
    });
}

#[test]
fn with_wait_nobody_waits_for_ever() {
    chat(|flavour| {
        let server = start(flavour, &[&SMALL[..], &["--policy", "wait"]].concat());
        let (mut speaker, mut witness, mut stalled) = three(&server);
        let began = Instant::now();
        say_all(&mut speaker, &mut witness);
        // It did wait, once.
        assert!(
            began.elapsed() >= Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
        stalled.end();
        let (seen, missed) = accounted(&stalled.rest());
        assert_eq!(seen, LINES);
        assert!(missed > LINES / 2, "{missed}");
    });
}

#[test]
fn who_asks_and_does_not_read_waits_alone() {
    chat(|flavour| {
        let server = start(flavour, &SMALL);
        let (mut speaker, mut witness, stalled) = three(&server);
        let mut mouth = stalled.writer();
        mouth
            .set_write_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        // Until the server reads no more of it either.
        while mouth.write_all("/help\n".repeat(1000).as_bytes()).is_ok() {}
        speaker.say("hello");
        assert_eq!(witness.until("<"), "<speaker> hello");
        drop((mouth, stalled));
        witness.until("stalled has gone");
    });
}

#[test]
fn a_client_that_never_reads_costs_its_outbox_and_not_more() {
    const STALLED: usize = 20;
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut speaker = Client::named(&server, "speaker");
        let stalled: Vec<Client> = (0..STALLED)
            .map(|number| Client::named(&server, &format!("stalled{number}")))
            .collect();
        let before = memory(&server);
        for number in 0..LINES {
            let text = line(number);
            // Each for one, so that no two outboxes share it.
            for name in 0..STALLED {
                speaker.say(&format!("/msg stalled{name} {text}"));
            }
            speaker.until(&format!("to stalled{}] {number} ", STALLED - 1));
        }
        let grown = memory(&server) - before;
        println!("{flavour}: {STALLED} clients that do not read: {grown} KiB more");
        // The batch that each is being sent, what is shared, and what an allocator keeps.
        assert!(grown < STALLED * 1024 + 8 * 1024, "{grown} KiB");
        speaker.say_and_see("the others go on");
        drop(stalled);
    });
}

/// What the server has in memory now, in KiB.
fn memory(server: &Server) -> usize {
    status(server.pid(), "VmRSS").parse().unwrap()
}

#[test]
fn a_little_progress_now_and_then_does_not_help_against_the_deadline() {
    chat(|flavour| {
        let server = start(flavour, &["--stall", "1"]);
        let (mut speaker, _, mut slow) = three(&server);
        let reading = thread::spawn(move || {
            // 40 kB a second; what is written at once is more.
            while let Ok(1..) = slow.swallow(4096) {
                thread::sleep(Duration::from_millis(100));
            }
        });
        let mut mouth = speaker.writer();
        let speaking = thread::spawn(move || {
            let line = format!("{}\n", "x".repeat(1000));
            while mouth.write_all(line.as_bytes()).is_ok() {}
        });
        // Reads, so as not to be cut off itself.
        let hearing = thread::spawn(move || while let Ok(1..) = speaker.swallow(65536) {});
        // It was cut off; the server goes on.
        reading.join().unwrap();
        let greeting = Client::new(&server).line();
        assert!(greeting.starts_with("* welcome"), "{greeting}");
        drop(server);
        speaking.join().unwrap();
        hearing.join().unwrap();
    });
}
