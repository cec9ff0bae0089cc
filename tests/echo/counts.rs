//! What a message costs, and a connection: system calls, instructions, allocations.
//!
//! Times swing with the machine; counts do not. The figures come from strace and valgrind, by way
//! of the workspace's own `count`, which subtracts the start and the connections by comparing two
//! runs of different length. One that rises is a regression, however small it looks.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::flavours::Flavour;
use tests::process::{only_child, signal, works};
use tests::server::{Server, program};
use tests::skip;

use crate::heavy;

const LIMIT: Duration = Duration::from_secs(180);

/// `count`'s figures for a load on the echo server with these arguments, by name.
fn count(server: &[&str], load: &[&str]) -> BTreeMap<String, f64> {
    // Built beside it, and started by it.
    program("load");
    let output = Command::new(program("count"))
        .args(load)
        .arg("--")
        .arg(program("echo"))
        .args(server)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    println!("count {} on {}:\n{said}", load.join(" "), server.join(" "));
    let pairs = said.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, figure)| (name.to_owned(), figure.parse().unwrap()))
        .collect()
}

/// The figures of system calls, each by its name.
fn system_calls(figures: &BTreeMap<String, f64>) -> Vec<(&str, f64)> {
    let calls = figures
        .iter()
        .filter_map(|(name, figure)| Some((name.strip_prefix("syscalls_")?, *figure)));
    calls.collect()
}

/// As exactly as it is counted. Of two runs that are compared one may end a connection, or find it
/// ended, with a call more than the other: of 64 connections and 8,000 messages at most 0.008.
fn is(figure: f64, expected: f64) -> bool {
    (figure - expected).abs() < 0.01
}

fn can_trace(what: &str) -> bool {
    let can = works("strace", &["-o", "/dev/null", "true"]);
    if !can {
        skip(what, "strace is not installed, or may not trace");
    }
    can
}

fn has_valgrind(what: &str) -> bool {
    let has = works("valgrind", &["--version"]);
    if !has {
        skip(what, "valgrind is not installed");
    }
    has
}

#[test]
fn a_small_message_costs_one_recv_and_one_send_and_no_allocation() {
    heavy(LIMIT, |flavour| {
        let traces = can_trace("system calls a message");
        if !traces && works("strace", &["-V"]) {
            // It is there, so `count` would use it.
            return skip("all figures a message", "strace may not trace");
        }
        let (messages, limit) = match flavour {
            Flavour::Single => ("8000", 300.0),
            Flavour::Steal => ("20000", 400.0),
        };
        let load = ["--connections", "64", "--messages", messages];
        let mut figures = count(flavour.arguments(), &load);
        // Among several workers it is chance how many messages one harvest brings: the best of three.
        for _ in 1..3 {
            let instructions = figures.get("user_instructions").copied();
            if flavour == Flavour::Steal && instructions.is_some_and(|it| it > limit) {
                figures = count(flavour.arguments(), &load);
            }
        }
        if traces {
            for (name, figure) in system_calls(&figures) {
                let expected = match name {
                    "recvfrom" | "sendto" => is(figure, 1.0),
                    // A share of one: the busier, the smaller.
                    "epoll_wait" | "epoll_pwait2" => figure < 0.2,
                    // Nothing is armed again, nobody is woken, nothing would block. Among several
                    // workers it happens now and then: a wake, a descriptor that moves, an alarm.
                    "timerfd_settime" => flavour == Flavour::Steal && figure < 0.1,
                    // A few calls more or less at the end are chance.
                    _ => is(figure, 0.0) || (flavour == Flavour::Steal && figure < 0.02),
                };
                assert!(expected, "{name}: {figure} a message");
            }
            assert!(is(figures["syscalls_recvfrom"], 1.0));
            assert!(is(figures["syscalls_sendto"], 1.0));
        }
        if has_valgrind("instructions and allocations a message") {
            let instructions = figures["user_instructions"];
            assert!(instructions <= limit, "{instructions}");
            assert!(figures["allocations"] < 0.01);
            // How many sessions are left at the end is chance, and their list is allocated.
            assert!(flavour == Flavour::Steal || figures["allocated_bytes"] < 1.0);
        }
    });
}

/// What is more than on one thread without workers: a line that can be stolen from, and the pulse.
#[test]
fn a_message_costs_a_lone_worker_little_more() {
    heavy(LIMIT, |flavour| {
        let what = "instructions of a lone worker";
        // `count` traces too.
        if flavour == Flavour::Single || !has_valgrind(what) || !can_trace(what) {
            return;
        }
        let server = ["--flavor", "steal", "--workers", "1"];
        let figures = count(&server, &["--connections", "64", "--messages", "8000"]);
        let instructions = figures["user_instructions"];
        assert!(instructions <= 320.0, "{instructions}");
        assert!(figures["allocations"] < 0.01);
    });
}

