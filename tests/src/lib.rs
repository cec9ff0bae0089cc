//! What the test binaries share.
//!
//! Tests here wait for events, never for time: each runs under a [deadline](deadline::within) that
//! turns a hang into a failure with a name. What a test cannot do on this machine it says aloud, by
//! [`skip`].

pub mod deadline;

/// Says that a test, or a part of one, was not done, and why.
pub fn skip(what: &str, why: &str) {
    eprintln!("SKIPPED {what}: {why}");
}
