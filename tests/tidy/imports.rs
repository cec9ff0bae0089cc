//! The import law: imports point down.
//!
//! A part may use what is listed for it and nothing else of its crate. `docs/architecture.md` prints
//! the same law with its reasons, and is compared with it here, row by row: a map that is wrong is
//! worse than none.

use crate::{assert_none, root, sources};

/// Parts of `runtime`, lowest first, and what each may import.
const RUNTIME: &[(&str, &[&str])] = &[
    ("primitive", &[]),
    ("foreign", &[]),
    ("sys", &["primitive"]),
    ("coop", &["primitive"]),
    ("here", &["primitive"]),
    ("hold", &["primitive"]),
    ("hooks", &["primitive"]),
    ("faults", &["primitive"]),
    // Its own macros, which stand at the root of the crate.
    ("macros", &["join", "select", "try_join"]),
    ("sync", &["coop", "foreign", "primitive"]),
    ("park", &["primitive", "sys"]),
    (
        "reactor",
        &["faults", "foreign", "here", "primitive", "sys"],
    ),
    ("timer", &["foreign", "here", "park", "primitive"]),
    (
        "driver",
        &[
            "faults",
            "here",
            "hold",
            "park",
            "primitive",
            "reactor",
            "sys",
            "timer",
        ],
    ),
    ("tasks", &["coop", "foreign", "primitive"]),
    (
        "executor",
        &[
            "coop",
            "driver",
            "faults",
            "foreign",
            "primitive",
            "sys",
            "tasks",
        ],
    ),
    ("blocking", &["primitive", "tasks"]),
    ("ending", &["primitive"]),
    ("closing", &["primitive", "sync", "tasks"]),
    ("signals", &["sys"]),
    ("metrics", &["executor"]),
    (
        "shared",
        &[
            "blocking",
            "closing",
            "coop",
            "ending",
            "executor",
            "foreign",
            "hold",
            "hooks",
            "primitive",
            "tasks",
        ],
    ),
    (
        "handle",
        &[
            "blocking",
            "coop",
            "driver",
            "executor",
            "foreign",
            "here",
            "hold",
            "metrics",
            "primitive",
            "shared",
            "tasks",
        ],
    ),
    ("staff", &["foreign", "handle", "here"]),
    ("runtimes", &["handle", "signals", "staff", "tasks"]),
    (
        "builder",
        &[
            "blocking",
            "executor",
            "handle",
            "primitive",
            "runtimes",
            "shared",
            "signals",
            "staff",
            "tasks",
        ],
    ),
    ("io", &["coop", "driver", "faults", "reactor", "sys"]),
    ("time", &["coop", "driver", "primitive", "sync", "timer"]),
    (
        "task",
        &[
            "coop",
            "driver",
            "foreign",
            "handle",
            "primitive",
            "sync",
            "tasks",
            "time",
        ],
    ),
    (
        "shutdown",
        &[
            "closing",
            "executor",
            "handle",
            "primitive",
            "runtimes",
            "sync",
            "tasks",
            "time",
        ],
    ),
    ("test", &["builder"]),
];

/// Parts of `net`.
const NET: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("sys", &[]),
    ("pause", &[]),
    // Two macros for impls of foreign traits.
    ("forward", &[]),
    ("whole", &["error"]),
    ("addr", &["error"]),
    ("socket", &["error", "forward", "sys", "whole"]),
    ("accept", &["pause", "socket", "sys"]),
    ("tcp", &["accept", "addr", "error", "socket", "sys"]),
    ("udp", &["addr", "socket", "sys"]),
    ("unix", &["accept", "error", "pause", "socket", "sys"]),
    ("inherited", &["error", "sys", "tcp", "unix"]),
    ("stdio", &["error", "sys", "whole"]),
    ("io", &["error", "sys", "tcp", "whole"]),
    ("pipe", &["error", "forward", "pause", "sys", "whole"]),
    ("codec", &["error", "io"]),
    ("signal", &["sys"]),
];

#[test]
fn imports_of_the_runtime_point_down() {
    assert_none(
        "imports against the law",
        violations("runtime/src", RUNTIME),
    );
}

#[test]
fn imports_of_net_point_down() {
    assert_none("imports against the law", violations("net/src", NET));
}

