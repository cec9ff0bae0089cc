//! The loop that opens the connections, begins the messages and times them.
//!
//! The danger is to lose count: a message begun twice, or one too many, makes
//! every figure "a message" wrong. So there is one place that counts a message
//! as begun and one that counts it as done, and the run is over only when the
//! two agree.

use super::connection::Connection;
use super::options::{Options, Stop};
use super::report::{self, Report};
use crate::failure::Failure;
use crate::sys::{self, Epoll, Event};
use hdrhistogram::Histogram;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

const EVENTS: usize = 256;
const SCRATCH: usize = 64 * 1024;

/// Connects in progress at a time: well below any sensible listen queue.
const CONNECTS_AT_ONCE: usize = 256;

/// Messages the open loop begins between two looks at the replies.
const BEGUN_AT_ONCE: usize = 64;

/// Pause after a connect that may work later.
const RETRY: Duration = Duration::from_millis(10);

/// Connections from one source address: below the usual 28232 local ports.
const PORTS_A_SOURCE: u64 = 20_000;

/// How many loopback addresses beyond the first serve as sources, in turn.
const EXTRA_SOURCES: u64 = 250;

const EDGES: u32 = sys::READABLE | sys::WRITABLE | sys::PEER_CLOSED | sys::EDGE;
const RECEIVABLE: u32 = sys::READABLE | sys::PEER_CLOSED | sys::HANGUP | sys::ERROR;

/// Everything of one run. Times are nanoseconds since `epoch`.
pub struct Engine<'o> {
    options: &'o Options,
    epoll: Epoll,
    events: Vec<Event>,
    scratch: Vec<u8>,
    connections: Vec<Option<Connection>>,
    /// Places in `connections` that wait to be connected.
    vacant: Vec<usize>,
    connecting: usize,
    opened: u64,
    next_identity: u64,
    epoch: Instant,
    /// When measuring began, and when the last message was done.
    started: u64,
    finished: u64,
    begun: u64,
    done: u64,
    /// Whether these are the messages that do not count.
    warming: bool,
    /// When the server last gave a sign of life that was due.
    progress: u64,
    retry_at: u64,
    latencies: Histogram<u64>,
}

