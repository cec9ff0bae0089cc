//! The noise-free figures a message: instructions, system calls, allocations.
//!
//! Times swing with the machine, counts do not. The danger is to count the
//! server's start, its connections and its end as if the messages had cost
//! them. So each tool watches two runs that differ in nothing but the number
//! of messages, and the difference is divided by theirs: the marginal cost.
//!
//! [`options`] says what to count, [`tools`] what each tool is called and how
//! its output is read, [`session`] runs one server under one tool.

pub mod options;
pub mod session;
pub mod tools;

use crate::failure::Failure;
use options::Options;
use session::Session;
use std::collections::BTreeMap;
use tools::{Counts, TOOLS, Tool};

/// The second run sends so many times the messages of the first.
const FACTOR: u64 = 3;

/// Counts with each tool in turn and prints a table, then `key=value` lines.
pub fn run(options: &Options) -> Result<(), Failure> {
    let mut figures = Vec::new();
    println!("{:<32} a message", options.command_line());
    for tool in &TOOLS {
        if !tool.is_installed() {
            println!("skipped: {} not found ({})", tool.program, tool.counts_what);
            continue;
        }
        for (name, figure) in marginal(options, tool)? {
            println!("{name:<32} {figure:>12.3}");
            figures.push((name, figure));
        }
    }
    println!();
    for (name, figure) in figures {
        println!("{}={figure:.3}", name.replace(' ', "_"));
    }
    Ok(())
}

/// All the system calls that one more message costs, or `None` if the tool
/// that counts them is not installed.
pub fn syscalls(options: &Options) -> Result<Option<f64>, Failure> {
    let Some(tool) = TOOLS
        .iter()
        .find(|tool| tool.program == "strace" && tool.is_installed())
    else {
        return Ok(None);
    };
    Ok(marginal(options, tool)?.get("syscalls").copied())
}

/// What one more message costs, by the name of what is counted. What rounds to
/// nothing at three digits is left out, unless the tool always tells it.
fn marginal(options: &Options, tool: &Tool) -> Result<BTreeMap<String, f64>, Failure> {
    let few = Session::new(options, tool, options.messages).count()?;
    let many = Session::new(options, tool, options.messages * FACTOR).count()?;
    let more_messages = (options.messages * (FACTOR - 1)) as f64;
    Ok(difference(&few, &many)
        .map(|(name, difference)| (name, difference / more_messages))
        .filter(|(_, figure)| tool.tells_zero || figure.abs() >= 0.0005)
        .collect())
}

/// The difference of each count; what one run did not see, it saw no time.
fn difference<'c>(few: &'c Counts, many: &'c Counts) -> impl Iterator<Item = (String, f64)> + 'c {
    let only_few = few.keys().filter(|name| !many.contains_key(*name));
    many.keys().chain(only_few).map(|name| {
        let count = |counts: &Counts| counts.get(name).copied().unwrap_or(0) as f64;
        (name.clone(), count(many) - count(few))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_knows_what_either_run_saw() {
        let counts = |pairs: &[(&str, u64)]| -> Counts {
            let owned = pairs
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count));
            owned.collect()
        };
        let few = counts(&[("brk", 3), ("recv", 10), ("rare", 1)]);
        let many = counts(&[("brk", 3), ("recv", 30), ("futex", 2)]);
        let differences: BTreeMap<String, f64> = difference(&few, &many).collect();
        assert_eq!(differences["brk"], 0.0);
        assert_eq!(differences["recv"], 20.0);
        assert_eq!(differences["futex"], 2.0);
        assert_eq!(differences["rare"], -1.0);
    }
}
