//! Two workers, beside tokio's two in the same run.
//!
//! CPU time is that of the whole process: a worker that is woken in vain, or spins, pays for it.
//! Elapsed time is told as a ratio only. Each round asks us, tokio, and us again: how far apart our
//! two medians are is what the row can tell (*A/A*), and a lead within it is none.

use std::time::{Duration, Instant};

use super::questions as ask;
use super::rival::{Edgewake, Rival, Tokio};

struct Question {
    name: &'static str,
    count: u32,
    ours: fn(<Edgewake as Rival>::Runtime, u32),
    tokios: fn(<Tokio as Rival>::Runtime, u32),
}

macro_rules! question {
    ($name:literal, $count:literal, $ask:ident) => {
        Question {
            name: $name,
            count: $count,
            ours: ask::$ask::<Edgewake>,
            tokios: ask::$ask::<Tokio>,
        }
    };
}

const QUESTIONS: &[Question] = &[
    question!("spawn and await one task", 50_000, spawn_and_await),
    question!(
        "the same in a block_on",
        10_000,
        spawn_and_await_in_block_on
    ),
    question!("spawn 10,000 inside, await them", 100_000, spawn_inside),
    question!("spawn 10,000 outside, await them", 100_000, spawn_outside),
    question!("yield, 1,000 tasks", 500_000, yield_among_many),
    question!("ping-pong, 1,000 pairs, a pair", 50_000, ping_pong),
    question!("chain, each spawns the next", 100_000, chain),
    question!("thread to task and back", 2_000, thread_round_trip),
    question!("block_on, enter and leave", 10_000, enter_and_leave),
    question!("abort, of 100,000 pending", 100_000, abort_pending),
    question!("drop with 100,000 pending, a task", 100_000, drop_pending),
    Question {
        name: SHARED,
        count: SHARES,
        ours: ask::work_for_two::<Edgewake>,
        tokios: ask::work_for_two::<Tokio>,
    },
];

/// What one asking took.
#[derive(Clone, Copy)]
struct Spent {
    processor: Duration,
    elapsed: Duration,
}

/// All the askings of one question, in the order of [`COLUMNS`].
type Taken = [Vec<Spent>; 3];

pub(crate) fn run(rounds: usize, only: Option<&str>) {
    let is_asked = |name: &str| only.is_none_or(|only| name.contains(only));
    let questions = QUESTIONS.iter().filter(|it| is_asked(it.name));
    let mut all: Vec<(&Question, Taken)> = questions.map(|it| (it, Taken::default())).collect();
    let mut ideals = Vec::new();
    for round in 0..rounds {
        eprint!("\rtwo workers: round {} of {rounds}", round + 1);
        if is_asked(SHARED) {
            ideals.push(measured(|| ask::ideal(SHARES)));
        }
        for (question, [ours, tokios, again]) in &mut all {
            ours.push(asked::<Edgewake>(question.ours, question.count));
            tokios.push(asked::<Tokio>(question.tokios, question.count));
            again.push(asked::<Edgewake>(question.ours, question.count));
        }
    }
    eprintln!();
    println!("\ntwo workers, ns of CPU     ours   tokio  ratio  A/A   elapsed, ratio  A/A");
    for (question, taken) in &all {
        tell(question, taken);
    }
    tell_shared(&all, &ideals);
}

fn asked<R: Rival>(ask: fn(R::Runtime, u32), count: u32) -> Spent {
    let runtime = R::build();
    measured(|| ask(runtime, count))
}

fn measured(work: impl FnOnce()) -> Spent {
    let processor = || {
        let own = benches::sys::process_cpu_time(std::process::id());
        own.expect("a process may read its own clock")
    };
    let (before, began) = (processor(), Instant::now());
    work();
    Spent {
        elapsed: began.elapsed(),
        processor: processor() - before,
    }
}

fn tell(question: &Question, [ours, tokios, again]: &Taken) {
    let each = |spent: &[Spent], figure| median(spent, figure) * 1e9 / f64::from(question.count);
    let cpu: fn(&Spent) -> Duration = |spent| spent.processor;
    let elapsed: fn(&Spent) -> Duration = |spent| spent.elapsed;
    let both = [ours.as_slice(), again].concat();
    println!(
        "{:>9.0} {:>7.0}  {:>5.2}  {:>3.0} %   {:>5.2}  {:>3.0} %  {}",
        each(&both, cpu),
        each(tokios, cpu),
        each(&both, cpu) / each(tokios, cpu),
        apart(each(ours, cpu), each(again, cpu)),
        each(&both, elapsed) / each(tokios, elapsed),
        apart(each(ours, elapsed), each(again, elapsed)),
        question.name,
    );
}

/// The last row once more, as a multiple of what two threads take that share the work beforehand.
fn tell_shared(all: &[(&Question, Taken)], ideals: &[Spent]) {
    let Some((_, taken)) = all.iter().find(|(question, _)| question.name == SHARED) else {
        return;
    };
    for (name, spent) in COLUMNS.iter().zip(taken) {
        let times = |figure: fn(&Spent) -> Duration| median(spent, figure) / median(ideals, figure);
        println!(
            "{:>9.3} x the ideal time, {:.3} x its CPU: 10,000 tasks of 5 us, {name}",
            times(|spent| spent.elapsed),
            times(|spent| spent.processor),
        );
    }
}

fn median(spent: &[Spent], figure: fn(&Spent) -> Duration) -> f64 {
    let mut figures: Vec<f64> = spent.iter().map(|it| figure(it).as_secs_f64()).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn apart(one: f64, other: f64) -> f64 {
    (one / other).max(other / one) * 100.0 - 100.0
}

const COLUMNS: [&str; 3] = ["ours", "tokio", "ours again"];
const SHARED: &str = "10,000 of 5 us spawned by one task";
const SHARES: u32 = 10_000;
