//! What the load generator is asked to do.
//!
//! The danger is a combination that runs but measures something else than its
//! reader believes: more active connections than there are, an open loop of
//! fresh connections. Each of these is refused, with the option to change.

use crate::failure::Failure;
use lexopt::prelude::*;
use std::net::SocketAddrV4;
use std::time::Duration;

/// The summary that `--help` prints.
pub const USAGE: &str = "\
load [--addr 127.0.0.1:7000]   the server, an IPv4 address
     [--connections N]         how many connections to open (1)
     [--active N]              how many of them send (all)
     [--size BYTES]            the size of a message (64)
     [--messages N]            stop after so many messages in all
     [--seconds S]             stop after so long (5, unless --messages)
     [--pipeline D]            messages in flight a connection (1)
     [--rate R]                open loop: R messages a second in all
     [--churn]                 a new connection for each message
     [--gate]                  once connected, send one message on each, print
                               `ready`, and begin when a line comes on stdin
     [--hold]                  afterwards print `holding` and keep them
                               open until stdin closes; unless bounded
                               by one of the above, one message on each
     [--wait S]                how long to wait for the server (5)
     [--stall S]               how long no byte may come (30)";

/// When no further message is begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stop {
    /// After exactly this many.
    Messages(u64),
    /// When this much time has passed.
    After(Duration),
}

/// The checked options.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The server.
    pub address: SocketAddrV4,
    /// How many connections are open at once.
    pub connections: usize,
    /// How many of them send.
    pub active: usize,
    /// The size of a message in bytes.
    pub size: usize,
    /// When to stop.
    pub stop: Stop,
    /// How many messages may be in flight on one connection.
    pub pipeline: usize,
    /// Messages a second in all, if they are sent by the clock.
    pub rate: Option<f64>,
    /// Whether each message is a connection of its own.
    pub churn: bool,
    /// Whether to wait for a line on stdin before the first message counts.
    pub gate: bool,
    /// Whether to keep the connections open at the end.
    pub hold: bool,
    /// How long to wait for the server to come up.
    pub wait: Duration,
    /// How long the server may be silent while it owes us bytes.
    pub stall: Duration,
}

/// The options as they were given, before they are weighed together.
#[derive(Default)]
struct Given {
    address: Option<SocketAddrV4>,
    connections: Option<usize>,
    active: Option<usize>,
    size: Option<usize>,
    messages: Option<u64>,
    seconds: Option<f64>,
    pipeline: Option<usize>,
    rate: Option<f64>,
    churn: bool,
    gate: bool,
    hold: bool,
    wait: Option<f64>,
    stall: Option<f64>,
}

impl Options {
    /// Reads the options; `None` if help was asked for.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
        let mut given = Given::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("addr") => given.address = Some(parser.value()?.parse()?),
                Long("connections") => given.connections = Some(parser.value()?.parse()?),
                Long("active") => given.active = Some(parser.value()?.parse()?),
                Long("size") => given.size = Some(parser.value()?.parse()?),
                Long("messages") => given.messages = Some(parser.value()?.parse()?),
                Long("seconds") => given.seconds = Some(parser.value()?.parse()?),
                Long("pipeline") => given.pipeline = Some(parser.value()?.parse()?),
                Long("rate") => given.rate = Some(parser.value()?.parse()?),
                Long("churn") => given.churn = true,
                Long("gate") => given.gate = true,
                Long("hold") => given.hold = true,
                Long("wait") => given.wait = Some(parser.value()?.parse()?),
                Long("stall") => given.stall = Some(parser.value()?.parse()?),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        given.weigh().map(Some)
    }
}

