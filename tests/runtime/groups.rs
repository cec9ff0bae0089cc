//! Many tasks together: sets, trackers, tokens, scopes, and values that follow a task.

use std::future::{pending, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use runtime::sync::CancellationToken;
use runtime::task::{
    AbortOnDropHandle, Failure, JoinSet, Scope, TaskTracker, scope, scope_with, yield_now,
};
use runtime::time::{Duration, sleep};
use runtime::{Handle, LocalRuntime};
use tests::deadline::soon;
use tests::event::Event;
use tests::flavours::flavours;
use tests::panics::{message, on_drop, panics};

fn run<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce() -> F + Send + 'static) {
    soon(|| runtime::block_on(test()));
}

#[test]
fn a_set_gives_results_as_they_come() {
    run(|| async {
        let mut set = JoinSet::new();
        assert!(set.join_next().await.is_none());
        let go = Event::new();
        set.spawn({
            let go = go.wait();
            async move {
                go.await;
                "late"
            }
        });
        set.spawn(async { "early" });
        assert_eq!(set.join_next().await.unwrap().unwrap(), "early");
        yield_now().await;
        assert!(set.try_join_next().is_none());
        go.set();
        assert_eq!(set.join_next().await.unwrap().unwrap(), "late");
        set.spawn(async { panic!("in the set") });
        assert!(set.join_next().await.unwrap().unwrap_err().is_panic());
        let id = set.spawn_blocking(|| "blocked").id();
        assert_eq!(
            set.join_next_with_id().await.unwrap().unwrap(),
            (id, "blocked")
        );
        assert!(set.is_empty());
    });
}

#[test]
fn a_set_of_many_is_joined_whatever_the_budget() {
    run(|| async {
        let mut set = JoinSet::new();
        for number in 0..10_000_u64 {
            set.spawn(async move {
                yield_now().await;
                number
            });
        }
        assert_eq!(set.join_all().await.into_iter().sum::<u64>(), 49_995_000);
    });
}

#[test]
fn a_set_takes_its_tasks_along() {
    run(|| async {
        let dropped = Arc::new(AtomicUsize::new(0));
        let task = |dropped: &Arc<AtomicUsize>| {
            let dropped = dropped.clone();
            async move {
                let _guard = on_drop(move || {
                    dropped.fetch_add(1, Ordering::SeqCst);
                });
                pending::<()>().await;
            }
        };
        let mut set = JoinSet::new();
        set.spawn(task(&dropped));
        set.spawn(task(&dropped));
        yield_now().await;
        set.shutdown().await;
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
        set.spawn(task(&dropped));
        let alone = AbortOnDropHandle::new(runtime::spawn(task(&dropped)));
        yield_now().await;
        drop((set, alone));
        yield_now().await;
        yield_now().await;
        assert_eq!(dropped.load(Ordering::SeqCst), 4);
        let kept = AbortOnDropHandle::new(runtime::spawn(async { 1 })).detach();
        assert_eq!(kept.await.unwrap(), 1);
    });
}

#[test]
fn a_set_takes_local_tasks() {
    soon(|| {
        LocalRuntime::new().unwrap().block_on(async {
            let shared = std::rc::Rc::new(3);
            let mut set = JoinSet::new();
            set.spawn_local(async move { *shared });
            assert_eq!(set.join_next().await.unwrap().unwrap(), 3);
        });
    });
}

#[test]
fn a_tracker_waits_for_the_last_of_a_closed_one() {
    run(|| async {
        let tracker = TaskTracker::new();
        let go = Event::new();
        tracker.spawn(go.wait());
        let token = tracker.token();
        let waits = runtime::spawn({
            let tracker = tracker.clone();
            async move { tracker.wait().await }
        });
        yield_now().await;
        assert!(tracker.close());
        go.set();
        while tracker.len() > 1 {
            yield_now().await;
        }
        assert!(!waits.is_finished());
        drop(token);
        waits.await.unwrap();
        assert!(!tracker.close() && tracker.reopen());
        assert!(tracker.is_empty() && !tracker.is_closed());
        tracker.close();
        tracker.wait().await;
    });
}

#[test]
fn a_token_asks_its_descendants_and_not_its_parent() {
    run(|| async {
        let root = CancellationToken::new();
        let server = root.child_token();
        let session = server.child_token();
        let other = root.child_token();
        let waits = runtime::spawn(session.clone().cancelled_owned());
        drop(session);
        yield_now().await;
        server.cancel();
        waits.await.unwrap();
        assert!(server.child_token().is_cancelled(), "born too late");
        assert!(!root.is_cancelled() && !other.is_cancelled());
        let guard = root.clone().drop_guard();
        assert!(!guard.disarm().is_cancelled());
        drop(root.clone().drop_guard());
        assert!(other.is_cancelled());
        assert_eq!(other.run_until_cancelled(async { 1 }).await, None);
        let fresh = CancellationToken::new();
        assert_eq!(fresh.run_until_cancelled(async { 1 }).await, Some(1));
    });
}

