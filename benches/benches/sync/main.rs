//! What channels and locks cost: ours, tokio's, and those of crates that do nothing else.
//!
//! ```text
//! cargo bench -p benches --bench sync -- [--rounds N] [--count] [WORD]    only the rows whose names have WORD
//! ```
//!
//! Ours and the others run on our runtime, tokio's on its single-threaded one: one worker each, so a
//! figure with waiting in it has the switching between tasks in it too. Where threads send to one, each
//! has such a runtime of its own; with eight there are more threads than processors, and one that holds
//! a lock is put aside in the middle of it. Figures are CPU time, of all threads; those rows are asked
//! for elapsed time too, which is what sleeping for a lock costs. Each is the median of several rounds,
//! and the rounds of all are interleaved, so that a busy machine slows all alike. Ours are asked twice
//! a round: how far apart the two medians are is what the row can tell (*A/A*), and a lead within it is
//! none. Quote the ratios.
//!
//! `--count` takes no time: it counts user instructions and allocations an operation, under valgrind.
//! That lets one thread run at a time, so the rows with threads are not counted.

mod counting;
mod others;
mod questions;

use std::process::{self, ExitCode};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use benches::failure::{Failure, exit_code};
use benches::sys::{process_cpu_time, thread_cpu_time};
use lexopt::prelude::*;
use others::{async_channels, async_locks, crossfires, flumes, kanals};
use questions::{ours, tokios, tokios_on_ours};

/// What is asked, how many operations that is, and who answers: ours first.
struct Question {
    name: &'static str,
    count: u32,
    clock: Clock,
    contenders: &'static [Contender],
}

type Contender = (&'static str, fn(u32));

/// What is measured while it is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// CPU time of the one thread that works.
    Thread,
    /// CPU time of all threads.
    Process,
    Elapsed,
}

