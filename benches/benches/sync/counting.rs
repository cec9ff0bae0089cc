//! Instructions and allocations an operation, as valgrind counts them: the same on a busy machine.
//!
//! The program starts itself for one question and one contender, once for many operations and once
//! for twice as many; the difference is the operations' own. The danger is a difference of two large
//! numbers; so the many are many.

use std::process::{Command, Stdio};
use std::{env, fs, io};

use benches::count::tools::{TOOLS, Tool};
use benches::failure::Failure;

use crate::{Clock, QUESTIONS};

/// Prints a row for each of the questions.
pub(crate) fn run(wanted: &[usize]) -> Result<(), Failure> {
    println!("user instructions and allocations an operation");
    let is_one_thread = |it: &&usize| QUESTIONS[**it].clock == Clock::Thread;
    for &question in wanted.iter().filter(is_one_thread) {
        print!("{:32}", QUESTIONS[question].name);
        for (contender, (name, _)) in QUESTIONS[question].contenders.iter().enumerate() {
            let each = |what| an_operation(what, question, contender);
            let (instructions, allocations) = (each("user instructions")?, each("allocations")?);
            print!("  {name} {instructions:.0}/{allocations:.1}");
        }
        println!();
    }
    Ok(())
}

fn an_operation(what: &str, question: usize, contender: usize) -> Result<f64, Failure> {
    let tool = TOOLS.iter().find(|tool| tool.counts_what == what);
    let tool = tool.ok_or_else(|| Failure::new(format!("no tool counts {what}")))?;
    let count = |times: u32| -> Result<u64, Failure> {
        let output = output_of(tool, [question, contender, times as usize]);
        let output = output.map_err(|error| {
            Failure::call(
                tool.program,
                &error,
                "--count needs valgrind, and the program where it was",
            )
        })?;
        let counts = tool.counts(&output)?;
        counts
            .get(what)
            .copied()
            .ok_or_else(|| Failure::new(format!("{what} were not told")))
    };
    let (once, twice) = (count(MANY)?, count(2 * MANY)?);
    Ok(twice.saturating_sub(once) as f64 / f64::from(MANY))
}

/// What the tool writes about one asking.
fn output_of(tool: &Tool, asking: [usize; 3]) -> io::Result<String> {
    let file = env::temp_dir().join(format!("bench-sync-{}", std::process::id()));
    Command::new(tool.program)
        .args(tool.arguments(&file))
        .arg(env::current_exe()?)
        .arg("--alone")
        .args(asking.map(|it| it.to_string()))
        .stderr(Stdio::null())
        .status()?;
    let output = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok(output)
}

/// A multiple of what the questions divide it by.
const MANY: u32 = 8_000;