#[test]
fn a_deep_tree_of_tokens_is_cancelled_and_dropped_flat() {
    soon(|| {
        let root = CancellationToken::new();
        let mut leaf = root.child_token();
        for _ in 0..100_000 {
            leaf = leaf.child_token();
        }
        root.cancel();
        assert!(leaf.is_cancelled());
        drop(root);
        drop(leaf);
        let mut leaf = CancellationToken::new();
        for _ in 0..100_000 {
            leaf = leaf.child_token();
        }
        drop(leaf);
    });
}

#[test]
fn a_scope_waits_for_its_tasks_and_gives_the_bodys_output() {
    run(|| async {
        let ended = Arc::new(AtomicUsize::new(0));
        let outcome = scope(|tasks: Scope<()>| {
            let ended = ended.clone();
            async move {
                for _ in 0..3 {
                    let (more, ended) = (tasks.clone(), ended.clone());
                    tasks.spawn(async move {
                        let again = ended.clone();
                        more.spawn(async move {
                            yield_now().await;
                            again.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        });
                        ended.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    });
                }
                Ok("done")
            }
        });
        assert_eq!(outcome.await.unwrap(), "done");
        assert_eq!(ended.load(Ordering::SeqCst), 6);
        assert_eq!(Handle::current().metrics().alive_tasks, 0);
    });
}

#[test]
fn a_scope_may_borrow_in_its_body() {
    run(|| async {
        let words = String::from("not static");
        let outcome = scope(|_: Scope<()>| async { Ok(words.len()) });
        assert_eq!(outcome.await.unwrap(), 10);
    });
}

#[test]
fn the_first_failure_asks_then_cuts() {
    run(|| async {
        let outcome = scope_with(Duration::from_millis(5), |tasks: Scope<&str>| async move {
            let token = tasks.token().clone();
            tasks.spawn::<_, ()>(async move {
                token.cancelled().await;
                Err("a consequence")
            });
            let stubborn = tasks.spawn::<_, ()>(pending());
            tasks.spawn(async { Err::<(), _>("the cause") });
            pending::<()>().await;
            Ok(stubborn)
        });
        let error = outcome.await.unwrap_err();
        assert!(matches!(error.failure(), Failure::Error("the cause")));
        assert_eq!(error.cut().len(), 1);
        assert!(error.to_string().contains("1 that did not end in time"));
        assert_eq!(Handle::current().metrics().alive_tasks, 0);
    });
}

#[test]
fn a_panic_ends_a_scope_after_its_tasks() {
    run(|| async {
        let outcome = scope(|tasks: Scope<()>| async move {
            tasks.spawn::<_, ()>(async { panic!("in a child") });
            tasks.token().cancelled().await;
            Ok(())
        });
        let error = outcome.await.unwrap_err();
        assert!(matches!(error.into_failure(), Failure::Panic(error) if error.is_panic()));
        let ended = Event::new();
        let says_ended = ended.clone();
        let body = runtime::spawn(scope(|tasks: Scope<()>| async move {
            let token = tasks.token().clone();
            tasks.spawn(async move {
                token.cancelled().await;
                sleep(Duration::from_millis(1)).await;
                says_ended.set();
                Ok(())
            });
            panic!("in the body");
            #[allow(unreachable_code)]
            Ok(())
        }));
        assert!(body.await.unwrap_err().is_panic());
        assert!(ended.is_set());
    });
}

#[test]
fn a_scope_that_is_dropped_or_over_aborts_what_it_started() {
    run(|| async {
        let kept = Arc::new(tests::sync::Mutex::new(None));
        let running = runtime::spawn(scope({
            let kept = kept.clone();
            |tasks: Scope<()>| async move {
                tasks.spawn::<_, ()>(pending());
                *kept.lock() = Some(tasks);
                pending::<Result<(), ()>>().await
            }
        }));
        yield_now().await;
        yield_now().await;
        running.abort();
        assert!(running.await.is_err());
        let tasks = kept.lock().take().unwrap();
        let late = tasks.spawn::<_, ()>(pending());
        yield_now().await;
        assert!(late.is_finished());
        assert_eq!(Handle::current().metrics().alive_tasks, 0);
    });
}

#[test]
fn a_scope_that_is_dropped_aborts_also_those_on_their_way_to_it() {
    flavours(|flavour| {
        flavour.block_on(async {
            let many = scope(|tasks: Scope<()>| async move {
                // More than one poll of the scope takes in.
                for _ in 0..1000 {
                    tasks.spawn::<_, ()>(pending());
                }
                pending::<Result<(), ()>>().await
            });
            let mut many = Box::pin(many);
            poll_fn(|context| Poll::Ready(many.as_mut().poll(context).is_pending())).await;
            drop(many);
            while Handle::current().metrics().alive_tasks > 0 {
                yield_now().await;
            }
        });
    });
}

