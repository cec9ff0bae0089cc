//! Programs that must not compile, and what the compiler must say of them.
//!
//! Each file of `cases` is such a program, and says in its last lines which words must be in the
//! compiler's message: the mistake, and the cure. Nothing else of the message is compared, as each
//! version of the compiler words and draws it in another way.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a case says what must be said.
const SAYS: &str = "// says: ";

#[test]
fn mistakes_are_told_with_their_cures() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = package(tests);
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in files(&tests.join("compile/cases")) {
        let name = case.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&case).unwrap();
        let wanted: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix(SAYS))
            .collect();
        assert!(
            !wanted.is_empty(),
            "{name} does not say what is wrong with it"
        );
        let (compiles, said) = check(&package, name);
        let missing: Vec<_> = wanted
            .iter()
            .filter(|words| !said.contains(**words))
            .collect();
        if compiles {
            wrong.push(format!("{name} compiles"));
        } else if !missing.is_empty() {
            wrong.push(format!("{name}: nothing is said of {missing:?}:\n{said}"));
        }
        count += 1;
    }
    assert!(count > 0, "there are no cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A package that has each case as a program, with the same dependencies as the workspace: those that
/// are here already.
fn package(tests: &Path) -> PathBuf {
    let this = env::current_exe().unwrap();
    // target/debug/deps/this
    let target = this.ancestors().nth(3).unwrap();
    let package = target.join("compile-cases");
    fs::create_dir_all(&package).unwrap();
    let workspace = tests.join("..");
    let mut manifest = format!(
        "[package]\nname = \"cases\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nruntime = {{ path = {:?} }}\n",
        workspace.join("runtime").canonicalize().unwrap()
    );
    for case in files(&tests.join("compile/cases")) {
        let name = case.file_stem().unwrap().to_str().unwrap();
        manifest += &format!("\n[[bin]]\nname = {name:?}\npath = {case:?}\n");
    }
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    package
}

/// Whether a case compiles, and what the compiler says.
fn check(package: &Path, name: &str) -> (bool, String) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let output = Command::new(cargo)
        .current_dir(package)
        .args([
            "check",
            "--offline",
            "--quiet",
            "--color",
            "never",
            "--bin",
            name,
        ])
        .arg("--target-dir")
        .arg(package.join("target"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}
