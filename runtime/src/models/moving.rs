//! A descriptor that moves to another core, against tasks that wait for it.
//!
//! The sources, reactors and slots are the real ones, on a real socket pair, whose end is read
//! without blocking. Each reactor is looked into when something was done that may have made an event,
//! as its worker would. A lost wake is a reader that waits for ever.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::thread;

use crate::here::Fleet;
use crate::reactor::{Direction, Interest, Reactors, Ready, Registered, Source, Ticket};
use crate::sys::Events;

struct Socket {
    source: Source,
    ours: UnixStream,
    theirs: UnixStream,
    reactors: Arc<Reactors>,
}

impl Socket {
    /// A socket whose home is core 0.
    fn new() -> Arc<Self> {
        let reactors = Reactors::new(Arc::new(Fleet::new(2)), None).expect("two epolls");
        let reactors = Arc::new(reactors);
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        for reactor in reactors.iter() {
            // The checker does not see how a page is published: it is made beforehand.
            let fd = theirs.as_raw_fd();
            let registered = reactor.register(fd, Interest::READABLE, Ready::NONE);
            let (slot, place) = registered.expect("a registration");
            reactor.deregister(slot, place, Some(fd));
        }
        ours.set_nonblocking(true).expect("a mode");
        let source = Source::new(reactors.clone(), ours.as_raw_fd());
        source.ensure(Interest::READABLE).expect("a registration");
        Arc::new(Self {
            source,
            ours,
            theirs,
            reactors,
        })
    }

    fn send(&self) {
        (&self.theirs).write_all(&[7]).expect("room");
        self.harvest();
    }

    /// Both workers look at their reactors.
    fn harvest(&self) {
        let mut events = Events::with_capacity(4);
        for reactor in self.reactors.iter() {
            let waited = reactor.wait(&mut events, Some(Duration::ZERO));
            waited.expect("a look");
            reactor.dispatch(&events);
        }
    }

    fn try_read(&self) -> bool {
        (&self.ours).read(&mut [0]).is_ok_and(|read| read == 1)
    }

    /// Reads a byte as `AsyncFd` does: clear, call, wait.
    async fn read(&self) {
        let mut ticket = None;
        poll_fn(|context| {
            loop {
                if let Some(slot) = self.source.slot() {
                    let taken = slot.take(Direction::Read);
                    if !taken.ready.is_none() && self.try_read() {
                        slot.put_back(Direction::Read, taken.ready);
                        return Poll::Ready(());
                    }
                    if taken.ready.is_none()
                        && self.source.wait_to_read(slot, taken, context.waker())
                    {
                        return Poll::Pending;
                    }
                }
                if self.wait(context.waker(), &mut ticket) == Registered::Waiting {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    fn wait(&self, waker: &Waker, ticket: &mut Option<Ticket>) -> Registered {
        let waited = self.source.wait(Direction::Read, waker, |slot| {
            slot.join_crowd(Direction::Read, waker, Some(ticket))
        });
        waited.expect("the runtime lives")
    }
}

fn reader(socket: &Arc<Socket>) -> thread::JoinHandle<()> {
    let socket = socket.clone();
    thread::spawn(move || block_on(socket.read()))
}

/// Broken by: a new slot that is published after the former one is emptied.
#[test]
fn a_reader_is_served_wherever_the_descriptor_is() {
    loom::model(|| {
        let socket = Socket::new();
        let reader = reader(&socket);
        socket.source.move_to(1);
        socket.send();
        reader.join().unwrap();
    });
}

/// A reader that runs the core which is the home does not look whether it still is the home's slot.
///
/// Broken by: a home that is noted after the former slot is emptied.
#[test]
fn a_reader_at_home_sees_that_it_is_no_longer() {
    loom::model(|| {
        let socket = Socket::new();
        let reader = thread::spawn({
            let socket = socket.clone();
            move || {
                let home = socket.reactors.fleet().enter(0);
                block_on(socket.read());
                drop(home);
            }
        });
        let late = thread::spawn({
            let socket = socket.clone();
            move || {
                let slot = socket.source.slot().expect("a home");
                slot.take(Direction::Read);
            }
        });
        socket.source.move_to(1);
        late.join().unwrap();
        socket.send();
        reader.join().unwrap();
    });
}

/// Another task is about to use the former slot, and clears the bits that the move has set there, at
/// any moment: the reader must not wait where no event comes any more.
///
/// Broken by: a `look_where` that does not look. (With the look, the bits that `evict` sets only save a
/// registration.)
#[test]
fn a_task_that_is_late_at_the_former_slot_misleads_nobody() {
    loom::model(|| {
        let socket = Socket::new();
        let reader = reader(&socket);
        let late = thread::spawn({
            let socket = socket.clone();
            move || {
                let slot = socket.source.slot().expect("a home");
                slot.take(Direction::Read);
            }
        });
        socket.source.move_to(1);
        late.join().unwrap();
        socket.send();
        reader.join().unwrap();
    });
}

/// Broken by: the same as the first.
#[test]
fn data_that_comes_during_a_move_is_not_lost() {
    loom::model(|| {
        let socket = Socket::new();
        let reader = reader(&socket);
        let peer = thread::spawn({
            let socket = socket.clone();
            move || socket.send()
        });
        socket.source.move_to(1);
        socket.harvest();
        peer.join().unwrap();
        reader.join().unwrap();
    });
}

/// The reader finds the first place taken, and joins the crowd.
///
/// Broken by: an `evict` that leaves the crowd.
#[test]
fn a_crowd_moves_too() {
    loom::model(|| {
        let socket = Socket::new();
        let slot = socket.source.slot().expect("a home");
        let first = slot.register(Direction::Read, Waker::noop());
        assert_eq!(first, Some(Registered::Waiting));
        let reader = reader(&socket);
        socket.source.move_to(1);
        socket.send();
        reader.join().unwrap();
    });
}

#[test]
fn a_descriptor_may_come_home_again() {
    loom::model(|| {
        let socket = Socket::new();
        let reader = reader(&socket);
        socket.source.move_to(1);
        socket.source.move_to(0);
        socket.send();
        reader.join().unwrap();
    });
}

/// Broken by: a move that registers for reading only.
#[test]
fn a_direction_that_is_added_during_a_move_is_watched_at_the_new_home() {
    loom::model(|| {
        let socket = Socket::new();
        let mover = thread::spawn({
            let socket = socket.clone();
            move || socket.source.move_to(1)
        });
        let (slot, _) = socket.source.ensure_for(Direction::Write).expect("a home");
        slot.take(Direction::Write);
        mover.join().unwrap();
        socket.harvest();
        let slot = socket.source.slot().expect("a home");
        let told = slot.peek(Direction::Write);
        assert!(told.intersects(WRITABLE), "the kernel tells of the room");
    });
}

/// Broken by: a former slot that is given up as it is.
#[test]
fn no_waker_stays_behind_at_a_former_home() {
    loom::model(|| {
        let socket = Socket::new();
        let reactors = socket.reactors.clone();
        let task = Arc::new(Counted);
        let waiter = thread::spawn({
            let (socket, waker) = (socket.clone(), Waker::from(task.clone()));
            move || {
                let mut ticket = None;
                if let Some(slot) = socket.source.slot() {
                    slot.take(Direction::Read);
                }
                socket.wait(&waker, &mut ticket);
            }
        });
        socket.source.move_to(1);
        waiter.join().unwrap();
        drop(socket);
        assert_eq!(Arc::strong_count(&task), 1);
        drop(reactors);
    });
}

const WRITABLE: Ready = Ready::to_write(crate::sys::bits::OUT);

struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}