#[test]
fn parts_stand_above_those_that_import_them() {
    for law in [RUNTIME, NET] {
        for (number, (part, allowed)) in law.iter().enumerate() {
            let below = only_parts(allowed, &law[number..]);
            assert!(below.is_empty(), "`{part}` may import {below:?}, below it");
        }
    }
}

#[test]
fn the_map_prints_the_same_law() {
    let map = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    for (folder, law) in [("runtime/src", RUNTIME), ("net/src", NET)] {
        let mut rows = printed_rows(&map, folder).filter(|row| !UNBOUND.contains(&row.part));
        for (part, allowed) in law {
            let row = rows.next().expect("a row for each part");
            let printed = (row.part, only_parts(&row.allowed, law));
            assert_eq!(printed, (*part, only_parts(allowed, law)), "not the law");
            let never = only_parts(&row.never, law);
            let both = never.iter().find(|name| allowed.contains(name));
            assert_eq!(both, None, "`{part}` both may and never does");
        }
        let last = rows.next().map(|row| row.part);
        assert_eq!(last, None, "a row without a part of {folder}");
    }
}

/// Without what is of other crates, or of none: "libc", or "nothing of ours".
fn only_parts<'a>(names: &[&'a str], law: &[(&str, &[&str])]) -> Vec<&'a str> {
    let is_part = |name: &&str| law.iter().any(|(part, _)| part == name);
    names.iter().copied().filter(is_part).collect()
}

/// Parts that may import all, as they are no parts of what they import.
const UNBOUND: [&str; 3] = ["lib", "models", "schedules"];

/// A row of the map.
struct Row<'a> {
    part: &'a str,
    allowed: Vec<&'a str>,
    never: Vec<&'a str>,
}

/// The table of a folder: "part", "what it is", "may import", and perhaps "never".
fn printed_rows<'a>(map: &'a str, folder: &str) -> impl Iterator<Item = Row<'a>> {
    let head = format!("| part of `{folder}` |");
    let lines = map.lines().skip_while(move |line| !line.starts_with(&head));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = |cell: &&'a str| cell.split(", ").collect();
        let part = cells[1].trim_start_matches('`');
        Row {
            part: first_word(part),
            allowed: names(&cells[3]),
            // A cell that is not there is empty, as is the one behind the last bar.
            never: names(&cells[4]),
        }
    })
}

fn violations(folder: &str, law: &[(&str, &[&str])]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources(folder) {
        let part = part_of(&source.path, folder);
        if UNBOUND.contains(&part) {
            continue;
        }
        let Some((_, allowed)) = law.iter().find(|(name, _)| *name == part) else {
            found.push(format!("{}: part `{part}` is not in the law", source.path));
            continue;
        };
        for (number, line) in source.text.lines().enumerate() {
            for used in used_parts(line) {
                if used != part && !allowed.contains(&used) {
                    found.push(format!(
                        "{}:{}: `{part}` may not import `{used}`",
                        source.path,
                        number + 1
                    ));
                }
            }
        }
    }
    found
}

/// The folder or file right below `src`.
fn part_of<'a>(path: &'a str, folder: &str) -> &'a str {
    let rest = path.trim_start_matches(folder).trim_start_matches('/');
    let first = rest.split('/').next().unwrap();
    first.trim_end_matches(".rs")
}

/// Every `crate::part` in a line of code. `crate::{a, b}` lists several.
fn used_parts(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap();
    let mut parts = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => parts.extend(
                list.split(['}', ','])
                    .map(|item| first_word(item.trim()))
                    .filter(|item| !item.is_empty()),
            ),
            None => parts.push(first_word(rest)),
        }
    }
    parts
}

fn first_word(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    &text[..end]
}

#[test]
fn the_law_would_be_seen_broken() {
    assert_eq!(
        used_parts("use crate::tasks::{self, JoinHandle};"),
        ["tasks"]
    );
    assert_eq!(
        used_parts("use crate::{coop, foreign};"),
        ["coop", "foreign"]
    );
    assert_eq!(
        used_parts("    crate::io::ends_early() // crate::sys"),
        ["io"]
    );
    assert_eq!(part_of("runtime/src/io/poll.rs", "runtime/src"), "io");
}