#[test]
fn a_message_on_a_lone_connection_costs_one_wait_besides() {
    heavy(LIMIT, |flavour| {
        if !can_trace("system calls of a lone connection") {
            return;
        }
        let began = Instant::now();
        let calls = traced(flavour, &["--connections", "1", "--messages", "2000"]);
        let milliseconds = began.elapsed().as_millis() as u64;
        let own = registrations_of_the_runtime(flavour);
        let moves = moves(flavour, 2);
        assert_eq!(calls["sendto"], 2000);
        assert!(
            (own + 1..=own + 1 + moves).contains(&calls["epoll_ctl"]),
            "{calls:?}"
        );
        assert!(calls["recvfrom"] <= 2002 + moves, "{calls:?}");
        // A worker that watches the other one wakes each millisecond, and may look at its epoll then.
        let rounds = match flavour {
            Flavour::Single => 0,
            Flavour::Steal => (2 * milliseconds).max(1000),
        };
        let waits = calls.get("epoll_wait").or(calls.get("epoll_pwait2"));
        assert!(
            waits.is_some_and(|waits| *waits <= 2010 + rounds),
            "{calls:?}"
        );
        // Threads start and end by them, and one lets a second signal through at the end.
        let futexes = calls.get("futex").copied().unwrap_or(0);
        let some = if flavour == Flavour::Steal { 200 } else { 40 };
        assert!(futexes <= some, "{calls:?}");
    });
}

#[test]
fn a_connection_is_registered_once_however_much_it_says() {
    heavy(LIMIT, |flavour| {
        if !can_trace("registrations a connection") {
            return;
        }
        let calls = traced(flavour, &["--connections", "50", "--messages", "2000"]);
        let once = 50 + registrations_of_the_runtime(flavour);
        let moves = moves(flavour, 51);
        assert!(
            (once..=once + moves).contains(&calls["epoll_ctl"]),
            "{calls:?}"
        );
        assert_eq!(calls["accept4"], 50, "{calls:?}");
        assert_eq!(calls["sendto"], 2000, "{calls:?}");
    });
}

#[test]
fn what_a_connection_of_one_message_costs_is_known() {
    heavy(LIMIT, |flavour| {
        if !can_trace("system calls of a short connection") {
            return;
        }
        let calls = traced(
            flavour,
            &["--churn", "--connections", "8", "--messages", "2000"],
        );
        let mut total = 0.0;
        println!("a connection with one message on {flavour}:");
        for name in [
            "accept4",
            "poll",
            "epoll_ctl",
            "recvfrom",
            "sendto",
            "close",
            "epoll_wait",
        ] {
            let each = calls.get(name).copied().unwrap_or(0) as f64 / 2000.0;
            println!("{name:>12} {each:.3}");
            total += each;
        }
        println!("{:>12} {total:.3}", "total");
        assert_eq!((calls["accept4"], calls["sendto"]), (2000, 2000));
        let once = 2000 + registrations_of_the_runtime(flavour);
        let moves = moves(flavour, 100);
        assert!(
            (once..=once + moves).contains(&calls["epoll_ctl"]),
            "{calls:?}"
        );
        // The message, and the end; with a worker that is quicker than the client, a look before it.
        let looks = if flavour == Flavour::Steal { 2000 } else { 0 };
        assert!(calls["recvfrom"] <= 4000 + looks, "{calls:?}");
        // One more: the standard library looks at the standard streams at its start.
        assert!(calls["poll"] <= 2001, "{calls:?}");
        let limit = if flavour == Flavour::Steal { 9.5 } else { 8.5 };
        assert!(total < limit, "{total}");
    });
}

/// What is registered beside connections: the listener, and what each worker is woken by.
fn registrations_of_the_runtime(flavour: Flavour) -> u64 {
    match flavour {
        // A bell; and the listener, and two signals.
        Flavour::Single => 1 + 3,
        // A bell and an alarm clock a worker.
        Flavour::Steal => 2 * 2 + 3,
    }
}

/// How many more registrations there may be because `count` descriptors follow their tasks to another
/// worker, or because a worker that is slow under the tracer is taken for a stuck one: on a busy machine
/// often, and still not once in ten of two thousand messages.
fn moves(flavour: Flavour, count: u64) -> u64 {
    match flavour {
        Flavour::Single => 0,
        Flavour::Steal => 2 * count + 200,
    }
}

/// System calls of a server under a load, from its start to its end, by name.
fn traced(flavour: Flavour, load: &[&str]) -> BTreeMap<String, u64> {
    let report = std::env::temp_dir().join(format!("echo-calls-{}", std::process::id()));
    // Signals are left to the server: the tracer outlives it to report.
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-c", "--interruptible=never", "-o"])
        .arg(&report)
        .arg(program("echo"))
        .args(flavour.arguments());
    let mut server = Server::start(&mut strace);
    let output = Command::new(program("load"))
        .args(["--addr", &server.address().to_string()])
        .args(load)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("errors=0"), "{said}{complained}");
    signal(only_child(server.pid()).unwrap(), libc::SIGTERM);
    server.process().0.wait().unwrap();
    let table = fs::read_to_string(&report).unwrap();
    fs::remove_file(&report).unwrap();
    let rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    // % time, seconds, microseconds a call, calls, errors (or nothing), name
    let calls = rows.filter_map(|row| match row[..] {
        [_, _, _, calls, .., name] => Some((name.to_owned(), calls.parse().ok()?)),
        _ => None,
    });
    let calls: BTreeMap<String, u64> = calls.collect();
    assert!(calls.contains_key("total"), "{table}");
    calls
}
