//! What must hold of everything that can be waited for, whatever it is.
//!
//! Each of the [`kinds`] says how a pair of it is made, how one end sends and the other receives, and
//! what the end of one is for the other. The tests are the same for all. Those that look at the
//! numbers of descriptors run in a process of their own.

mod input;
mod kinds;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use tests::apart::apart;
use tests::fd;
use tests::foreign::{self, Foreign};
use tests::once::once;

use self::kinds::{End, Kind, OfBytes, OfMessages, Pipe};
use crate::{all_told, run, run_local};

/// One wait for one direction.
type Wait<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// A test of any kind.
trait Test {
    async fn run<K: Kind>();
}

/// Runs a test of all kinds.
async fn for_each<T: Test>() {
    T::run::<OfBytes<std::net::TcpStream>>().await;
    T::run::<OfBytes<std::os::unix::net::UnixStream>>().await;
    T::run::<OfMessages<std::net::UdpSocket>>().await;
    T::run::<OfMessages<std::os::unix::net::UnixDatagram>>().await;
    T::run::<OfMessages<net::unix::PacketSocket>>().await;
    T::run::<Pipe<kinds::Plain>>().await;
    T::run::<Pipe<kinds::Packets>>().await;
    T::run::<Pipe<kinds::Fifo>>().await;
    T::run::<kinds::Foreign>().await;
}

async fn is_pending(wait: &mut Wait<'_>) -> bool {
    once(wait.as_mut()).await.is_pending()
}

/// Receives until there is nothing.
fn drain<K: Kind>(receiver: &K::Receiver) {
    let mut buffer = vec![0; 64 * 1024];
    while K::try_receive(receiver, &mut buffer).is_ok() {}
}

/// Sends until there is no room.
fn fill<K: Kind>(sender: &K::Sender) {
    while K::try_send(sender, &[7; 4096]).is_ok() {}
}

struct AfterADrain;

impl Test for AfterADrain {
    async fn run<K: Kind>() {
        let (sender, receiver) = K::pair().await;
        for _ in 0..20 {
            let mut waiting = K::readable(&receiver);
            assert!(is_pending(&mut waiting).await, "{}", K::NAME);
            K::try_send(&sender, b"xy").unwrap();
            waiting.await.unwrap();
            drain::<K>(&receiver);
        }
    }
}

#[test]
fn an_edge_after_a_drain_is_seen() {
    run(for_each::<AfterADrain>);
}

struct SomethingLeft;

impl Test for SomethingLeft {
    async fn run<K: Kind>() {
        let (sender, receiver) = K::pair().await;
        for _ in 0..20 {
            for _ in 0..3 {
                K::try_send(&sender, b"x").unwrap();
            }
            for _ in 0..3 {
                // One edge tells of all three, or as many as come before it is told.
                K::receive(&receiver, &mut [0; 1]).await.unwrap();
            }
            // An edge that another worker has in hand may still be told; the next wait is for good.
            loop {
                let mut waiting = K::readable(&receiver);
                drain::<K>(&receiver);
                if is_pending(&mut waiting).await {
                    break;
                }
            }
        }
    }
}

#[test]
fn what_is_left_is_remembered() {
    run(for_each::<SomethingLeft>);
}

struct AllWake;

impl Test for AllWake {
    async fn run<K: Kind>() {
        let (sender, receiver) = K::pair().await;
        for _ in 0..3 {
            let mut waiting: Vec<_> = (0..5).map(|_| K::readable(&receiver)).collect();
            for wait in &mut waiting {
                assert!(is_pending(wait).await, "{}", K::NAME);
            }
            K::try_send(&sender, b"x").unwrap();
            for wait in waiting {
                wait.await.unwrap();
            }
            drain::<K>(&receiver);
        }
    }
}

#[test]
fn all_who_wait_for_a_direction_are_woken() {
    run(for_each::<AllWake>);
}

struct OneGoes;

impl Test for OneGoes {
    async fn run<K: Kind>() {
        for gone in 0..3 {
            for is_late in [false, true] {
                let (sender, receiver) = K::pair().await;
                let mut waiting: Vec<_> = (0..3).map(|_| K::readable(&receiver)).collect();
                for wait in &mut waiting {
                    assert!(is_pending(wait).await, "{}", K::NAME);
                }
                if is_late {
                    K::try_send(&sender, b"x").unwrap();
                    all_told().await;
                    drop(waiting.remove(gone));
                } else {
                    drop(waiting.remove(gone));
                    K::try_send(&sender, b"x").unwrap();
                }
                for wait in waiting {
                    wait.await.unwrap();
                }
            }
        }
    }
}

#[test]
fn a_waiter_that_goes_takes_nobodys_wake_along() {
    run(for_each::<OneGoes>);
}

struct Room;

impl Test for Room {
    async fn run<K: Kind>() {
        if K::ALWAYS_HAS_ROOM {
            return;
        }
        let (sender, receiver) = K::pair().await;
        let receiver = Rc::new(receiver);
        for _ in 0..3 {
            fill::<K>(&sender);
            let mut waiting: Vec<_> = (0..3).map(|_| K::writable(&sender)).collect();
            for wait in &mut waiting {
                assert!(is_pending(wait).await, "{}", K::NAME);
            }
            drop(waiting.remove(1));
            let drains = runtime::spawn_local({
                let receiver = receiver.clone();
                async move {
                    loop {
                        K::readable(&receiver).await.unwrap();
                        drain::<K>(&receiver);
                    }
                }
            });
            for wait in waiting {
                wait.await.unwrap();
            }
            drains.abort();
            drains.await.unwrap_err();
        }
    }
}