impl Given {
    fn weigh(self) -> Result<Options, Failure> {
        self.refuse_contradictions()?;
        let connections = at_least_one("--connections", self.connections.unwrap_or(1))?;
        let active = at_least_one("--active", self.active.unwrap_or(connections))?;
        if active > connections {
            return Err(Failure::new(format!(
                "--active {active} of --connections {connections}: raise the latter"
            )));
        }
        let stop = match (self.messages, self.seconds) {
            (Some(messages), _) => Stop::Messages(messages),
            (None, None) if self.hold => Stop::Messages(connections as u64),
            (None, seconds) => Stop::After(duration("--seconds", seconds.unwrap_or(5.0))?),
        };
        if self
            .rate
            .is_some_and(|rate| !rate.is_normal() || rate < 0.0)
        {
            return Err(Failure::new("--rate must be a number above 0"));
        }
        let address = SocketAddrV4::new([127, 0, 0, 1].into(), 7000);
        Ok(Options {
            address: self.address.unwrap_or(address),
            connections,
            active,
            size: at_least_one("--size", self.size.unwrap_or(64))?,
            stop,
            pipeline: at_least_one("--pipeline", self.pipeline.unwrap_or(1))?,
            rate: self.rate,
            churn: self.churn,
            gate: self.gate,
            hold: self.hold,
            wait: duration("--wait", self.wait.unwrap_or(5.0))?,
            stall: duration("--stall", self.stall.unwrap_or(30.0))?,
        })
    }

    fn refuse_contradictions(&self) -> Result<(), Failure> {
        let timed = self.rate.is_some() || self.pipeline.is_some();
        let both_ends = self.messages.is_some() && self.seconds.is_some();
        // Without a bound, holding sends exactly one message on each.
        let one_each = self.hold && self.messages.is_none() && self.seconds.is_none();
        let contradictions = [
            (both_ends, "--messages and --seconds exclude each other"),
            (
                self.churn && self.hold,
                "--churn and --hold exclude each other",
            ),
            (
                self.churn && timed,
                "--churn excludes --rate and --pipeline",
            ),
            (
                self.churn && self.active.is_some(),
                "--churn excludes --active",
            ),
            (
                one_each && timed,
                "--hold with --rate or --pipeline needs --messages",
            ),
            (
                one_each && self.active.is_some(),
                "--hold with --active needs --messages",
            ),
        ];
        match contradictions.iter().find(|(found, _)| *found) {
            Some((_, sentence)) => Err(Failure::new(*sentence)),
            None => Ok(()),
        }
    }
}

fn at_least_one(name: &str, value: usize) -> Result<usize, Failure> {
    match value {
        0 => Err(Failure::new(format!("{name} must be at least 1"))),
        value => Ok(value),
    }
}

fn duration(name: &str, seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| Failure::new(format!("{name} {seconds}: {error}; give seconds")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, Failure> {
        Options::parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    fn accepted(line: &str) -> Options {
        let parsed = parse(line).expect("the line is valid");
        parsed.expect("the line does not ask for help")
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let options = accepted("");
        assert_eq!(options.address.to_string(), "127.0.0.1:7000");
        assert_eq!((options.connections, options.active), (1, 1));
        assert_eq!((options.size, options.pipeline), (64, 1));
        assert_eq!(options.stop, Stop::After(Duration::from_secs(5)));
        assert_eq!(accepted("--connections 9").active, 9);
        assert_eq!(
            accepted("--seconds 0.5").stop,
            Stop::After(Duration::from_millis(500))
        );
    }

    #[test]
    fn holding_sends_one_message_on_each() {
        assert_eq!(accepted("--hold --connections 30").stop, Stop::Messages(30));
        assert_eq!(accepted("--hold --messages 5").stop, Stop::Messages(5));
        let timed = Stop::After(Duration::from_secs(2));
        assert_eq!(accepted("--hold --gate --seconds 2").stop, timed);
    }

    #[test]
    fn contradictions_are_refused_with_their_names() {
        for (line, name) in [
            ("--messages 5 --seconds 1", "--seconds"),
            ("--churn --rate 100", "--rate"),
            ("--churn --pipeline 2", "--pipeline"),
            ("--hold --pipeline 2", "--messages"),
            ("--connections 3 --active 4", "--active"),
            ("--connections 0", "--connections"),
            ("--size 0", "--size"),
            ("--rate 0", "--rate"),
            ("--rate nan", "--rate"),
            ("--wait -1", "--wait"),
            ("--addr localhost", "localhost"),
            ("--nonsense", "--nonsense"),
        ] {
            let failure = parse(line).expect_err(line).to_string();
            assert!(failure.contains(name), "{line} gave: {failure}");
        }
    }
}
