//! What the test binaries share.
//!
//! Tests here wait for events, never for time: each runs under a [deadline](deadline::within) that
//! turns a hang into a failure with a name. What a test cannot do on this machine it says aloud, by
//! [`skip`].

use std::io::Write;

pub mod apart;
pub mod cancel;
pub mod deadline;
pub mod endless;
pub mod event;
pub mod fd;
pub mod flavours;
pub mod foreign;
pub mod leaks;
pub mod mpsc;
pub mod once;
pub mod panics;
pub mod place;
pub mod process;
pub mod server;
pub mod sync;

/// Says that a test, or a part of one, was not done, and why. Also when the test passes: what is
/// written to the stream itself is not kept back as `eprintln!` is.
pub fn skip(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {why}");
}
