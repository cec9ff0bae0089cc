//! Dropping a future at each place where it waits.
//!
//! A future may be dropped wherever it has returned "pending", and there are two moments for it: at
//! once, and when it was woken and is not polled any more. What a method promises for that is
//! shown by dropping it at the first such place, at the second, and so on, until it is done before.
//!
//! Which methods were dropped is noted by the type of the function that made the future: it names the
//! method and the type that it is of, so nobody has to keep a list.

use std::any::type_name;
use std::collections::BTreeSet;
use std::env;
use std::fs::{self, OpenOptions};
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::pin;
use std::process::Command;
use std::task::Poll;
use std::time::Duration;

use runtime::task::consume_budget;

use crate::deadline::within;
use crate::place;

/// Where to drop.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// At so many returns of "pending", from one on.
    pub wait: usize,
    /// When it was woken, rather than at once.
    pub when_woken: bool,
}

impl Place {
    /// The first one.
    pub const FIRST: Self = Self {
        wait: 1,
        when_woken: false,
    };
}

/// Polls the future that `call` makes by `method` to its end or to the place, where it is dropped.
pub async fn cut<M, F: Future>(
    place: Place,
    method: M,
    call: impl FnOnce(M) -> F,
) -> Option<F::Output> {
    let mut future = pin!(call(method));
    let mut waits = 0;
    let output = poll_fn(|context| {
        if waits == place.wait {
            // Woken, and not polled.
            return Poll::Ready(None);
        }
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                waits += 1;
                if waits == place.wait && !place.when_woken {
                    return Poll::Ready(None);
                }
                Poll::Pending
            }
        }
    });
    let output = output.await;
    if output.is_none() {
        note(type_name::<M>());
    }
    output
}

/// Lets a future begin when the budget of its task is used up. So it waits, also if there is nothing
/// else that it would wait for.
pub async fn out_of_budget<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut is_fresh = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_fresh) {
            while pin!(consume_budget()).poll(context).is_ready() {}
        }
        future.as_mut().poll(context)
    })
    .await
}

/// Runs `test` with each place in turn, until it says that its future was done before: by returning
/// false.
///
/// # Panics
///
/// If the future never waited: then nothing was shown.
pub async fn everywhere(mut test: impl AsyncFnMut(Place) -> bool) {
    for when_woken in [false, true] {
        let mut wait = 1;
        while test(Place { wait, when_woken }).await {
            wait += 1;
        }
        assert!(wait > 1, "it was done without a wait");
    }
}

/// Runs the tests of this binary whose names begin like this, but one, in a process of their own, and
/// returns the type names of the methods whose futures they have dropped.
///
/// # Panics
///
/// If one of them fails.
pub fn dropped_by(tests: &'static str, but: &'static str) -> BTreeSet<String> {
    let place = place::Place::new();
    let notes = place.file("dropped");
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([tests, "--skip", but]).env(NOTES, &notes);
    let output = within(LONGEST, move || command.output().unwrap());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let noted = fs::read_to_string(notes).unwrap();
    noted.lines().map(str::to_owned).collect()
}

/// In a process that was asked for it.
fn note(method: &str) {
    let Some(notes) = env::var_os(NOTES) else {
        return;
    };
    let mut options = OpenOptions::new();
    let mut notes = options.append(true).create(true).open(notes).unwrap();
    // One write: others append too.
    notes.write_all(format!("{method}\n").as_bytes()).unwrap();
}

/// The variable that names the file for the notes.
const NOTES: &str = "EDGEWAKE_TEST_DROPS";
/// Many tests, each of which has a limit of its own, and perhaps under a checker that slows them down.
const LONGEST: Duration = Duration::from_secs(600);
