//! What a file looks like: its story, its size, its words.

use crate::{Source, assert_none, root, sources};

const FOLDERS: [&str; 5] = ["runtime", "net", "examples", "tests", "benches"];

#[test]
fn every_file_opens_with_its_story() {
    let found = all()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    assert_none("files that do not open with `//!`", found);
}

#[test]
fn no_file_has_more_than_600_lines() {
    let found = all()
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none("files that hold more than one idea", found);
}

#[test]
fn build_configurations_stay_in_their_files() {
    let mut found = Vec::new();
    for source in sources("runtime/src").into_iter().chain(sources("net/src")) {
        if [
            "runtime/src/primitive.rs",
            "runtime/src/lib.rs",
            "net/src/lib.rs",
            // A system call is written down once a processor.
            "net/src/sys/call.rs",
        ]
        .contains(&source.path.as_str())
        {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            let is_cfg = code.contains("#[cfg") || code.contains("cfg!(");
            if is_cfg && code.trim() != "#[cfg(test)]" {
                found.push(format!("{}:{}: {}", source.path, number + 1, code.trim()));
            }
        }
    }
    assert_none("cfg outside of its files", found);
}

#[test]
fn nothing_is_left_for_later_in_the_sources() {
    let marks = ["TO", "FIX", "XX", "HA"].map(String::from);
    let ends = ["DO", "ME", "X", "CK"];
    let mut found = Vec::new();
    for source in all() {
        for (start, end) in marks.iter().zip(ends) {
            let mark = format!("{start}{end}");
            let lines = source.text.lines().enumerate();
            let hits = lines.filter(|(_, line)| line.contains(&mark));
            found.extend(hits.map(|(number, _)| format!("{}:{}", source.path, number + 1)));
        }
        let code = source.text.lines().map(str::trim_start).enumerate();
        for (number, line) in code {
            let stubs = ["todo!(", "unimplemented!(", "#[ignore"];
            if stubs.iter().any(|stub| line.starts_with(stub)) {
                found.push(format!("{}:{}: {line}", source.path, number + 1));
            }
        }
    }
    assert_none("marks of unfinished work", found);
}

#[test]
fn the_libraries_do_not_unwrap() {
    let mut found = Vec::new();
    for source in sources("runtime/src").into_iter().chain(sources("net/src")) {
        let tests = ["/models/", "/schedules/", "/tests.rs"];
        if tests.iter().any(|part| source.path.contains(part)) {
            continue;
        }
        let code = source.text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let is_prose = line.trim_start().starts_with("//");
            if !is_prose && line.contains(".unwrap()") {
                found.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert_none(
        "unwrap in a library: return the error, or say the invariant",
        found,
    );
}

#[test]
fn the_documents_that_the_readme_promises_are_there() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let found = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with('#'))
        .filter(|link| !root().join(link.split('#').next().unwrap()).exists())
        .map(str::to_owned)
        .collect();
    assert_none("links of README.md that lead nowhere", found);
}

fn all() -> impl Iterator<Item = Source> {
    FOLDERS.into_iter().flat_map(sources)
}