#[test]
fn no_panic_of_a_body_carries_its_scope_away_from_the_tasks() {
    async fn ends_after_its_task<F: Future<Output = Result<(), ()>>>(
        body: impl FnOnce(Scope<()>) -> F,
    ) -> Result<(), String> {
        let ended = Event::new();
        let says_ended = ended.clone();
        let mut scoped = Box::pin(scope_with(Duration::ZERO, |tasks: Scope<()>| {
            let says = on_drop(move || says_ended.set());
            tasks.spawn::<_, ()>(async move {
                let _says = says;
                pending().await
            });
            body(tasks)
        }));
        let outcome = poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| scoped.as_mut().poll(context)));
            match polled {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
                Err(payload) => Poll::Ready(Err(message(&*payload))),
            }
        })
        .await;
        assert!(ended.is_set(), "before {outcome:?}");
        outcome.map(|_| ())
    }

    flavours(|flavour| {
        flavour.block_on(async {
            let told = ends_after_its_task::<std::future::Ready<_>>(|_| panic!("closure")).await;
            assert_eq!(told, Err(String::from("closure")));
            let told = ends_after_its_task(|_| {
                let bomb = on_drop(|| panic!("destructor"));
                poll_fn(move |_| {
                    let _ = &bomb;
                    Poll::Ready(Ok(()))
                })
            });
            assert_eq!(told.await, Err(String::from("destructor")));
            // One who is cut is too late to be the reason.
            let told = ends_after_its_task(|tasks| async move {
                tasks.spawn(async { Err::<(), _>(()) });
                let _bomb = on_drop(|| panic!("cut"));
                pending().await
            });
            assert_eq!(told.await, Ok(()));
        });
    });
}

runtime::task_local! {
    static NAME: String;
    static DEPTH: u32;
}

#[test]
fn a_value_follows_its_task() {
    run(|| async {
        let named = |name: &str| {
            NAME.scope(name.into(), async {
                let before = NAME.get();
                yield_now().await;
                let inner = DEPTH
                    .scope(1, async { DEPTH.with(|depth| *depth + 1) })
                    .await;
                assert_eq!(inner, 2);
                (before, NAME.get())
            })
        };
        let (ann, bob) = (runtime::spawn(named("ann")), runtime::spawn(named("bob")));
        assert_eq!(ann.await.unwrap(), ("ann".into(), "ann".into()));
        assert_eq!(bob.await.unwrap(), ("bob".into(), "bob".into()));
        assert!(NAME.try_with(|_| ()).is_err());
        assert!(panics(|| NAME.get()).contains("LocalKey::scope"));
    });
}

#[test]
fn a_value_is_put_away_after_a_panic_and_found_by_destructors() {
    soon(|| {
        assert_eq!(
            panics(|| DEPTH.sync_scope(1, || panic!("inside"))),
            "inside"
        );
        assert!(DEPTH.try_with(|_| ()).is_err());
        let found = Arc::new(AtomicUsize::new(0));
        let says = found.clone();
        let guard = on_drop(move || says.store(DEPTH.get() as usize, Ordering::SeqCst));
        drop(DEPTH.scope(7, async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        assert_eq!(found.load(Ordering::SeqCst), 7);
        let nested = panics(|| {
            DEPTH.sync_scope(1, || DEPTH.with(|_| DEPTH.sync_scope(2, || ())));
        });
        assert!(nested.contains("LocalKey::sync_scope"), "{nested}");
    });
}

/// A body that waits for the output of a task that fails learns of it before the scope may do.
#[test]
fn the_error_of_a_scope_is_the_first_failure_and_not_what_follows_from_it() {
    flavours(|flavour| {
        let runtime = flavour.builder().on_unseen_panic(|_| ()).build().unwrap();
        for round in 0..200 {
            let error = runtime.block_on(scope(|tasks: Scope<io::Error>| async move {
                let source = tasks.spawn(async move {
                    yield_now().await;
                    match round % 2 {
                        0 => Err::<u32, _>(io::Error::other("the source")),
                        _ => panic!("the source"),
                    }
                });
                let middle = tasks.spawn(async move { Ok(source.await? + 1) });
                Ok(middle.await? + 1)
            }));
            let said = error.unwrap_err().to_string();
            assert!(said.ends_with("the source"), "{said}");
        }
    });
}

#[test]
fn outputs_of_a_scope_come_out_and_an_aborted_task_has_none() {
    flavours(|flavour| {
        let borrowed = String::from("borrowed by the body");
        let words = &borrowed;
        let outcome = flavour.block_on(scope(|tasks: Scope<io::Error>| async move {
            let (never, doubled) = (
                tasks.spawn(pending::<io::Result<()>>()),
                tasks.spawn(async { Ok(21 * 2) }),
            );
            let id = never.id();
            never.abort();
            let error = never.await.unwrap_err();
            assert_eq!(error.id(), id);
            assert!(error.to_string().contains("gave no output"), "{error}");
            // Nobody need ask for it.
            drop(tasks.spawn(async { Ok(String::from("unasked")) }));
            Ok((doubled.await?, words.len()))
        }));
        assert_eq!(outcome.unwrap(), (42, words.len()));
    });
}
