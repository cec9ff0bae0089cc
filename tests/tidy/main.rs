//! The rules of the house, asserted.
//!
//! Each rule is one that erodes when nobody looks: which part may import which, where `unsafe`
//! lives, that every file tells its story, and that none grows without bound. The rules are read
//! from the text of the sources, so a test here fails with the file and the line.

mod imports;
mod ledger;
mod porting;
mod shape;

use std::fs;
use std::path::{Path, PathBuf};

/// One source file: its path from the root of the workspace, and its text.
struct Source {
    path: String,
    text: String,
}

/// All Rust files below a folder of the workspace, in order.
fn sources(folder: &str) -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths);
    paths.sort();
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).unwrap(),
        path: path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned(),
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "target" {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Fails with all the findings at once.
fn assert_none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
