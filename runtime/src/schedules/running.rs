//! A runtime at work: nobody is forgotten.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use shuttle::future::block_on;
use shuttle::sync::Mutex;
use shuttle::thread;

use super::{Whole, explore, spawn, yield_now};

/// A ball that two tasks throw at each other.
#[derive(Default)]
struct Ball(Mutex<(usize, [Option<Waker>; 2])>);

impl Ball {
    /// Waits for the ball, and throws it back.
    async fn play(&self, side: usize, rounds: usize) {
        for _ in 0..rounds {
            std::future::poll_fn(|context| {
                let mut ball = self.0.lock().unwrap();
                if ball.0 % 2 == side {
                    ball.0 += 1;
                    let other = ball.1[1 - side].take();
                    drop(ball);
                    other.into_iter().for_each(Waker::wake);
                    return Poll::Ready(());
                }
                ball.1[side] = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }
}

fn players(whole: &Whole, rounds: usize) -> [crate::tasks::JoinHandle<()>; 2] {
    let ball = Arc::new(Ball::default());
    [0, 1].map(|side| {
        let ball = ball.clone();
        whole.spawn(async move { ball.play(side, rounds).await })
    })
}

#[test]
fn two_tasks_that_wake_each_other_come_to_their_end() {
    explore(|| {
        let whole = Whole::new(2);
        for player in players(&whole, 2) {
            block_on(player).unwrap();
        }
        whole.end();
    });
}

/// More than a ring holds, so some overflow, and the other worker takes its share.
#[test]
fn tasks_that_one_task_spawns_are_all_run() {
    explore(|| {
        let whole = Whole::new(2);
        let shared = whole.shared.clone();
        let parent = whole.spawn(async move {
            let children: Vec<_> = (0..7)
                .map(|number| {
                    spawn(&shared, async move {
                        yield_now(number % 2).await;
                        number
                    })
                })
                .collect();
            let mut sum = 0;
            for child in children {
                sum += child.await.unwrap();
            }
            sum
        });
        assert_eq!(block_on(parent).unwrap(), 21);
        whole.end();
    });
}

/// Broken by: a thief that puts all it has stolen where it can be stolen back (once in 100,000).
#[test]
fn threads_that_spawn_at_once_are_all_served() {
    explore(|| {
        let whole = Whole::new(2);
        let threads = [1, 2].map(|number| {
            let shared = whole.shared.clone();
            thread::spawn(move || {
                let task = spawn(&shared, async move {
                    yield_now(1).await;
                    number
                });
                block_on(task).unwrap()
            })
        });
        let sum: usize = threads.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(sum, 3);
        whole.end();
    });
}

/// The futures of two `block_on`s borrow the cores, and a task waits for a third thread.
#[test]
fn futures_that_borrow_the_cores_are_served_and_give_them_back() {
    explore(|| {
        let whole = Whole::new(2);
        let other = thread::spawn({
            let shared = whole.shared.clone();
            move || {
                let task = spawn(&shared, yield_now(2));
                shared.block_on(pin!(async { task.await.unwrap() }));
            }
        });
        let players = players(&whole, 1);
        whole.shared.block_on(pin!(async {
            for player in players {
                player.await.unwrap();
            }
        }));
        other.join().unwrap();
        whole.end();
    });
}

#[test]
fn three_workers_share_what_comes_from_outside() {
    explore(|| {
        let whole = Whole::new(3);
        let tasks: Vec<_> = (0..4).map(|_| whole.spawn(yield_now(2))).collect();
        for task in tasks {
            block_on(task).unwrap();
        }
        whole.end();
    });
}
