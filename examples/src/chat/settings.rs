//! What can be changed while the server runs: by `--config FILE`, which is read again at `SIGHUP`.
//!
//! The file has a setting a line, by the names that the options have: `policy kick`. What stands there
//! goes before the command line. The danger is a mistake in it: a server that has run for a month must
//! not end for that, nor go on with half of what was meant. So either all of the file counts, or none.

use std::fs;
use std::io;
use std::path::Path;

use examples::program::{some_seconds, whole};
use runtime::time::Duration;

use super::outbox::Policy;
use super::session::{Limits, ROOM};

/// The settings of a server. Who is there keeps those that it came in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of a client that does not read.
    pub policy: Policy,
    /// Kept for such a client, in bytes.
    pub outbox: usize,
    /// So many at once.
    pub clients: usize,
    /// How long a client may take.
    pub limits: Limits,
}

impl Settings {
    /// The names of all of them.
    pub(super) const NAMES: [&str; 5] = ["policy", "outbox", "clients", "idle", "stall"];

    /// Changes one.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "policy" => self.policy = value.parse()?,
            "outbox" => match whole(name, value)? {
                bytes @ ROOM.. => self.outbox = bytes,
                _ => {
                    return Err(format!(
                        "outbox takes {ROOM} at least: a history has to fit"
                    ));
                }
            },
            "clients" => self.clients = whole(name, value)?,
            "idle" => self.limits.idle = some_seconds(name, value)?,
            "stall" => self.limits.stall = some_seconds(name, value)?,
            _ => {
                let names = Self::NAMES.join(", ");
                return Err(format!("there is no setting {name}: it is one of {names}"));
            }
        }
        Ok(())
    }

    /// These, with those of a file in their place.
    pub(super) fn with_file(self, path: &Path) -> io::Result<Self> {
        let explain =
            |why: &dyn std::fmt::Display| io::Error::other(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| {
            let cure = "--config takes a file with a setting a line, such as `policy drop`";
            explain(&format!("{error}: {cure}"))
        })?;
        self.with_text(&text).map_err(|error| explain(&error))
    }

    /// Empty lines, and those that begin with `#`, say nothing.
    fn with_text(mut self, text: &str) -> Result<Self, String> {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            self.set(name, value.trim_start())
                .map_err(|error| format!("line {}: {error}", number + 1))?;
        }
        Ok(self)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::Drop,
            outbox: 1 << 20,
            clients: 1024,
            limits: Limits {
                idle: Duration::from_secs(1800),
                stall: Duration::from_secs(30),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_setting_a_line() {
        let text = "# for the evening\n\npolicy kick\n  outbox\t65536 \r\nidle 60\n";
        let settings = Settings::default().with_text(text).unwrap();
        let mut expected = Settings {
            policy: Policy::Kick,
            outbox: 65536,
            ..Settings::default()
        };
        expected.limits.idle = Duration::from_secs(60);
        assert_eq!(settings, expected);
    }

    #[test]
    fn each_name_is_a_setting() {
        for name in Settings::NAMES {
            let value = if name == "policy" { "wait" } else { "70000" };
            Settings::default().set(name, value).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_the_cure() {
        for path in ["/nowhere/chat.conf", "/"] {
            let error = Settings::default().with_file(Path::new(path)).unwrap_err();
            let told = error.to_string();
            assert!(told.starts_with(&format!("{path}: ")), "{told}");
            assert!(told.contains("a setting a line"), "{told}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, told) in [
            (
                "policy drop\ncolour red",
                "line 2: there is no setting colour",
            ),
            ("policy", "wait, drop or kick"),
            ("idle 0", "idle"),
            ("outbox much", "much"),
            ("outbox 1000", "32768"),
        ] {
            let error = Settings::default().with_text(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
