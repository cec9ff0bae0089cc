//! The results in words and columns, as Markdown that reads well raw.
//!
//! The danger is a table that is quoted by its best column. So each scenario
//! says who is best in each column, or that nobody is, with the resolution
//! beneath; and where a rival beats ours is written out under the table.

use super::contest::{METRICS, SCENARIOS, SERVERS, Server};
use super::machine::Machine;
use super::results::Results;
use super::statistics::Summary;

/// The whole of RESULTS.md.
pub fn document(results: &Results, machine: &Machine, command: &str) -> String {
    let mut text = "# Servers compared\n\n".to_owned();
    for (name, value) in &machine.facts {
        text.push_str(&format!("- {name}: {value}\n"));
    }
    text.push_str(&format!("- command: `{command}`\n"));
    text.push_str(&format!("- resolution (A/A): {}\n\n", resolutions(results)));
    text.push_str(READING);
    text.push('\n');
    text.push_str(&aligned(&rows(results)));
    text.push('\n');
    for (rival, _) in rivals() {
        text.push_str(&duel(results, rival));
    }
    for note in &results.notes {
        text.push_str(&format!("**{note}**\n\n"));
    }
    text.push_str("![CPU time a message](servers.svg)\n\nAll runs: [data.csv](data.csv)\n");
    text
}

/// All servers but ours and the twin, with their places.
fn rivals() -> impl Iterator<Item = (usize, &'static Server)> {
    let others = SERVERS.iter().enumerate().skip(1);
    others.filter(|(_, server)| !server.is_twin)
}

const READING: &str = "\
Medians with (min..max) over interleaved rounds, each with a fresh server; 64-byte messages, every
byte checked, the next one sent when the one before is back. *CPU us*: CPU time of the server's
process a message, kernel included. *messages/s* and latency are those of server and load together:
a server that waits for the load is not faster for being cheaper. *bytes/conn*: growth of resident
memory when all connections are open and each was used once; the kernel's memory (sockets, and 16 KiB
of stack and more for a thread) is not in it. The two workers of `echo steal` share the server's core,
if it is pinned, as the threads do. *syscalls*: marginal count under strace, unpinned and
with the active connections only; strace slows the server, so that one wait finds more to do than at
full speed. *switches*: context switches.

The same program runs under two names (`floor`, `floor again`). *resolution* is how far apart the
medians of its runs lie when all the low ones are dealt to one name and all the high ones to the other
(at least 1 %). Medians nearer than that, or middle halves of the runs that overlap, are called *no
difference*; with *(2 of 3)*, the others are behind these two. *churn* is connect, one message, close.
";

/// One line on how fine the comparison is, by metric.
fn resolutions(results: &Results) -> String {
    let known = METRICS.iter().enumerate().filter_map(|(place, metric)| {
        let found = results.resolutions(place)?;
        let (least, most) = (found.least * 100.0, found.most * 100.0);
        Some(format!("{} {least:.0}..{most:.0} %", metric.title))
    });
    known.collect::<Vec<_>>().join(", ")
}

/// The cells of the table, the head first.
fn rows(results: &Results) -> Vec<Vec<String>> {
    let mut head = vec![String::new()];
    head.extend(METRICS.iter().map(|metric| metric.title.to_owned()));
    let mut rows = vec![head];
    for (place, scenario) in SCENARIOS.iter().enumerate() {
        if !results.has(place) {
            continue;
        }
        let row = |name: &str, cell: &dyn Fn(usize) -> String| -> Vec<String> {
            let cells = (0..METRICS.len()).map(cell);
            [name.to_owned()].into_iter().chain(cells).collect()
        };
        rows.push(row(&format!("**{}**", scenario.name), &|_| String::new()));
        for (rival, server) in SERVERS.iter().enumerate() {
            rows.push(row(server.name, &|metric| {
                let summary = results.summary(place, rival, metric);
                summary.map_or_else(|| "-".to_owned(), reach)
            }));
        }
        rows.push(row("*best*", &|metric| best(results, place, metric)));
        rows.push(row(
            "*resolution*",
            &|metric| match results.rule(place, metric).resolution * 100.0 {
                percent if percent.is_finite() => format!("{percent:.0} %"),
                _ => "-".to_owned(),
            },
        ));
    }
    rows
}

fn best(results: &Results, scenario: usize, metric: usize) -> String {
    let rivals = results.rivals(scenario, metric);
    match results.rule(scenario, metric).best(&rivals)[..] {
        [] => "-".to_owned(),
        [winner] if rivals.len() > 1 => winner.to_owned(),
        ref equals if equals.len() == rivals.len() => "no difference".to_owned(),
        ref equals => format!("no difference ({} of {})", equals.len(), rivals.len()),
    }
}

