//! The command line, which stays as it is.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::prelude::*;
use runtime::time::Duration;

use crate::outbox::Policy;
use crate::session::Limits;

pub(crate) const USAGE: &str = "\
Rooms to talk in, for nc and telnet.

usage: chat [--addr IP:PORT] [--unix PATH] [--policy wait|drop|kick] [--outbox BYTES]
            [--flavor single|steal] [--workers N] [--clients N]
            [--idle SECONDS] [--stall SECONDS] [--grace SECONDS]

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
  --grace SECONDS    for all to read the rest at the end        (10)";

/// Which executor serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    Single,
    Steal,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    pub(crate) unix: Option<PathBuf>,
    pub(crate) policy: Policy,
    pub(crate) outbox: usize,
    pub(crate) flavor: Flavor,
    /// With the flavor steal; `None`: one a processor.
    pub(crate) workers: Option<usize>,
    pub(crate) clients: usize,
    pub(crate) limits: Limits,
    pub(crate) grace: Duration,
}

impl Options {
    /// `None` if only help was asked for.
    pub(crate) fn from_command_line() -> io::Result<Option<Self>> {
        Self::parse(lexopt::Parser::from_env())
            .map_err(|error| io::Error::other(format!("{error}\n{USAGE}")))
    }

    fn parse(mut line: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self::default();
        while let Some(argument) = line.next()? {
            match argument {
                Long("addr") => options.address = address(&line.value()?.string()?)?,
                Long("unix") => options.unix = Some(line.value()?.into()),
                Long("policy") => options.policy = policy(&line.value()?.string()?)?,
                Long("outbox") => options.outbox = number("--outbox", &mut line)?,
                Long("flavor") => options.flavor = flavor(&line.value()?.string()?)?,
                Long("workers") => options.workers = Some(number("--workers", &mut line)?),
                Long("clients") => options.clients = number("--clients", &mut line)?,
                Long("idle") => options.limits.idle = seconds("--idle", &mut line)?,
                Long("stall") => options.limits.stall = seconds("--stall", &mut line)?,
                Long("grace") => options.grace = seconds("--grace", &mut line)?,
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        match (options.flavor, options.workers) {
            (_, Some(0)) => Err("--workers takes a number from 1 on".into()),
            (Flavor::Single, Some(2..)) => {
                Err("--flavor single has one worker; --workers goes with --flavor steal".into())
            }
            _ => Ok(Some(options)),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7001)),
            unix: None,
            policy: Policy::Drop,
            outbox: 1 << 20,
            flavor: Flavor::Single,
            workers: None,
            clients: 1024,
            limits: Limits {
                idle: Duration::from_secs(1800),
                stall: Duration::from_secs(30),
            },
            grace: Duration::from_secs(10),
        }
    }
}

/// What the first line says behind the address.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.unix {
            write!(f, "{}, ", path.display())?;
        }
        let policy = match self.policy {
            Policy::Wait => "wait",
            Policy::Drop => "drop",
            Policy::Kick => "kick",
        };
        let flavor = match self.flavor {
            Flavor::Single => "single",
            Flavor::Steal => "steal",
        };
        write!(f, "policy {policy}, flavor {flavor}")
    }
}

fn address(text: &str) -> Result<SocketAddr, lexopt::Error> {
    text.parse().map_err(|_| {
        let cure = "takes a numeric address and port, such as 127.0.0.1:7001 or [::1]:7001";
        format!("--addr {cure}, not `{text}`").into()
    })
}

fn number<N: FromStr>(option: &str, line: &mut lexopt::Parser) -> Result<N, lexopt::Error> {
    let text = line.value()?.string()?;
    text.parse()
        .map_err(|_| format!("{option} takes a whole number, such as 1024, not `{text}`").into())
}

fn seconds(option: &str, line: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    number(option, line).map(Duration::from_secs)
}

fn policy(name: &str) -> Result<Policy, lexopt::Error> {
    match name {
        "wait" => Ok(Policy::Wait),
        "drop" => Ok(Policy::Drop),
        "kick" => Ok(Policy::Kick),
        other => Err(format!("--policy is wait, drop or kick, not `{other}`").into()),
    }
}

fn flavor(name: &str) -> Result<Flavor, lexopt::Error> {
    match name {
        "single" => Ok(Flavor::Single),
        "steal" => Ok(Flavor::Steal),
        other => Err(format!("--flavor is single or steal, not `{other}`").into()),
    }
}
