//! The command line, which stays as it is.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use examples::program::{self, Executor, number, seconds};
use lexopt::prelude::*;
use runtime::time::Duration;

use super::settings::Settings;

pub(super) const USAGE: &str = "\
Rooms to talk in, for nc and telnet.

usage: chat [--addr IP:PORT] [--unix PATH] [--policy wait|drop|kick] [--outbox BYTES]
            [--flavor single|steal] [--workers N] [--clients N]
            [--idle SECONDS] [--stall SECONDS] [--grace SECONDS]
            [--config FILE] [--handover PATH]

  --addr IP:PORT     where to listen                            (127.0.0.1:7001)
  --unix PATH        a second door, for this machine            (none)
  --policy NAME      for a client that does not read, when its
                     outbox is full. wait: speakers wait a
                     while; drop: it misses lines, and is told
                     how many; kick: it is disconnected         (drop)
  --outbox BYTES     kept for each client that does not read    (1 MiB)
  --flavor NAME      single: one thread; steal: several         (single)
  --workers N        threads of the flavor steal                (one a processor)
  --clients N        so many at once, and no more               (1024)
  --idle SECONDS     without a line; then the client is ended   (1800)
  --stall SECONDS    for a client to read what is written at
                     once; then it is cut off                   (30)
  --grace SECONDS    for all to read the rest at the end        (10)
  --config FILE      policy, outbox, clients, idle and stall, a
                     line each; read again at SIGHUP            (none)
  --handover PATH    a socket by which the next server takes
                     the doors over from this one; if there is
                     a server at it, they are taken from that   (none)";

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) address: SocketAddr,
    pub(super) unix: Option<PathBuf>,
    pub(super) executor: Executor,
    pub(super) settings: Settings,
    pub(super) grace: Duration,
    pub(super) config: Option<PathBuf>,
    pub(super) handover: Option<PathBuf>,
}

impl Options {
    /// `None` if only help was asked for.
    pub(super) fn parse(mut line: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self::default();
        while let Some(argument) = line.next()? {
            let setting = match &argument {
                Long(name) => Settings::NAMES.into_iter().find(|it| it == name),
                _ => None,
            };
            if let Some(name) = setting {
                let value = program::text(&mut line)?;
                let set = options.settings.set(name, &value);
                set.map_err(|error| format!("--{name}: {error}"))?;
                continue;
            }
            match argument {
                Long("addr") => {
                    options.address = program::address(&mut line, "127.0.0.1:7001 or [::1]:7001")?;
                }
                Long("unix") => options.unix = Some(program::path("--unix", &mut line)?),
                Long("flavor") => options.executor.flavor = program::text(&mut line)?.parse()?,
                Long("workers") => options.executor.workers = Some(number("--workers", &mut line)?),
                Long("grace") => options.grace = seconds("--grace", &mut line)?,
                Long("config") => options.config = Some(program::path("--config", &mut line)?),
                Long("handover") => {
                    options.handover = Some(program::path("--handover", &mut line)?)
                }
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        options.executor.check()?;
        if options.unix.is_some() && options.unix == options.handover {
            return Err("--unix and --handover take a place each, not the same".into());
        }
        Ok(Some(options))
    }

    /// The settings as they are now, with those of the file.
    pub(super) fn settings(&self) -> io::Result<Settings> {
        match &self.config {
            Some(path) => self.settings.with_file(path),
            None => Ok(self.settings),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7001)),
            unix: None,
            executor: Executor::default(),
            settings: Settings::default(),
            grace: Duration::from_secs(10),
            config: None,
            handover: None,
        }
    }
}

/// What the first line says behind the addresses.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policy, flavor) = (self.settings.policy, self.executor.flavor);
        write!(f, "policy {policy}, flavor {flavor}")
    }
}
