//! Runs that a seed decides: the same again for the same seed, and everything rare made frequent.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use net::{TcpListener, TcpStream};
use runtime::task::{spawn_local, yield_now};
use runtime::time::{Duration, Instant, sleep};
use runtime::{Builder, LocalRuntime};
use tests::deadline::soon;
use tests::panics::panics;

fn seeded(seed: u64) -> LocalRuntime {
    Builder::new_current_thread()
        .seed(seed)
        .build_local()
        .unwrap()
}

/// What twenty tasks do, in the order in which they do it.
fn story(seed: u64) -> Vec<(u32, u32)> {
    seeded(seed).block_on(async {
        let story = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..20)
            .map(|task| {
                let story = story.clone();
                spawn_local(async move {
                    for step in 0..10 {
                        story.borrow_mut().push((task, step));
                        match (task + step) % 3 {
                            0 => yield_now().await,
                            1 => sleep(Duration::from_micros(u64::from(task))).await,
                            _ => {}
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        story.take()
    })
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_another() {
    soon(|| {
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
    });
}

#[test]
fn tasks_run_in_every_order() {
    soon(|| {
        let firsts: std::collections::BTreeSet<_> = (0..200).map(|seed| story(seed)[0].0).collect();
        assert_eq!(firsts.len(), 20, "{firsts:?}");
    });
}

#[test]
fn futures_are_polled_though_nobody_has_woken_them() {
    soon(|| {
        let polls = Rc::new(Cell::new(0));
        seeded(3).block_on(async {
            let counted = polls.clone();
            let idle = spawn_local(poll_fn(move |_| {
                counted.set(counted.get() + 1);
                Poll::<()>::Pending
            }));
            for _ in 0..500 {
                yield_now().await;
            }
            idle.abort();
        });
        assert!(polls.get() > 5, "{}", polls.get());
    });
}

#[test]
fn sockets_move_less_than_they_are_asked_to_and_lose_nothing() {
    soon(|| {
        let shortest = Rc::new(Cell::new(usize::MAX));
        seeded(4).block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (server, _) = listener.accept().await.unwrap();
            let sent: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
            let expected = sent.clone();
            let writer = spawn_local(async move { client.write_all(&sent).await });
            let mut received = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let count = server.read(&mut buffer).await.unwrap();
                if count == 0 {
                    break;
                }
                shortest.set(shortest.get().min(count));
                received.extend_from_slice(&buffer[..count]);
            }
            writer.await.unwrap().unwrap();
            assert!(received == expected);
        });
        assert_eq!(shortest.get(), 1);
    });
}

#[test]
fn a_runtime_of_a_seed_takes_no_time_for_its_sleeps() {
    soon(|| {
        seeded(5).block_on(async {
            let start = Instant::now();
            sleep(Duration::from_secs(3600)).await;
            assert_eq!(start.elapsed(), Duration::from_secs(3600));
        });
    });
}

#[test]
fn who_waits_for_ever_is_told_so() {
    soon(|| {
        let said = panics(|| seeded(6).block_on(std::future::pending::<()>()));
        assert!(said.contains("everybody waits"), "{said}");
    });
}

#[test]
fn a_test_fails_under_the_seed_that_shows_its_mistake() {
    soon(|| {
        let seen = RefCell::new(Vec::new());
        let said = panics(|| {
            runtime::test::seeds(0..1000, |seed| {
                seen.borrow_mut().push(seed);
                async move {
                    let order = Rc::new(RefCell::new(Vec::new()));
                    let tasks = [1, 2, 3].map(|n| {
                        let order = order.clone();
                        spawn_local(async move { order.borrow_mut().push(n) })
                    });
                    for task in tasks {
                        task.await.unwrap();
                    }
                    assert_ne!(*order.borrow(), [3, 2, 1], "it is taken for impossible");
                }
            });
        });
        assert!(said.contains("taken for impossible"), "{said}");
        assert!((1..1000).contains(&seen.borrow().len()));
    });
}

#[test]
fn worker_threads_cannot_have_a_seed() {
    let said = panics(|| {
        Builder::new_multi_thread().seed(1);
    });
    assert!(said.contains("Builder::new_current_thread"), "{said}");
}
