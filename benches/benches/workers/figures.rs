//! The questions and their answers: wakes, sharing, and a worker that is stuck.
//!
//! Each round asks us, tokio, and us again; the two rows of ours show what the machine's noise makes
//! of equals. Figures are medians over the rounds.

use benches::failure::Failure;

use super::trial::{Outcome, Trial};

/// Wakes of other threads, a message, at a load that leaves both workers idle half of the time.
pub(crate) fn wakes(rounds: usize) -> Result<(), Failure> {
    let load = vec!["--connections", "64", "--rate", "20000", "--seconds", "2"];
    println!("\n20,000 messages/s over 64 connections, a message:");
    println!("              wake calls  woken  CPU us  switches  p50 us  p99 us   looks");
    let mut trials = rivals(0, &load, None).map(|(name, trial)| (name, trial, Vec::new()));
    ask(rounds, &mut trials)?;
    for (name, trial, outcomes) in &trials {
        let (log, messages) = trial.trace("futex,write")?;
        println!(
            "{name:<12} {:>11.3} {:>6} {:>7.2} {:>9.2} {:>7.0} {:>7.0} {:>7}",
            wake_calls(&log) / messages,
            told(outcomes, |it| Some(it.count("wakes")? / it.messages), 3),
            median(outcomes, |it| it.processor_us()),
            median(outcomes, |it| it.switches / it.messages),
            median(outcomes, |it| it.latencies[0]),
            median(outcomes, |it| it.latencies[1]),
            told(outcomes, |it| Some(it.count("harvests")? / it.messages), 2),
        );
    }
    Ok(())
}

/// Calls that wake a thread: a futex's, and eight bytes written into an eventfd.
fn wake_calls(log: &str) -> f64 {
    let is_bell = |line: &str| line.contains(" write(") && line.contains("\\0\\0\\0\", 8");
    let is_wake = |line: &&str| line.contains("FUTEX_WAKE") || is_bell(line);
    log.lines().filter(is_wake).count() as f64
}

/// Connections that were all accepted by one worker, and then all send at once.
pub(crate) fn sharing(rounds: usize) -> Result<(), Failure> {
    let load = vec!["--connections", "64", "--seconds", "1"];
    for (steps, what) in [(0, "nothing but the echo"), (STEPS, "20 us of work")] {
        println!("\n64 connections accepted one after the other, then all busy, {what}:");
        println!(
            "              messages/s  CPU us  shares of CPU   steals  homes: first, last, the listener's too"
        );
        let mut trials = rivals(steps, &load, None).map(|(name, trial)| (name, trial, Vec::new()));
        ask(rounds, &mut trials)?;
        for (name, trial, outcomes) in &trials {
            let (log, _) = trial.trace("epoll_ctl")?;
            println!(
                "{name:<12} {:>11.0} {:>7.2}  {:>5.2} {:>5.2} {:>11}  {}",
                median(outcomes, |it| it.rate),
                median(outcomes, |it| it.processor_us()),
                median(outcomes, |it| it.workers[0]),
                median(outcomes, |it| it.workers[1]),
                told(outcomes, |it| Some(it.count("steals")? / it.messages), 3),
                homes(&log),
            );
        }
    }
    Ok(())
}

/// How many connections each epoll had first, and how many last.
fn homes(log: &str) -> String {
    let mut homes: Vec<(&str, &str, &str)> = Vec::new();
    for line in log.lines().filter(|it| it.contains("EPOLLRDHUP")) {
        let arguments = line
            .split_once("epoll_ctl(")
            .map_or("", |(_, arguments)| arguments);
        let mut arguments = arguments.split(", ");
        let (Some(epoll), Some("EPOLL_CTL_ADD"), Some(fd)) =
            (arguments.next(), arguments.next(), arguments.next())
        else {
            continue;
        };
        match homes.iter_mut().find(|(known, ..)| *known == fd) {
            Some((.., last)) => *last = epoll,
            None => homes.push((fd, epoll, epoll)),
        }
    }
    let mut epolls: Vec<&str> = homes
        .iter()
        .flat_map(|(_, first, last)| [*first, *last])
        .collect();
    epolls.sort_unstable();
    epolls.dedup();
    let spread = |of: fn(&(&str, &str, &str)) -> String| {
        let count = |epoll: &&str| homes.iter().filter(|it| of(it) == *epoll).count();
        let counts: Vec<String> = epolls.iter().map(|it| count(it).to_string()).collect();
        counts.join("+")
    };
    let (first, last) = (spread(|it| it.1.to_owned()), spread(|it| it.2.to_owned()));
    format!("{first}, {last}")
}

