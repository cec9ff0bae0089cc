//! A kernel for the scheduler of whole runtimes: what [`sys`](crate::sys) is otherwise.
//!
//! Nobody may sleep in the real kernel there: all threads are one to it. Here an epoll is a list of
//! edges and a condition to sleep on. What is left out is what no model asks for: descriptors other
//! than bells and alarm clocks, and timeouts, which never end a wait. An alarm clock rings at once or
//! never, as the schedule will have it.

#![allow(dead_code)]

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{LazyLock, PoisonError, Weak};
use std::time::Duration;

use crate::primitive::checker::rand::{Rng, thread_rng};
use crate::primitive::{Arc, Condvar, Mutex, spin_loop};

/// A descriptor, and who watches it.
#[derive(Debug)]
struct File {
    number: RawFd,
    watchers: std::sync::Mutex<Vec<(Arc<Edges>, u64)>>,
}

/// What an epoll has to report.
#[derive(Debug)]
struct Edges {
    list: Mutex<Vec<u64>>,
    came: Condvar,
    /// An epoll is a descriptor, too.
    file: Arc<File>,
}

static OPEN: LazyLock<std::sync::Mutex<HashMap<RawFd, Weak<File>>>> =
    LazyLock::new(Default::default);

impl File {
    fn open() -> Arc<Self> {
        static NEXT: AtomicI32 = AtomicI32::new(1);
        let file = Arc::new(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            watchers: std::sync::Mutex::default(),
        });
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(file.number, Arc::downgrade(&file));
        file
    }

    fn find(number: RawFd) -> io::Result<Arc<Self>> {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.get(&number).and_then(Weak::upgrade);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn watchers(&self) -> std::sync::MutexGuard<'_, Vec<(Arc<Edges>, u64)>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an epoll watches this one, maybe by way of others: it must not be watched in turn.
    fn is_watched_by(&self, epoll: RawFd) -> bool {
        let is_it = |watcher: &File| watcher.number == epoll || watcher.is_watched_by(epoll);
        self.watchers().iter().any(|(edges, _)| is_it(&edges.file))
    }

    fn raise(&self) {
        let watchers = self.watchers().clone();
        for (edges, data) in watchers {
            let mut list = edges.list.lock();
            if !list.contains(&data) {
                list.push(data);
            }
            drop(list);
            edges.came.notify_all();
            edges.file.raise();
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.number);
    }
}

#[derive(Debug)]
pub(crate) struct Epoll(Arc<Edges>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) bits: u32,
    pub(crate) data: u64,
}

pub(crate) struct Events(Vec<u64>);

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(Edges {
            list: Mutex::new(Vec::new()),
            came: Condvar::new(),
            file: File::open(),
        })))
    }

    pub(crate) fn add(&self, fd: RawFd, _: u32, data: u64) -> io::Result<()> {
        File::find(fd)?.watchers().push((self.0.clone(), data));
        Ok(())
    }

    pub(crate) fn add_level(&self, fd: RawFd, bits: u32, data: u64) -> io::Result<()> {
        if self.0.file.is_watched_by(fd) {
            return Err(io::Error::from_raw_os_error(errno::ELOOP));
        }
        self.add(fd, bits, data)
    }

    pub(crate) fn modify(&self, _: RawFd, _: u32, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn delete(&self, fd: RawFd) -> io::Result<()> {
        let is_another = |watcher: &(Arc<Edges>, u64)| !Arc::ptr_eq(&watcher.0, &self.0);
        File::find(fd)?.watchers().retain(is_another);
        Ok(())
    }

    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            // Whoever looks again and again lets the others go on.
            spin_loop();
        }
        let mut list = self.0.list.lock();
        while list.is_empty() && timeout != Some(Duration::ZERO) {
            list = self.0.came.wait(list);
        }
        events.0 = std::mem::take(&mut *list);
        Ok(())
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.file.number
    }
}

impl Events {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn replace(&mut self, events: impl Iterator<Item = Event>) {
        self.0.clear();
        self.0.extend(events.map(|event| event.data));
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.0.iter().map(|data| Event {
            bits: bits::IN,
            data: *data,
        })
    }
}

#[derive(Debug)]
pub(crate) struct EventFd(Arc<File>);

impl EventFd {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(File::open()))
    }

    pub(crate) fn signal(&self) {
        self.0.raise();
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.number
    }
}

#[derive(Debug)]
pub(crate) struct TimerFd(Arc<File>);

impl TimerFd {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(File::open()))
    }

    pub(crate) fn set(&self, _: Duration) {
        if one_in(4) {
            self.0.raise();
        }
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.number
    }
}

/// Ticks now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoarseInstant(bool);

impl CoarseInstant {
    pub(crate) fn now() -> Self {
        Self(one_in(8))
    }
}

/// What began at one took a moment, or longer than anything that is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment;

impl Moment {
    pub(crate) fn now() -> Self {
        Self
    }

    pub(crate) fn elapsed(self) -> u64 {
        if one_in(4) { 5_000_000 } else { 1_000 }
    }
}

fn one_in(many: u32) -> bool {
    thread_rng().gen_ratio(1, many)
}

/// There are no children here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForkMark;

impl ForkMark {
    pub(crate) fn of_this_process() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn is_child(self) -> bool {
        false
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    NonBlocking,
    Blocking,
    RegularFile,
}

pub(crate) fn mode(_: BorrowedFd<'_>) -> io::Result<Mode> {
    Ok(Mode::NonBlocking)
}

/// No model asks for signals.
pub(crate) fn block(_: i32) -> bool {
    false
}

pub(crate) fn unblock(_: i32) {}

pub(crate) fn may_be_blocked(_: i32) -> bool {
    true
}

pub(crate) mod errno {
    pub(crate) const EPERM: i32 = 1;
    pub(crate) const EEXIST: i32 = 17;
    pub(crate) const ENOSPC: i32 = 28;
    pub(crate) const ELOOP: i32 = 40;
}

pub(crate) mod bits {
    pub(crate) const IN: u32 = 1;
    pub(crate) const PRI: u32 = 2;
    pub(crate) const OUT: u32 = 4;
    pub(crate) const ERR: u32 = 8;
    pub(crate) const HUP: u32 = 16;
    pub(crate) const RDHUP: u32 = 1 << 13;
}
