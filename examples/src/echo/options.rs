//! The command line, which stays as it is.

use std::net::SocketAddr;

use examples::program::{self, Executor, number, seconds};
use lexopt::prelude::*;
use runtime::time::Duration;

use super::session::Limits;

pub(super) const USAGE: &str = "\
Sends every byte back, to every client.

usage: echo [--addr IP:PORT] [--flavor single|steal] [--workers N] [--buffer BYTES]
            [--max-connections N] [--idle SECONDS] [--stall SECONDS] [--grace SECONDS]
            [--stats]

  --addr IP:PORT       where to listen                         (127.0.0.1:7000)
  --flavor NAME        single: one thread; steal: several      (single)
  --workers N          threads of the flavor steal             (one a processor)
  --buffer BYTES       kept for a client that does not read    (100 MiB)
  --max-connections N  at once; the next ones wait             (65536)
  --idle SECONDS       with nothing said; then it is ended     (1800)
  --stall SECONDS      for a client to read the next 64 KiB of
                       what is kept; then it is cut off        (30)
  --grace SECONDS      for all to read the rest at the end     (5)
  --stats              a line for each second with news";

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) address: SocketAddr,
    pub(super) executor: Executor,
    pub(super) max_connections: usize,
    pub(super) limits: Limits,
    pub(super) idle: Duration,
    pub(super) grace: Duration,
    pub(super) stats: bool,
}

impl Options {
    /// `None` if only help was asked for.
    pub(super) fn parse(mut line: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self::default();
        let (executor, limits) = (&mut options.executor, &mut options.limits);
        while let Some(argument) = line.next()? {
            match argument {
                Long("addr") => {
                    options.address = program::address(&mut line, "127.0.0.1:7000 or [::1]:7000")?;
                }
                Long("flavor") => executor.flavor = program::text(&mut line)?.parse()?,
                Long("workers") => executor.workers = Some(number("--workers", &mut line)?),
                Long("buffer") => limits.buffer = number("--buffer", &mut line)?,
                Long("max-connections") => {
                    options.max_connections = number("--max-connections", &mut line)?;
                }
                Long("idle") => options.idle = seconds("--idle", &mut line)?,
                Long("stall") => limits.stall = seconds("--stall", &mut line)?,
                Long("grace") => options.grace = seconds("--grace", &mut line)?,
                Long("stats") => options.stats = true,
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        options.executor.check()?;
        match options.max_connections {
            0 => Err("--max-connections takes a number from 1 on".into()),
            _ => Ok(Some(options)),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7000)),
            executor: Executor::default(),
            max_connections: 65536,
            limits: Limits {
                buffer: 100 << 20,
                stall: Duration::from_secs(30),
            },
            idle: Duration::from_secs(1800),
            // Shorter than what those who stop servers wait before they kill them: ten seconds, mostly.
            grace: Duration::from_secs(5),
            stats: false,
        }
    }
}
