//! Several futures in one task: joined, tried, selected.

use std::cell::Cell;
use std::future::{pending, ready};

use runtime::sync::{mpsc, oneshot};
use runtime::task::yield_now;
use runtime::time::{Duration, sleep};
use runtime::{join, pin, select, try_join};
use tests::deadline::soon;
use tests::panics::panics;

fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    soon(|| runtime::block_on(test()));
}

async fn late<T>(output: T) -> T {
    yield_now().await;
    yield_now().await;
    output
}

#[test]
fn a_join_waits_for_all() {
    run(|| async {
        assert_eq!(join!(late(1), async { "two" }, late([3]),), (1, "two", [3]));
        assert_eq!(join!(biased; late(1), ready(2)), (1, 2));
        assert_eq!(join!(late(String::from("one"))), (String::from("one"),));
        join!();
        let (sender, receiver) = oneshot::channel();
        let (sent, received) = join!(async { sender.send(5) }, receiver);
        assert_eq!((sent, received), (Ok(()), Ok(5)));
    });
}

#[test]
fn a_try_join_ends_with_the_first_error() {
    run(|| async {
        let all: Result<_, ()> = try_join!(late(Ok(1)), ready(Ok("two")));
        assert_eq!(all, Ok((1, "two")));
        let dropped = Cell::new(false);
        let endless = async {
            let _guard = tests::panics::on_drop(|| dropped.set(true));
            pending::<Result<(), &str>>().await
        };
        let failed = try_join!(biased; endless, late(Err::<(), _>("no")));
        assert_eq!((failed, dropped.get()), (Err("no"), true));
    });
}

#[test]
fn a_selection_takes_the_first_and_drops_the_others() {
    run(|| async {
        let number = select! {
            number = late(1) => number,
            _ = pending::<()>() => 2,
        };
        assert_eq!(number, 1);
        let (sender, mut receiver) = mpsc::channel(1);
        for round in 0..3 {
            select! {
                biased;
                Some(_) = receiver.recv(), if round > 0 => { assert_eq!(round, 1) }
                () = sleep(Duration::from_millis(1)), if round == 2 => break,
                () = late(()) => sender.send(round).await.unwrap(),
                else => unreachable!(),
            }
        }
    });
}

#[test]
fn what_does_not_fit_is_out() {
    run(|| async {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        drop(sender);
        let outcome = select! {
            Some(number) = receiver.recv() => Ok(number),
            number = late(7) => Ok(number),
        };
        assert_eq!(outcome, Ok::<_, ()>(7));
        let outcome = select! {
            Some(number) = receiver.recv() => Some(number),
            Ok(()) = ready(Err(())), if true => Some(1),
            else => None,
        };
        assert_eq!(outcome, None);
    });
    let said = panics(|| {
        runtime::block_on(async {
            select! { Some(()) = ready(None) => {} }
        });
    });
    assert!(said.contains("`else`"), "{said}");
}

#[test]
fn handlers_may_leave_loops_and_functions() {
    async fn first() -> Option<u32> {
        loop {
            select! {
                value = late(Some(4)) => return Some(value? + 1),
                () = pending() => continue,
            }
        }
    }
    run(|| async {
        assert_eq!(first().await, Some(5));
        let mut turns = 0;
        let slow = late(());
        pin!(slow);
        loop {
            select! {
                biased;
                () = &mut slow => break,
                () = ready(()) => {
                    turns += 1;
                    yield_now().await;
                }
            }
        }
        assert!(turns > 0);
        pin! {
            let again = async { 1 };
        }
        assert_eq!(again.await, 1);
    });
}

/// If the order went round from a random one on, the right neighbour of one that is not ready would be
/// chosen twice as often as the others.
#[test]
fn those_that_are_ready_have_the_same_chance_whoever_is_not() {
    run(|| async {
        let mut chosen = [0; 4];
        for _ in 0..9000 {
            let index = select! {
                () = ready(()) => 0,
                () = pending() => 1,
                () = ready(()) => 2,
                () = ready(()) => 3,
            };
            chosen[index] += 1;
        }
        // Three thousand each; a tenth is six times what chance makes of it.
        let even = |&count: &usize| (2700..3300).contains(&count);
        assert!(
            [0, 2, 3].map(|index| chosen[index]).iter().all(even),
            "{chosen:?}"
        );
    });
}

#[test]
fn a_fair_order_reaches_all_and_a_biased_one_the_first() {
    run(|| async {
        let mut counts = [0; 3];
        for _ in 0..600 {
            select! {
                () = ready(()) => counts[0] += 1,
                () = ready(()) => counts[1] += 1,
                () = ready(()) => counts[2] += 1,
            }
        }
        assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
        for _ in 0..10 {
            select! {
                biased;
                () = ready(()) => {}
                () = ready(()) => unreachable!(),
            }
        }
    });
}

#[test]
fn a_pattern_may_be_any_that_a_match_takes() {
    run(|| async {
        let text = select! {
            Some(mut text) = async { Some(String::from("text")) } => { text.push('!'); text }
            else => String::new(),
        };
        assert_eq!(text, "text!");
        let five = 5;
        let length = select! {
            Ok((ref name, mut sum)) = async { Ok::<_, ()>((String::from("name"), 1)) } => {
                sum += name.len();
                sum
            }
            Err(()) | Ok(_) = pending::<Result<(), ()>>() => 0,
            (&number, ..) = ready((&five, ())), if false => number,
        };
        assert_eq!(length, 5);
        let number = select! {
            Some(&number) = ready(Some(&five)) => number,
            else => 0,
        };
        assert_eq!(number, 5);
    });
}

#[test]
fn an_output_is_dropped_once_whether_it_fits_or_not() {
    run(|| async {
        let whole = std::rc::Rc::new(());
        let output = || async { (whole.clone(), false) };
        select! {
            (mut _counted, true) = output() => panic!("it does not fit"),
            else => assert_eq!(std::rc::Rc::strong_count(&whole), 1),
        }
        select! {
            (mut counted, false) = output() => {
                assert_eq!(std::rc::Rc::strong_count(&counted), 2);
                counted = whole.clone();
                drop(counted);
            }
            else => panic!("it fits"),
        }
        assert_eq!(std::rc::Rc::strong_count(&whole), 1);
    });
}

#[test]
fn what_never_ends_may_be_a_branch() {
    async fn never() -> ! {
        pending().await
    }
    run(|| async {
        let one = select! {
            one = late(1) => one,
            never = never() => never,
        };
        assert_eq!(one, 1);
    });
}

#[test]
fn outputs_are_moved_and_conditions_asked_first() {
    run(|| async {
        struct NotClone(u32);
        let has_run = Cell::new(false);
        let (NotClone(number), text) = select! {
            NotClone(number) = async { NotClone(3) }, if !has_run.get() => {
                (NotClone(number), String::from("moved"))
            }
            pair = late((NotClone(1), String::new())), if has_run.get() => pair,
        };
        assert_eq!((number, text.as_str()), (3, "moved"));
        let mut text = select! { mut text = async { text } => { text.push('!'); text } };
        text.push('!');
        assert_eq!(text, "moved!!");
    });
}