#[test]
fn room_wakes_all_who_wait_for_it() {
    run_local(for_each::<Room>);
}

struct SenderGoes;

impl Test for SenderGoes {
    async fn run<K: Kind>() {
        let (sender, receiver) = K::pair().await;
        let counts = Foreign::new().armed();
        let mut alone = K::readable(&receiver);
        let mut beside = K::readable(&receiver);
        assert!(foreign::poll(&mut alone, &counts.waker()).is_pending());
        assert!(is_pending(&mut beside).await, "{}", K::NAME);
        drop(sender);
        if K::END == End::Untold {
            all_told().await;
            assert!(is_pending(&mut beside).await, "{}", K::NAME);
        } else {
            beside.await.unwrap();
            alone.await.unwrap();
            // It is the end for good, whoever asks.
            for _ in 0..3 {
                let count = K::receive(&receiver, &mut [0; 4]).await.unwrap();
                assert_eq!(count, 0, "{}", K::NAME);
            }
            assert!(counts.wakes() > 0, "{}", K::NAME);
        }
        // However long it lasts, it is told once: for each of the things that make it up, at most.
        for _ in 0..10 {
            all_told().await;
        }
        assert!(counts.wakes() <= 2, "{}: {}", K::NAME, counts.wakes());
    }
}

#[test]
fn the_end_of_a_sender_wakes_who_receives_and_does_not_spin() {
    run(for_each::<SenderGoes>);
}

struct ReceiverGoes;

impl Test for ReceiverGoes {
    async fn run<K: Kind>() {
        if K::ALWAYS_HAS_ROOM {
            return;
        }
        let (sender, receiver) = K::pair().await;
        fill::<K>(&sender);
        let mut one = K::writable(&sender);
        let mut other = K::writable(&sender);
        assert!(is_pending(&mut one).await, "{}", K::NAME);
        assert!(is_pending(&mut other).await, "{}", K::NAME);
        drop(receiver);
        one.await.unwrap();
        other.await.unwrap();
        let error = K::try_send(&sender, b"x").unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "{}", K::NAME);
    }
}

#[test]
fn the_end_of_a_receiver_wakes_who_waits_for_room() {
    run(for_each::<ReceiverGoes>);
}

struct WhileItWaits;

impl Test for WhileItWaits {
    async fn run<K: Kind>() {
        let (sender, receiver) = K::pair().await;
        let counts = Foreign::new().armed();
        let mut waiting = K::readable(&receiver);
        assert!(foreign::poll(&mut waiting, &counts.waker()).is_pending());
        for _ in 0..10 {
            all_told().await;
        }
        assert_eq!(counts.wakes(), 0, "{}", K::NAME);
        // Nor does the other direction wake it.
        K::writable(&sender).await.unwrap();
        all_told().await;
        assert_eq!(counts.wakes(), 0, "{}", K::NAME);
    }
}

#[test]
fn who_waits_for_nothing_is_not_woken() {
    run(for_each::<WhileItWaits>);
}

struct NumbersAgain;

impl Test for NumbersAgain {
    async fn run<K: Kind>() {
        all_told().await;
        let before = fd::all_open();
        let mut numbers = Vec::new();
        for _ in 0..10 {
            let (sender, receiver) = K::pair().await;
            let opened = fd::opened_since(&before);
            if numbers.is_empty() {
                numbers.clone_from(&opened);
            }
            assert_eq!(opened, numbers, "{}", K::NAME);
            let counts = Foreign::new().armed();
            let mut waiting = K::readable(&receiver);
            assert!(foreign::poll(&mut waiting, &counts.waker()).is_pending());
            // Of the one before, which had the same numbers, and the same slots.
            all_told().await;
            assert_eq!(counts.wakes(), 0, "{}", K::NAME);
            K::try_send(&sender, b"x").unwrap();
            K::readable(&receiver).await.unwrap();
            drop(waiting);
            drain::<K>(&receiver);
            // Ready, and not told yet, when it goes.
            K::try_send(&sender, b"x").unwrap();
        }
        assert_eq!(fd::all_open(), before, "{}", K::NAME);
    }
}

#[test]
fn who_gets_a_number_or_a_slot_again_sees_no_event_of_the_old_one() {
    apart(|| runtime::block_on(for_each::<NumbersAgain>()));
}

struct Modes;

impl Test for Modes {
    async fn run<K: Kind>() {
        all_told().await;
        let before = fd::all_open();
        let (_sender, _receiver) = K::pair().await;
        for number in fd::opened_since(&before) {
            assert!(!fd::is_inherited(number), "{}", K::NAME);
            assert!(fd::is_nonblocking(number), "{}", K::NAME);
        }
    }
}

#[test]
fn every_descriptor_is_closed_on_exec_and_does_not_block() {
    apart(|| runtime::block_on(for_each::<Modes>()));
}
