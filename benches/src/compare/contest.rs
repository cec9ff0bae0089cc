//! Who is compared, at what, and by which figures: the three tables.
//!
//! The danger is a server that is treated in a special way somewhere in the
//! code, and a comparison that is no longer one. So all that differs between
//! servers is one line each of [`SERVERS`]: its name, its program and its
//! options. To add one, add a line.

/// A server that takes `--addr` and prints `... listening on ADDRESS`.
#[derive(Debug)]
pub struct Server {
    /// How the results call it.
    pub name: &'static str,
    /// Its program, beside the other built ones.
    pub program: &'static str,
    /// Its options before `--addr`.
    pub arguments: &'static [&'static str],
    /// Whether it is another server of the list under a second name, which
    /// shows how far apart equals are measured.
    pub is_twin: bool,
}

/// The one that is compared with each of the others comes first. The programs
/// are built by `BUILD`; a peer may live in any of its packages.
pub const SERVERS: &[Server] = &[
    server("echo single", "echo", &["--flavor", "single"]),
    server(
        "echo steal",
        "echo",
        &["--flavor", "steal", "--workers", "2"],
    ),
    server("floor", "floor", &[]),
    server("threads", "threads", &[]),
    Server {
        is_twin: true,
        ..server("floor again", "floor", &[])
    },
];

/// The server that the twin is a twin of.
pub const ORIGINAL: &str = "floor";

/// What cargo is asked for, beside the target folder.
pub const BUILD: &[&str] = &[
    "build",
    "--release",
    "--bins",
    "-p",
    "benches",
    "-p",
    "examples",
];

const fn server(
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
) -> Server {
    Server {
        name,
        program,
        arguments,
        is_twin: false,
    }
}

/// The work: 64-byte messages, each sent when the one before is back.
#[derive(Debug)]
pub struct Scenario {
    /// How the results call it.
    pub name: &'static str,
    /// Connections that are open at once.
    pub connections: usize,
    /// How many of them send.
    pub active: usize,
    /// Whether each message is a connection of its own.
    pub churn: bool,
    /// Whether there are enough connections to tell their memory from the
    /// server's own.
    pub weighs: bool,
}

/// The scenarios in the order of the results.
pub const SCENARIOS: &[Scenario] = &[
    steady("1 connection", 1, 1),
    steady("64 connections", 64, 64),
    steady("1,000 connections", 1000, 1000),
    steady("10,000, 64 of them active", 10_000, 64),
    Scenario {
        churn: true,
        ..steady("churn, 16 at a time", 16, 16)
    },
];

/// From here on, a connection's memory stands out of the server's own.
const CROWD: usize = 1000;

const fn steady(name: &'static str, connections: usize, active: usize) -> Scenario {
    Scenario {
        name,
        connections,
        active,
        churn: false,
        weighs: connections >= CROWD,
    }
}

impl Scenario {
    /// The options of the load generator.
    pub fn load(&self) -> Vec<String> {
        self.load_of(self.connections)
    }

    /// The same without the idle connections, which cost no system calls and
    /// which a traced server takes a minute to open.
    pub fn traced_load(&self) -> Vec<String> {
        self.load_of(self.active)
    }

    fn load_of(&self, connections: usize) -> Vec<String> {
        let mut options = vec!["--connections".to_owned(), connections.to_string()];
        if self.churn {
            options.push("--churn".to_owned());
        } else {
            options.extend(["--active".to_owned(), self.active.to_string()]);
            options.push("--hold".to_owned());
        }
        options
    }
}

/// What is measured of each server in each scenario.
#[derive(Debug)]
pub struct Metric {
    /// The head of its column.
    pub title: &'static str,
    /// The head of its column in the raw data.
    pub key: &'static str,
    /// Whether more is better.
    pub more_is_better: bool,
    /// A smaller difference matters to nobody, however surely it is measured.
    pub least_difference: f64,
}

/// Positions in [`METRICS`] and in [`Figures`].
pub const RATE: usize = 0;
/// The server's CPU time a message.
pub const PROCESSOR: usize = 1;
/// The latency that half of the messages keep.
pub const HALF: usize = 2;
/// The latency that all but one of a hundred keep.
pub const TAIL: usize = 3;
/// Resident memory a connection.
pub const MEMORY: usize = 4;
/// System calls a message.
pub const CALLS: usize = 5;
/// Context switches a message.
pub const SWITCHES: usize = 6;

/// One figure for each metric, where it could be taken.
pub type Figures = [Option<f64>; METRICS.len()];

/// The metrics in the order of the columns.
pub const METRICS: [Metric; 7] = [
    Metric {
        more_is_better: true,
        ..less("messages/s", "messages_per_second", 1.0)
    },
    less("CPU us", "server_cpu_us_per_message", 0.01),
    less("p50 us", "p50_us", 0.1),
    less("p99 us", "p99_us", 0.1),
    less("bytes/conn", "bytes_per_connection", 64.0),
    less("syscalls", "syscalls_per_message", 0.1),
    less("switches", "context_switches_per_message", 0.01),
];

const fn less(title: &'static str, key: &'static str, least_difference: f64) -> Metric {
    Metric {
        title,
        key,
        more_is_better: false,
        least_difference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twin_is_the_original_under_another_name() {
        let find = |test: fn(&&Server) -> bool| SERVERS.iter().find(test).expect("it is listed");
        let (original, twin) = (find(|it| it.name == ORIGINAL), find(|it| it.is_twin));
        assert_eq!(original.program, twin.program);
        assert_eq!(original.arguments, twin.arguments);
        assert_ne!(original.name, twin.name);
    }

    #[test]
    fn names_are_told_apart() {
        for (index, server) in SERVERS.iter().enumerate() {
            assert!(SERVERS[..index].iter().all(|it| it.name != server.name));
        }
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[..index].iter().all(|it| it.name != scenario.name));
        }
    }

    #[test]
    fn positions_are_those_of_the_columns() {
        for (position, title) in [
            (RATE, "messages/s"),
            (PROCESSOR, "CPU us"),
            (HALF, "p50 us"),
            (TAIL, "p99 us"),
            (MEMORY, "bytes/conn"),
            (CALLS, "syscalls"),
            (SWITCHES, "switches"),
        ] {
            assert_eq!(METRICS[position].title, title);
        }
    }
}