/// One of the two workers does not come back from a task: for good, or again and again.
pub(crate) fn stuck(rounds: usize) -> Result<(), Failure> {
    let load = vec!["--connections", "16", "--rate", "2000", "--seconds", "2"];
    let ways = [
        ("nobody stuck", None),
        ("one stuck all the time", Some("1 100000 1")),
        ("stuck for 20 ms, every 100 ms", Some("100 20 100")),
    ];
    for (what, stick) in ways {
        println!("\n2,000 messages/s over 16 connections, {what}:");
        println!("                p50 us   p99 us p99.9 us   max us  CPU us  switches  rescues");
        let mut trials = rivals(0, &load, stick).map(|(name, trial)| (name, trial, Vec::new()));
        let silent = ask_who_answers(rounds, &mut trials);
        for ((name, _, outcomes), failure) in trials.iter().zip(silent) {
            if let Some(failure) = failure {
                println!("{name:<12} {failure}");
                continue;
            }
            let latency = |place: usize| median(outcomes, |it| it.latencies[place]);
            println!(
                "{name:<12} {:>9.0} {:>8.0} {:>8.0} {:>8.0} {:>7.2} {:>9.2} {:>8}",
                latency(0),
                latency(1),
                latency(2),
                latency(3),
                median(outcomes, |it| it.processor_us()),
                median(outcomes, |it| it.switches / it.messages),
                told(outcomes, |it| it.count("rescues"), 0),
            );
        }
    }
    Ok(())
}

fn rivals(
    steps: u32,
    load: &[&'static str],
    stick: Option<&'static str>,
) -> [(&'static str, Trial); 3] {
    ["edgewake", "tokio", "again"].map(|name| {
        let trial = Trial {
            is_tokio: name == "tokio",
            steps,
            load: load.to_vec(),
            stick,
        };
        (name, trial)
    })
}

type Asked = [(&'static str, Trial, Vec<Outcome>); 3];

fn ask(rounds: usize, trials: &mut Asked) -> Result<(), Failure> {
    for _ in 0..rounds {
        for (_, trial, outcomes) in trials.iter_mut() {
            outcomes.push(trial.run()?);
        }
    }
    Ok(())
}

/// The same of servers that may fall silent; returns what the load said then.
fn ask_who_answers(rounds: usize, trials: &mut Asked) -> [Option<Failure>; 3] {
    let mut silent = [None, None, None];
    for _ in 0..rounds {
        for ((_, trial, outcomes), silent) in trials.iter_mut().zip(&mut silent) {
            match trial.run() {
                Ok(outcome) => outcomes.push(outcome),
                Err(failure) => *silent = Some(failure),
            }
        }
    }
    silent
}

fn median(outcomes: &[Outcome], figure: impl Fn(&Outcome) -> f64) -> f64 {
    let mut figures: Vec<f64> = outcomes.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The same of a figure that not everybody has.
fn told(outcomes: &[Outcome], figure: impl Fn(&Outcome) -> Option<f64>, digits: usize) -> String {
    match outcomes.iter().all(|it| figure(it).is_some()) {
        true => format!(
            "{:.digits$}",
            median(outcomes, |it| figure(it).unwrap_or(0.0))
        ),
        false => "-".to_owned(),
    }
}

/// Some 20 us.
const STEPS: u32 = 12_000;