impl Question {
    const fn by(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// A row for ours, tokio's, and others.
macro_rules! question {
    ($name:literal, $count:literal, $ask:ident $(, $other:literal: $at:path)*) => {
        Question {
            name: $name,
            count: $count,
            clock: Clock::Thread,
            contenders: &[
                ("ours", ours::$ask),
                ("tokio", tokios::$ask),
                ("tokio's here", tokios_on_ours::$ask),
                $(($other, $at),)*
            ],
        }
    };
}

const QUESTIONS: &[Question] = &[
    question!("mpsc, 1 to 1", 500_000, one_to_one,
        "async-channel": async_channels::one_to_one, "flume": flumes::one_to_one,
        "kanal": kanals::one_to_one, "crossfire": crossfires::one_to_one),
    question!("mpsc, 8 to 1", 500_000, eight,
        "async-channel": async_channels::eight, "flume": flumes::eight,
        "kanal": kanals::eight, "crossfire": crossfires::eight),
    question!("mpsc, one slot", 200_000, one_slot,
        "async-channel": async_channels::one_slot, "flume": flumes::one_slot,
        "kanal": kanals::one_slot, "crossfire": crossfires::one_slot),
    question!("mpsc, 2 threads to 1", 200_000, two_threads,
        "async-channel": async_channels::two_threads, "flume": flumes::two_threads,
        "kanal": kanals::two_threads, "crossfire": crossfires::two_threads)
    .by(Clock::Process),
    question!("mpsc, 2 threads to 1, elapsed", 200_000, two_threads,
        "async-channel": async_channels::two_threads, "flume": flumes::two_threads,
        "kanal": kanals::two_threads, "crossfire": crossfires::two_threads)
    .by(Clock::Elapsed),
    question!("mpsc, 8 threads to 1", 200_000, eight_threads,
        "async-channel": async_channels::eight_threads, "flume": flumes::eight_threads,
        "kanal": kanals::eight_threads, "crossfire": crossfires::eight_threads)
    .by(Clock::Process),
    question!("mpsc, 8 threads to 1, elapsed", 200_000, eight_threads,
        "async-channel": async_channels::eight_threads, "flume": flumes::eight_threads,
        "kanal": kanals::eight_threads, "crossfire": crossfires::eight_threads)
    .by(Clock::Elapsed),
    question!("mpsc, unbounded", 500_000, unbounded),
    question!("oneshot", 300_000, oneshot, "oneshot": others::oneshot),
    question!("oneshot, an answer to a question", 100_000, answers),
    question!("watch, a change seen", 500_000, watch),
    question!("watch, 10 tasks", 200_000, watch_ten),
    question!("broadcast, 10 tasks", 200_000, broadcast),
    question!("mutex, free", 500_000, mutex, "async-lock": async_locks::mutex),
    question!("mutex, 100 tasks", 200_000, mutexes),
    question!("rwlock, free to read", 500_000, read, "async-lock": async_locks::read),
    question!("semaphore, free", 500_000, permit, "async-lock": async_locks::permit),
    question!("semaphore of 10, 100 tasks", 200_000, permits),
    question!("notify, kept", 500_000, kept),
    question!("notify, to and fro", 200_000, notify),
];

fn main() -> ExitCode {
    exit_code("sync", start())
}

fn start() -> Result<(), Failure> {
    let mut parser = lexopt::Parser::from_env();
    let (mut rounds, mut only, mut counts, mut alone) = (ROUNDS, None, false, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => rounds = parser.value()?.parse()?,
            Long("count") => counts = true,
            // How `--count` starts itself: the question, who answers, how often.
            Long("alone") => {
                let mut number = || -> Result<usize, Failure> { Ok(parser.value()?.parse()?) };
                alone = Some([number()?, number()?, number()?]);
            }
            Value(word) => only = Some(word.string()?),
            // Cargo says so to every bench.
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some([question, contender, count]) = alone {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        QUESTIONS[question].contenders[contender].1(count);
        return Ok(());
    }
    if rounds == 0 {
        return Err(Failure::new("--rounds 0 has no median: ask for 1 or more"));
    }
    let is_wanted = |name: &str| only.as_ref().is_none_or(|word| name.contains(&**word));
    let wanted: Vec<usize> = (0..QUESTIONS.len())
        .filter(|it| is_wanted(QUESTIONS[*it].name))
        .collect();
    match counts {
        true => counting::run(&wanted),
        false => {
            time(&wanted, rounds);
            Ok(())
        }
    }
}

fn time(wanted: &[usize], rounds: usize) {
    let questions: Vec<&Question> = wanted.iter().map(|it| &QUESTIONS[*it]).collect();
    // A list for each contender, and one more for ours again.
    let mut taken: Vec<Vec<Vec<f64>>> = questions
        .iter()
        .map(|it| vec![Vec::new(); it.contenders.len() + 1])
        .collect();
    for round in 0..rounds {
        eprint!("\rround {} of {rounds}", round + 1);
        for (question, taken) in questions.iter().zip(&mut taken) {
            let asked = question.contenders.iter().chain(&question.contenders[..1]);
            for ((_, ask), taken) in asked.zip(taken) {
                let before = question.clock.now();
                ask(question.count);
                let spent = question.clock.now() - before;
                taken.push(spent.as_nanos() as f64 / f64::from(question.count));
            }
        }
    }
    eprintln!();
    println!(
        "{:32} {:>7} {:>5}   ours as a ratio of",
        "ns an operation", "ours", "A/A"
    );
    for (question, mut taken) in questions.iter().zip(taken) {
        let again = taken.pop().unwrap_or_default();
        let apart = (median(&taken[0]) / median(&again) - 1.0).abs() * 100.0;
        let ours = median(&[taken[0].clone(), again].concat());
        print!("{:32} {ours:>7.1} {apart:>3.0} %  ", question.name);
        for ((name, _), taken) in question.contenders.iter().zip(&taken).skip(1) {
            print!(" {name} {:.2}", ours / median(taken));
        }
        println!();
    }
}

impl Clock {
    fn now(self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::Thread => thread_cpu_time(),
            Self::Process => process_cpu_time(process::id()).expect("a process has its own clock"),
            Self::Elapsed => START.elapsed(),
        }
    }
}

fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

const ROUNDS: usize = 9;
