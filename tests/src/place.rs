//! Places for sockets and other files that a test makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder of one test's own. It goes with everything in it.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    /// An empty folder.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(unique("edgewake"));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    /// The path of a file in it, whether there is one or not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A name for a unix socket that is in no file system, and that nobody else has.
pub fn abstract_name() -> String {
    unique("\0edgewake")
}

fn unique(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{what}-{}-{count}", process::id())
}
