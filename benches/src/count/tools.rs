//! The tools that count: how each is called and how its output is read.
//!
//! The danger is output that has changed its shape and is read as zero. So a
//! line that must be there and is not is a failure, never an absent figure.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::Path;

/// What a tool counted in one run, by name.
pub type Counts = BTreeMap<String, u64>;

/// A program that runs the server and counts something.
#[derive(Debug)]
pub struct Tool {
    /// The program's name.
    pub program: &'static str,
    /// What it counts, for the reader.
    pub counts_what: &'static str,
    /// Whether a figure of zero is worth telling.
    pub tells_zero: bool,
    /// Whether the server is a child of the tool, not the tool itself.
    pub forks: bool,
    arguments: &'static [&'static str],
    /// The option that takes the name of the file with the output.
    output: &'static str,
    read: fn(&str) -> Option<Counts>,
}

/// All the tools, in the order of the table.
pub const TOOLS: [Tool; 3] = [
    Tool {
        program: "valgrind",
        counts_what: "user instructions",
        tells_zero: true,
        forks: false,
        arguments: &["--quiet", "--tool=callgrind"],
        output: "--callgrind-out-file=",
        read: read_callgrind,
    },
    Tool {
        program: "valgrind",
        counts_what: "allocations",
        tells_zero: true,
        forks: false,
        arguments: &[
            "--tool=memcheck",
            "--leak-check=no",
            "--undef-value-errors=no",
        ],
        output: "--log-file=",
        read: read_memcheck,
    },
    Tool {
        program: "strace",
        counts_what: "system calls",
        tells_zero: false,
        forks: true,
        // Signals are left to the server: the tracer outlives it to report.
        arguments: &["-f", "-c", "--interruptible=never"],
        output: "--output=",
        read: read_strace,
    },
];

impl Tool {
    /// Whether the program is found where a command is looked for.
    pub fn is_installed(&self) -> bool {
        let paths = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&paths).any(|folder| folder.join(self.program).is_file())
    }

    /// The arguments before the server's command, with output into `file`.
    pub fn arguments(&self, file: &Path) -> Vec<OsString> {
        let mut output = OsString::from(self.output);
        output.push(file);
        let fixed = self.arguments.iter().map(OsString::from);
        fixed.chain([output]).collect()
    }

    /// Reads what the tool has written.
    pub fn counts(&self, output: &str) -> Result<Counts, Failure> {
        (self.read)(output).ok_or_else(|| {
            Failure::new(format!(
                "{} told no {}: it may have been killed before it could report, \
                 or its output has changed; it ended: {:?}",
                self.program,
                self.counts_what,
                output.lines().last().unwrap_or("without a word")
            ))
        })
    }
}

/// Callgrind ends its file with `totals: N`.
fn read_callgrind(output: &str) -> Option<Counts> {
    let totals = output
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals: "))?;
    let instructions = totals.trim().parse().ok()?;
    Some(Counts::from([(
        "user instructions".to_owned(),
        instructions,
    )]))
}

/// Memcheck logs `total heap usage: 1,234 allocs, 5 frees, 6,789 bytes allocated`.
fn read_memcheck(output: &str) -> Option<Counts> {
    let mut lines = output.lines();
    let usage = lines
        .find_map(|line| line.split_once("total heap usage: "))?
        .1;
    let number_before = |unit: &str| -> Option<u64> {
        let before = usage.split_once(unit)?.0;
        before
            .rsplit(", ")
            .next()?
            .trim()
            .replace(',', "")
            .parse()
            .ok()
    };
    Some(Counts::from([
        ("allocations".to_owned(), number_before(" allocs")?),
        ("allocated bytes".to_owned(), number_before(" bytes")?),
    ]))
}

/// Strace writes a table with the columns `% time`, `seconds`, `usecs/call`,
/// `calls`, `errors` (may be blank) and `syscall`, closed by a total.
fn read_strace(output: &str) -> Option<Counts> {
    let rows = output.lines().skip_while(|line| !line.starts_with("---"));
    let mut counts = Counts::new();
    for row in rows.filter(|row| !row.starts_with("---")) {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let [_, _, _, calls, .., name] = fields[..] else {
            continue;
        };
        let calls: u64 = calls.parse().ok()?;
        if name == "total" {
            counts.insert("syscalls".to_owned(), calls);
            return Some(counts);
        }
        counts.insert(format!("syscalls {name}"), calls);
        if let [_, _, _, _, errors, _] = fields[..] {
            counts.insert(format!("syscalls {name} failed"), errors.parse().ok()?);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrind_ends_with_totals() {
        let output = "events: Ir\nsummary: 17\n\nfn=(1)\n3 4\n\ntotals: 123456\n";
        let counts = read_callgrind(output).expect("totals are there");
        assert_eq!(counts["user instructions"], 123_456);
        assert!(read_callgrind("events: Ir\n").is_none());
    }

    #[test]
    fn memcheck_groups_its_digits() {
        let output = "==9== HEAP SUMMARY:\n==9==   total heap usage: 1,284 allocs, \
                      1,270 frees, 5,367,890 bytes allocated\n";
        let counts = read_memcheck(output).expect("the usage is there");
        assert_eq!(
            (counts["allocations"], counts["allocated bytes"]),
            (1284, 5_367_890)
        );
        assert!(read_memcheck("==9== killed\n").is_none());
    }

    #[test]
    fn strace_leaves_its_errors_column_blank() {
        let output = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 52.22    0.000100           1       101           sendto
 47.78    0.000092           0       202        64 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.000192           0       303        64 total
";
        let counts = read_strace(output).expect("the total is there");
        assert_eq!(counts["syscalls sendto"], 101);
        assert_eq!(counts["syscalls recvfrom"], 202);
        assert_eq!(counts["syscalls recvfrom failed"], 64);
        assert_eq!(counts["syscalls"], 303);
        assert!(!counts.contains_key("syscalls sendto failed"));
        assert!(read_strace("").is_none());
    }
}
