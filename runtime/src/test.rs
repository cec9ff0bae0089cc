//! Tests that must hold whatever the order of things is.
//!
//! A test that passes has seen one order of events: the one that the machine happened to choose.
//! [`seeds`] runs it under many, each chosen by a number, with everything rare made frequent: see
//! [`Builder::seed`] for what a seed decides.
//!
//! The danger is a failure that cannot be seen again. So a test that fails under a seed says which
//! one, and with `EDGEWAKE_SEEDS` set to it runs that one and no other.

use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::builder::Builder;

/// Runs a test once for each seed of a range, on a runtime of its own.
///
/// The test is given the seed, to draw what else it needs from it. Failures are to come out of its
/// future: await the handles of tasks that assert something.
///
/// The variable `EDGEWAKE_SEEDS` replaces the range: by one seed (`EDGEWAKE_SEEDS=17`), or by another
/// range (`EDGEWAKE_SEEDS=0..100000`).
///
/// # Panics
///
/// If the test does, under any seed, after writing to standard error which one and how to run it again;
/// and if a runtime cannot be built, or the variable says something else.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// // Both orders are seen; what holds in both is asserted.
/// runtime::test::seeds(0..100, |_seed| async {
///     let count = Rc::new(Cell::new(0));
///     let tasks = [1, 2].map(|n| {
///         let count = count.clone();
///         runtime::spawn_local(async move { count.set(count.get() + n) })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(count.get(), 3);
/// });
/// ```
pub fn seeds<F: Future<Output = ()>>(seeds: Range<u64>, test: impl Fn(u64) -> F) {
    let seeds = match std::env::var(VARIABLE) {
        Ok(text) => read(&text),
        Err(_) => seeds,
    };
    for seed in seeds {
        let runtime = Builder::new_current_thread().seed(seed).build_local();
        let runtime = runtime.unwrap_or_else(|error| panic!("seed {seed}: no runtime: {error}"));
        let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(seed))));
        if let Err(payload) = outcome {
            let thread = std::thread::current();
            let name = thread.name().filter(|name| *name != "main").unwrap_or("");
            eprintln!("seed {seed} fails. To run it alone: {VARIABLE}={seed} cargo test {name}");
            resume_unwind(payload);
        }
    }
}

/// One seed, or a range of them.
fn read(text: &str) -> Range<u64> {
    let range = match text.split_once("..") {
        Some((first, end)) => first.parse().ok().zip(end.parse().ok()),
        None => text
            .parse::<u64>()
            .ok()
            .and_then(|seed| Some((seed, seed.checked_add(1)?))),
    };
    let Some((first, end)) = range else {
        panic!("{VARIABLE} is a seed, such as 17, or a range, such as 0..10000, not `{text}`");
    };
    first..end
}

const VARIABLE: &str = "EDGEWAKE_SEEDS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_range_are_read() {
        assert_eq!(read("17"), 17..18);
        assert_eq!(read("3..10000"), 3..10_000);
        assert!(catch_unwind(|| read("all")).is_err());
    }
}
