//! The two flavours of a runtime, for what must hold of both.
//!
//! A test that says nothing of one flavour runs on each: on the thread that is in `block_on`, and on
//! two workers. When it fails, the flavour is named.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use runtime::{Builder, Runtime};

use crate::deadline::{SOON, within};
use crate::panics::on_drop;

/// How a runtime runs its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// On the thread that is in `block_on`.
    Single,
    /// On two workers, which take tasks off each other.
    Steal,
}

/// Both, in the order in which tests run on them.
pub const BOTH: [Flavour; 2] = [Flavour::Single, Flavour::Steal];

impl Flavour {
    /// The settings of a runtime of this flavour.
    pub fn builder(self) -> Builder {
        match self {
            Self::Single => Builder::new_current_thread(),
            Self::Steal => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(2);
                builder
            }
        }
    }

    /// The arguments by which our programs are told the same.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Single => &["--flavor", "single"],
            Self::Steal => &["--flavor", "steal", "--workers", "2"],
        }
    }

    /// A runtime of this flavour.
    pub fn build(self) -> Runtime {
        self.builder().build().unwrap()
    }

    /// Runs a future in a runtime of its own, which ends with it.
    pub fn block_on<F: Future>(self, future: F) -> F::Output {
        self.build().block_on(future)
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Steal => "steal",
        })
    }
}

/// Runs a test on each flavour, and fails when one of them takes longer than a test may.
///
/// # Panics
///
/// If the time is over, or the test panics.
pub fn flavours(test: impl Fn(Flavour) + Send + Sync + 'static) {
    flavours_within(SOON, test);
}

/// As [`flavours`], with a limit for each.
///
/// # Panics
///
/// If the time is over, or the test panics.
pub fn flavours_within(limit: Duration, test: impl Fn(Flavour) + Send + Sync + 'static) {
    let test = Arc::new(test);
    for flavour in BOTH {
        let test = test.clone();
        let _names_it = on_drop(move || {
            if thread::panicking() {
                eprintln!("that was on the flavour {flavour}");
            }
        });
        within(limit, move || test(flavour));
    }
}