/// A median, and how far the runs reach if there are several.
fn reach(summary: Summary) -> String {
    let Summary {
        median,
        least,
        most,
        ..
    } = summary;
    match least == most {
        true => figure(median),
        false => format!("{} ({}..{})", figure(median), figure(least), figure(most)),
    }
}

/// Three digits or more, thousands in groups.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => grouped(value),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A Markdown table whose columns also line up on a screen: figures to the
/// right, names to the left.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(String::len).max().unwrap_or(0).max(RULE)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                0 => text.push_str(&format!("| {cell:<width$} ")),
                _ => text.push_str(&format!("| {cell:>width$} ")),
            }
        }
        text.push_str("|\n");
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let end = if column == 0 { "-" } else { ":" };
                text.push_str(&format!("|{}{end}", "-".repeat(width + 1)));
            }
            text.push_str("|\n");
        }
    }
    text
}

/// The shortest rule that Markdown takes for one.
const RULE: usize = 3;

/// Where a rival wins over ours, and where ours wins, in words.
fn duel(results: &Results, rival: usize) -> String {
    let (ours, theirs) = (SERVERS[0].name, SERVERS[rival].name);
    let mut text = format!("Where **{theirs}** wins over {ours}:\n\n");
    let mut wins = 0;
    for (place, scenario) in SCENARIOS.iter().enumerate() {
        let mut better = Vec::new();
        let mut worse = Vec::new();
        for (column, metric) in METRICS.iter().enumerate() {
            let summary = |server| results.summary(place, server, column);
            let (Some(us), Some(them)) = (summary(0), summary(rival)) else {
                continue;
            };
            let rule = results.rule(place, column);
            if rule.beats(&them, &us) {
                let (them, us) = (figure(them.median), figure(us.median));
                better.push(format!("{} ({them} against {us})", metric.title));
            } else if rule.beats(&us, &them) {
                worse.push(metric.title);
            }
        }
        wins += better.len();
        if results.has(place) {
            let outcome = match (better.is_empty(), worse.is_empty()) {
                (true, true) => "no difference".to_owned(),
                (true, false) => format!("nothing; {ours} wins {}", worse.join(", ")),
                (false, true) => better.join(", "),
                (false, false) => {
                    format!("{}; {ours} wins {}", better.join(", "), worse.join(", "))
                }
            };
            text.push_str(&format!("- {}: {outcome}\n", scenario.name));
        }
    }
    if wins == 0 {
        text.push_str(&format!("\nSo {theirs} wins nowhere.\n"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::contest::PROCESSOR;
    use crate::compare::results::tests::one_round;

    #[test]
    fn figures_have_three_digits_or_more() {
        for (value, text) in [
            (0.0, "0.00"),
            (2.6049, "2.60"),
            (9.999, "10.0"),
            (26.049, "26.0"),
            (260.49, "260"),
            (1234.5, "1,234"),
            (186_309.4, "186,309"),
            (-1_234_567.0, "-1,234,567"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn no_winner_is_named_within_the_resolution() {
        let apart = one_round(&[10.0, 20.0, 20.0, 30.0, 21.0]);
        assert_eq!(best(&apart, 0, PROCESSOR), SERVERS[0].name);
        let near = one_round(&[20.5, 30.0, 20.0, 30.0, 21.0]);
        assert_eq!(best(&near, 0, PROCESSOR), "no difference (2 of 4)");
        let equal = one_round(&[20.5, 20.3, 20.0, 20.7, 21.0]);
        assert_eq!(best(&equal, 0, PROCESSOR), "no difference");
        assert_eq!(best(&equal, 1, PROCESSOR), "-");
    }

    #[test]
    fn it_is_said_where_threads_win_and_where_nobody_does() {
        let results = one_round(&[20.0, 20.0, 20.0, 10.0, 20.0]);
        let text = duel(&results, 3);
        assert!(text.contains("CPU us (10.0 against 20.0)"), "{text}");
        assert!(text.contains("echo single wins messages/s"), "{text}");
        let nowhere = duel(&results, 2);
        assert!(nowhere.contains("floor wins nowhere"), "{nowhere}");
    }

    #[test]
    fn all_lines_of_the_table_are_equally_long() {
        let text = aligned(&rows(&one_round(&[1.0, 2000.0, 3.0, 3.5, 4.0])));
        let mut lengths = text.lines().map(str::len);
        let first = lengths.next().expect("there is a head");
        assert!(lengths.all(|length| length == first), "{text}");
    }
}
