//! The command line, which stays as it is.

use std::io;
use std::net::SocketAddr;

use lexopt::prelude::*;

pub(crate) const USAGE: &str = "\
Sends every byte back, to every client.

usage: echo [--addr IP:PORT] [--flavor single|steal] [--workers N] [--buffer BYTES]

  --addr IP:PORT    where to listen                      (127.0.0.1:7000)
  --flavor NAME     single: one thread; steal: several   (single)
  --workers N       threads of the flavor steal          (one a processor)
  --buffer BYTES    kept for a client that does not read (100 MiB)";

/// Which executor serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    Single,
    Steal,
}

impl Flavor {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Steal => "steal",
        }
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    pub(crate) flavor: Flavor,
    /// With the flavor steal; `None`: one a processor.
    pub(crate) workers: Option<usize>,
    pub(crate) buffer: usize,
}

impl Options {
    /// `None` if only help was asked for.
    pub(crate) fn from_command_line() -> io::Result<Option<Self>> {
        Self::parse(lexopt::Parser::from_env())
            .map_err(|error| io::Error::other(format!("{error}\n{USAGE}")))
    }

    fn parse(mut line: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7000)),
            flavor: Flavor::Single,
            workers: None,
            buffer: 100 << 20,
        };
        while let Some(argument) = line.next()? {
            match argument {
                Long("addr") => options.address = address(&line.value()?.string()?)?,
                Long("flavor") => options.flavor = flavor(&line.value()?.string()?)?,
                Long("workers") => {
                    options.workers = Some(number("--workers", &line.value()?.string()?)?);
                }
                Long("buffer") => options.buffer = number("--buffer", &line.value()?.string()?)?,
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

fn address(text: &str) -> Result<SocketAddr, lexopt::Error> {
    text.parse().map_err(|_| {
        let cure = "takes a numeric address and port, such as 127.0.0.1:7000 or [::1]:7000";
        format!("--addr {cure}, not `{text}`").into()
    })
}

fn number(option: &str, text: &str) -> Result<usize, lexopt::Error> {
    text.parse()
        .map_err(|_| format!("{option} takes a whole number, such as 1048576, not `{text}`").into())
}

fn flavor(name: &str) -> Result<Flavor, lexopt::Error> {
    match name {
        "single" => Ok(Flavor::Single),
        "steal" => Ok(Flavor::Steal),
        other => Err(format!("--flavor is single or steal, not `{other}`").into()),
    }
}
