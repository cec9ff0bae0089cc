//! A test in a process of its own.
//!
//! Tests run beside each other in one process, and share its descriptors, its limits and what it
//! does at signals. A test that is about one of those starts its own binary again, to run that one
//! test and nothing else.

use std::any::type_name;
use std::env;
use std::process::Command;

use crate::deadline::soon;

/// Runs the test in a fresh process in which no other test runs.
///
/// # Panics
///
/// If the test fails there, or was not run.
pub fn apart<F: FnOnce() + Send + 'static>(test: F) {
    if env::var_os(MARK).is_some() {
        return soon(test);
    }
    let name = name_of::<F>();
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--test-threads=1", "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name}, apart, {}:\n{said}{complained}",
        output.status
    );
    // What it skipped is to be heard.
    eprint!("{complained}");
}

/// The test's path, from the name of the closure in it: `binary::module::test::{{closure}}`.
fn name_of<F>() -> &'static str {
    let full = type_name::<F>();
    let inner = full.split_once("::").map_or(full, |(_, inner)| inner);
    inner
        .split_once("::{{closure}}")
        .map_or(inner, |(name, _)| name)
}

/// The variable that tells the fresh process what it is.
const MARK: &str = "EDGEWAKE_TEST_APART";
