//! Where the programs of the workspace lie once they are built.
//!
//! The danger is to measure a program of another build: one that is found on
//! the search path, or was left there by another profile. So a program is only
//! ever taken from the folder that the running program itself comes from.

use crate::failure::Failure;
use std::env;
use std::path::{Path, PathBuf};

/// Where cargo puts the programs of `cargo bench` and `cargo test`, below the
/// folder of the others.
const HARNESSES: &str = "deps";

/// The folder of the built programs of our own profile.
pub fn folder() -> Result<PathBuf, Failure> {
    let own = env::current_exe().map_err(|error| {
        Failure::call(
            "asking for our own path",
            &error,
            "is /proc mounted? it is read from there",
        )
    })?;
    folder_of(&own).ok_or_else(|| Failure::new(format!("{} lies in no folder", own.display())))
}

fn folder_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    match folder.ends_with(HARNESSES) {
        true => folder.parent().map(Path::to_owned),
        false => Some(folder.to_owned()),
    }
}

/// The path of the program `name`.
pub fn path(name: &str) -> Result<PathBuf, Failure> {
    folder().map(|folder| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harness_finds_the_programs_one_folder_up() {
        let found = |path: &str| folder_of(Path::new(path));
        let release = Some(PathBuf::from("/target/release"));
        assert_eq!(found("/target/release/deps/servers-0123"), release);
        assert_eq!(found("/target/release/count"), release);
        assert_eq!(found("/"), None);
    }
}
