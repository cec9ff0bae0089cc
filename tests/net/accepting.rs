//! The accept loop that must survive everything.
//!
//! The hard case is a process without a free descriptor: the connection stays in the queue, its edge
//! is spent, and no other comes when a descriptor is freed. Who tries on and on spins, who waits
//! hangs. That one is run in a process of its own, whose limit can be lowered.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::TcpStream as StdStream;
use std::pin::{Pin, pin};
use std::rc::Rc;

use futures_core::Stream;
use runtime::sync::Notify;
use runtime::time::{Duration, sleep};
use tests::apart::apart;
use tests::fd;
use tests::foreign::{self, Foreign};
use tests::once::once;
use tests::process::leave_free;

use crate::{listen, paused, run, run_local, woken};

fn clients(listener: &net::TcpListener, count: usize) -> Vec<StdStream> {
    let address = listener.local_addr().unwrap();
    (0..count)
        .map(|_| StdStream::connect(address).unwrap())
        .collect()
}

#[test]
fn a_hundred_connections_behind_one_edge_are_all_accepted() {
    run(async || {
        let listener = listen().await;
        let mut incoming = listener.incoming();
        assert!(once(pin!(incoming.accept())).await.is_pending());
        for _ in 0..3 {
            let clients = clients(&listener, 100);
            for client in &clients {
                let (_, peer) = incoming.accept().await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            }
            assert!(once(pin!(incoming.accept())).await.is_pending());
        }
    });
}

#[test]
fn several_tasks_accept_from_one_listener() {
    run_local(async || {
        let listener = Rc::new(listen().await);
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let listener = listener.clone();
                runtime::spawn_local(async move {
                    for _ in 0..10 {
                        listener.accept().await.unwrap();
                    }
                })
            })
            .collect();
        runtime::task::yield_now().await;
        let mut all = Vec::new();
        for _ in 0..30 {
            all.extend(clients(&listener, 1));
            runtime::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Four of them: the step function of a listener remembers the first task and the latest.
#[test]
fn every_loop_over_one_listener_is_woken() {
    run(async || {
        let listener = listen().await;
        let tasks = [(); 4].map(|()| Foreign::new().armed());
        let mut loops = [(); 4].map(|()| listener.incoming());
        let mut waiting: Vec<_> = loops.iter_mut().map(|it| Box::pin(it.accept())).collect();
        for (accept, task) in waiting.iter_mut().zip(&tasks) {
            assert!(foreign::poll(accept, &task.waker()).is_pending());
        }
        let _clients = clients(&listener, 4);
        for (accept, task) in waiting.into_iter().zip(&tasks) {
            woken(task).await;
            accept.await.unwrap();
        }
    });
}

#[test]
fn a_flood_of_connections_lets_others_have_their_turn() {
    run_local(async || {
        let listener = listen().await;
        let _clients = clients(&listener, 300);
        let turns = Rc::new(Cell::new(0));
        let other = runtime::spawn_local({
            let turns = turns.clone();
            async move {
                loop {
                    turns.set(turns.get() + 1);
                    runtime::task::yield_now().await;
                }
            }
        });
        let mut incoming = listener.incoming();
        for _ in 0..300 {
            incoming.accept().await.unwrap();
        }
        assert!(turns.get() >= 5, "{}", turns.get());
        other.abort();
    });
}

#[test]
fn a_listener_that_is_broken_ends_the_loop_with_an_error() {
    run(async || {
        let listener = listen().await;
        let mut incoming = listener.incoming();
        {
            let mut accepting = pin!(incoming.accept());
            assert!(once(accepting.as_mut()).await.is_pending());
            fd::shut(&listener);
            accepting.await.unwrap_err();
        }
        let mut next = async || poll_fn(|context| Pin::new(&mut incoming).poll_next(context)).await;
        assert!(next().await.unwrap().is_err());
        assert!(next().await.is_none());
        assert!(next().await.is_none());
    });
}

#[test]
fn connections_come_as_a_stream_too() {
    run(async || {
        let listener = listen().await;
        let mut incoming = listener.incoming();
        for mut client in clients(&listener, 3) {
            client.write_all(b"x").unwrap();
            let next = poll_fn(|context| Pin::new(&mut incoming).poll_next(context)).await;
            let stream = next.unwrap().unwrap();
            stream.read_exact(&mut [0; 1]).await.unwrap();
        }
    });
}

#[test]
fn a_plain_accept_tells_that_there_is_no_descriptor_and_keeps_the_connection() {
    apart(|| {
        runtime::block_on(async {
            let listener = listen().await;
            let clients = clients(&listener, 2);
            leave_free(1);
            let first = listener.accept().await.unwrap();
            for _ in 0..3 {
                let error = listener.accept().await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            }
            drop(first);
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, clients[1].local_addr().unwrap());
        });
    });
}

/// The loop is a task of its own: nothing polls it but what it waits for.
#[test]
fn without_descriptors_the_loop_waits_and_serves_everybody_when_there_are_some() {
    apart(|| {
        paused().block_on(async {
            let listener = listen().await;
            let clients = clients(&listener, 22);
            let held = Rc::new(RefCell::new(Vec::new()));
            let (polls, accepted) = (Rc::new(Cell::new(0)), Rc::new(Notify::new()));
            leave_free(4);
            let accepts = runtime::spawn_local({
                let (held, polls, accepted) = (held.clone(), polls.clone(), accepted.clone());
                async move {
                    let mut incoming = listener.incoming();
                    for _ in 0..22 {
                        let next = poll_fn(|context| {
                            polls.set(polls.get() + 1);
                            incoming.poll_accept(context)
                        });
                        let (stream, _) = next.await.unwrap();
                        stream.write_all(b"hello").await.unwrap();
                        held.borrow_mut().push(stream);
                        accepted.notify_one();
                    }
                }
            });
            for wave in clients.chunks(4) {
                while held.borrow().len() < wave.len() {
                    accepted.notified().await;
                }
                for mut client in wave {
                    client.read_exact(&mut [0; 5]).unwrap();
                }
                // Nothing is to be had, and the loop does not ask all the time.
                sleep(Duration::from_millis(60)).await;
                assert_eq!(held.borrow().len(), wave.len());
                // Nobody connects: that there is room again is for the loop to find out.
                held.borrow_mut().clear();
            }
            accepts.await.unwrap();
            // One a connection, and in six times 60 milliseconds a few each.
            assert!(polls.get() < 22 + 6 * 8, "{} polls", polls.get());
        });
    });
}

/// The first thing that a shutdown does.
#[test]
fn an_accept_loop_ends_when_the_runtime_is_asked_to() {
    tests::flavours::flavours(|flavour| {
        let runtime = flavour.build();
        let listener = runtime.block_on(listen());
        let address = listener.local_addr().unwrap();
        let accepting = runtime.spawn(async move {
            let mut incoming = listener.incoming();
            loop {
                if let Err(error) = incoming.accept().await {
                    // And again.
                    assert!(incoming.accept().await.is_err());
                    return error.to_string();
                }
            }
        });
        let client = StdStream::connect(address).unwrap();
        let report = runtime.shutdown(Duration::from_secs(600));
        assert!(report.is_clean(), "{report}");
        let said = tests::foreign::block_on(accepting).unwrap();
        assert!(said.contains("runtime shut down"), "{said}");
        drop(client);
    });
}