impl<'o> Engine<'o> {
    /// An engine that has not begun.
    pub fn new(options: &'o Options) -> Result<Engine<'o>, Failure> {
        let epoll = Epoll::new().map_err(broken)?;
        Ok(Engine {
            options,
            epoll,
            events: vec![sys::NOTHING_YET; EVENTS],
            scratch: vec![0; SCRATCH],
            connections: (0..options.connections).map(|_| None).collect(),
            vacant: (0..options.connections).rev().collect(),
            connecting: 0,
            opened: 0,
            next_identity: 0,
            epoch: Instant::now(),
            started: 0,
            finished: 0,
            begun: 0,
            done: 0,
            warming: false,
            progress: 0,
            retry_at: 0,
            latencies: report::histogram()?,
        })
    }

    /// Opens the connections, unless each message is to open its own.
    pub fn open(&mut self) -> Result<(), Failure> {
        while !self.options.churn && self.opened < self.options.connections as u64 {
            self.connect_some()?;
            self.turn()?;
        }
        Ok(())
    }

    /// Exchanges one message on each connection, and then counts from zero.
    pub fn warm_up(&mut self) -> Result<(), Failure> {
        if self.options.churn {
            return Ok(());
        }
        self.warming = true;
        for place in 0..self.options.connections {
            self.begin(place, self.now());
            self.push(place)?;
        }
        while self.begun > self.done {
            self.turn()?;
        }
        self.warming = false;
        (self.begun, self.done) = (0, 0);
        self.latencies.reset();
        Ok(())
    }

    /// Runs to the end that the options set.
    pub fn run(&mut self) -> Result<(), Failure> {
        self.progress = self.now();
        if self.options.churn {
            return self.churn();
        }
        self.started = self.now();
        self.finished = self.started;
        match self.options.rate {
            Some(rate) => self.exchange_by_the_clock(rate),
            None => self.exchange(),
        }
    }

    /// What has been measured so far.
    pub fn report(self, faulty: bool) -> Report {
        Report {
            messages: self.done,
            faulty,
            elapsed: Duration::from_nanos(self.finished.saturating_sub(self.started)),
            connections: self.opened,
            latencies: self.latencies,
        }
    }

    /// Closed loop: each reply lets the next message go.
    fn exchange(&mut self) -> Result<(), Failure> {
        for place in 0..self.options.active {
            for _ in 0..self.options.pipeline {
                self.begin(place, self.now());
            }
            self.push(place)?;
        }
        while self.begun > self.done {
            self.turn()?;
        }
        Ok(())
    }

    /// Open loop: message k is due at k / rate, whatever the replies do.
    fn exchange_by_the_clock(&mut self, rate: f64) -> Result<(), Failure> {
        loop {
            let now = self.now();
            let mut due = self.due(rate);
            // Bounded, so that one who cannot keep up still looks at replies.
            for _ in 0..BEGUN_AT_ONCE {
                if due > now || !self.allows(due) {
                    break;
                }
                let place = (self.begun % self.options.active as u64) as usize;
                self.begin(place, due);
                self.push(place)?;
                due = self.due(rate);
            }
            if self.allows(due) {
                self.turn_until(Some(due))?;
            } else if self.begun > self.done {
                self.turn()?;
            } else {
                return Ok(());
            }
        }
    }

    /// When the next message is due in the open loop.
    fn due(&self, rate: f64) -> u64 {
        self.started + (self.begun as f64 * 1e9 / rate) as u64
    }

    /// Each message is a connection of its own.
    fn churn(&mut self) -> Result<(), Failure> {
        loop {
            self.connect_some()?;
            if self.begun == self.done && !self.allows(self.now()) {
                return Ok(());
            }
            self.turn()?;
        }
    }

    /// Waits for events and handles them.
    pub fn turn(&mut self) -> Result<(), Failure> {
        self.turn_until(None)
    }

    fn turn_until(&mut self, due: Option<u64>) -> Result<(), Failure> {
        let now = self.now();
        let until_due = due.map(|due| Duration::from_nanos(due.saturating_sub(now)));
        let retrying = !self.vacant.is_empty() && self.connecting == 0;
        let patience = if retrying {
            RETRY
        } else {
            Duration::from_secs(1)
        };
        let count = match until_due {
            Some(left) if left < patience => self.epoll.wait_precisely(&mut self.events, left),
            _ => self.epoll.wait(&mut self.events, Some(patience)),
        }
        .map_err(broken)?;
        for index in 0..count {
            let Event { events, u64: place } = self.events[index];
            self.handle(place as usize, events)?;
        }
        if count == 0 {
            self.watch_for_silence()?;
        }
        Ok(())
    }

    fn handle(&mut self, place: usize, flags: u32) -> Result<(), Failure> {
        let Some(connection) = &mut self.connections[place] else {
            return Ok(());
        };
        if connection.connecting {
            if let Err(error) = sys::socket_error(&connection.socket) {
                self.connecting -= 1;
                return self.connect_failed(place, &error);
            }
            connection.connecting = false;
            self.connecting -= 1;
            self.opened += 1;
            self.progress = self.epoch.elapsed().as_nanos() as u64;
        }
        if flags & RECEIVABLE != 0 {
            connection.pull(flags, &mut self.scratch)?;
            self.settle(place);
        }
        self.push(place)
    }

    /// Counts the messages that have come back whole and lets the next go.
    fn settle(&mut self, place: usize) {
        let now = self.now();
        self.progress = now;
        while let Some(since) = self.connections[place]
            .as_mut()
            .and_then(Connection::completed)
        {
            self.done += 1;
            self.finished = now;
            self.latencies.saturating_record(now.saturating_sub(since));
            if self.options.churn {
                self.connections[place] = None;
                self.vacant.push(place);
            } else if self.options.rate.is_none() {
                self.begin(place, now);
            }
        }
    }

    /// Begins a message on a connection, if one more is allowed.
    fn begin(&mut self, place: usize, since: u64) {
        if !self.allows(since) {
            return;
        }
        if self.begun == self.done {
            self.progress = self.now();
        }
        if let Some(connection) = &mut self.connections[place] {
            connection.queue(since);
            self.begun += 1;
        }
    }

    fn allows(&self, since: u64) -> bool {
        if self.warming {
            return self.begun < self.options.connections as u64;
        }
        match self.options.stop {
            Stop::Messages(messages) => self.begun < messages,
            Stop::After(duration) => {
                Duration::from_nanos(since.saturating_sub(self.started)) < duration
            }
        }
    }

    fn push(&mut self, place: usize) -> Result<(), Failure> {
        match &mut self.connections[place] {
            Some(connection) => connection.push(self.options.pipeline, &mut self.scratch),
            None => Ok(()),
        }
    }

    /// Starts connects in the vacant places, as many as may be in progress.
    fn connect_some(&mut self) -> Result<(), Failure> {
        let churn = self.options.churn;
        // The first goes alone: the server may not be up yet.
        let at_once = if self.opened == 0 {
            1
        } else {
            CONNECTS_AT_ONCE
        };
        while self.connecting < at_once {
            let now = self.now();
            if now < self.retry_at || (churn && !self.allows(now)) {
                return Ok(());
            }
            let Some(place) = self.vacant.pop() else {
                return Ok(());
            };
            if self.opened == 0 {
                self.started = now;
            }
            self.connect(place)?;
            if churn {
                self.begin(place, now);
            }
        }
        Ok(())
    }

    fn connect(&mut self, place: usize) -> Result<(), Failure> {
        let identity = self.next_identity;
        let address = self.options.address;
        let source = match (identity / PORTS_A_SOURCE) % (EXTRA_SOURCES + 1) {
            extra @ 1.. if address.ip().is_loopback() => {
                Some(Ipv4Addr::new(127, 0, 0, 1 + extra as u8))
            }
            _ => None,
        };
        match sys::connect(address, source) {
            Ok(socket) => {
                self.epoll
                    .add(&socket, EDGES, place as u64)
                    .map_err(broken)?;
                let connection = Connection::new(socket, identity, self.options.size);
                self.connections[place] = Some(connection);
                self.next_identity += 1;
                self.connecting += 1;
                Ok(())
            }
            Err(error) => self.connect_failed(place, &error),
        }
    }

    /// Gives the place back for a later attempt, if one can help: the server
    /// may not be up yet, or ports may be short until old ones are free.
    fn connect_failed(&mut self, place: usize, error: &io::Error) -> Result<(), Failure> {
        let now = self.now();
        let not_up_yet = self.opened == 0 && error.kind() == io::ErrorKind::ConnectionRefused;
        let patience = Duration::from_nanos(now - self.progress) < self.options.wait;
        let connection = self.connections[place].take();
        if !patience || !(not_up_yet || sys::is_port_shortage(error)) {
            let identity = connection.map_or(self.next_identity, |failed| failed.identity);
            let call = format!("connection {identity}: connect to {}", self.options.address);
            let cure = "start the server there, or allow it longer with --wait";
            return Err(Failure::call(&call, error, cure));
        }
        if self.options.churn && connection.is_some() {
            // Its message goes with it, and is begun anew with the next one.
            self.begun -= 1;
        }
        if self.opened == 0 {
            // It was alone, so its number is free again.
            self.next_identity = 0;
        }
        self.vacant.push(place);
        self.retry_at = now + RETRY.as_nanos() as u64;
        Ok(())
    }

    fn watch_for_silence(&self) -> Result<(), Failure> {
        let silence = Duration::from_nanos(self.now() - self.progress);
        if silence < self.options.stall {
            return Ok(());
        }
        let mut connections = self.connections.iter().flatten();
        match connections.find(|connection| connection.connecting || connection.is_owed()) {
            Some(connection) => Err(connection.stalled()),
            None => Ok(()),
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }
}

impl AsFd for Engine<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::call("epoll", &error, "see ulimit -n and the kernel's log")
}
