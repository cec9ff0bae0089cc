//! `unsafe` lives in few files, and each stands in the ledger.

use std::collections::BTreeSet;

use crate::{assert_none, root, sources};

const ALLOW: &str = "#![allow(unsafe_code)]";

#[test]
fn the_ledger_lists_the_files_with_unsafe_and_no_others() {
    let allowed: BTreeSet<String> = libraries()
        .filter(|source| source.text.lines().any(|line| line == ALLOW))
        .map(|source| source.path)
        .collect();
    let ledger = std::fs::read_to_string(root().join("docs/unsafe.md")).unwrap();
    let listed: BTreeSet<String> = ledger
        .split('`')
        .filter(|word| word.ends_with(".rs") && word.contains("/src/"))
        .map(str::to_owned)
        .collect();
    let missing = allowed.difference(&listed).cloned().collect();
    assert_none(
        "files with unsafe that docs/unsafe.md does not list",
        missing,
    );
    let stale = listed.difference(&allowed).cloned().collect();
    assert_none("files in docs/unsafe.md without unsafe", stale);
}

#[test]
fn both_crates_deny_unsafe_by_default() {
    for path in ["runtime/src/lib.rs", "net/src/lib.rs"] {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        assert!(text.contains("#![deny(unsafe_code)]"), "{path}");
    }
}

#[test]
fn a_file_that_allows_unsafe_has_some() {
    let idle = libraries()
        .filter(|source| source.text.contains(ALLOW))
        .filter(|source| {
            !["unsafe {", "unsafe impl"]
                .iter()
                .any(|it| source.text.contains(it))
        })
        .map(|source| source.path)
        .collect();
    assert_none("files that allow unsafe and have none", idle);
}

#[test]
fn every_unsafe_block_and_impl_has_its_argument() {
    let mut found = Vec::new();
    for source in libraries() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap();
            if !code.contains("unsafe {") && !code.contains("unsafe impl") {
                continue;
            }
            let above = &lines[at.saturating_sub(8)..=at];
            if !above.iter().any(|line| line.contains("SAFETY:")) {
                found.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    assert_none("unsafe without a SAFETY argument", found);
}

#[test]
fn unsafe_of_net_stays_with_its_system_calls() {
    let found = sources("net/src")
        .into_iter()
        .filter(|source| source.text.contains(ALLOW) && !source.path.starts_with("net/src/sys/"))
        .map(|source| source.path)
        .collect();
    assert_none("unsafe outside of net/src/sys", found);
}

#[test]
fn libc_stays_with_the_system_calls() {
    let found = libraries()
        .filter(|source| !source.path.contains("/src/sys/"))
        .filter(|source| source.text.contains("libc::"))
        .map(|source| source.path)
        .collect();
    assert_none("libc outside of sys", found);
}

fn libraries() -> impl Iterator<Item = crate::Source> {
    sources("runtime").into_iter().chain(sources("net/src"))
}
