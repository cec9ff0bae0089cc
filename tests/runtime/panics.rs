//! A panic ends its task, and nothing else.
//!
//! Each test throws somewhere, and then asks the same runtime to run another task.

use std::any::Any;
use std::future::{Future, pending};
use std::panic::{panic_any, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use runtime::Runtime;
use runtime::task::yield_now;
use tests::event::{Event, until};
use tests::flavours::{Flavour, flavours};
use tests::panics::{message, on_drop, panics, unseen};

use crate::turns::catch_up;

/// That the runtime still runs tasks, old and new.
struct Survivor {
    runtime: Runtime,
    go: Event,
    old: runtime::task::JoinHandle<&'static str>,
}

impl Survivor {
    fn new(flavour: Flavour) -> Self {
        let runtime = flavour.builder().on_unseen_panic(unseen).build().unwrap();
        let go = Event::new();
        let told_go = go.wait();
        let old = runtime.spawn(async move {
            told_go.await;
            "old"
        });
        catch_up(runtime.handle());
        Self { runtime, go, old }
    }

    fn check(self) {
        let new = self.runtime.spawn(async { "new" });
        self.go.set();
        let (old, runtime) = (self.old, self.runtime);
        let both = runtime.block_on(async { (old.await.unwrap(), new.await.unwrap()) });
        assert_eq!(both, ("old", "new"));
        until(|| runtime.handle().metrics().alive_tasks == 0);
    }
}

/// Is ready at the first poll, or never, and panics when it is dropped.
struct PanicsInDrop {
    is_ready: bool,
}

impl Future for PanicsInDrop {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.is_ready {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

/// Panics `depth` times deep: its destructor throws another one.
struct Bomb {
    depth: u32,
    gone_off: Arc<AtomicUsize>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.gone_off.fetch_add(1, Ordering::SeqCst);
        if self.depth > 0 {
            panic_any(Self {
                depth: self.depth - 1,
                gone_off: self.gone_off.clone(),
            });
        }
    }
}

#[test]
fn a_panic_in_poll_stays_in_its_task() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let task = survivor.runtime.spawn(async { panic!("in poll") });
        let id = task.id();
        let error = survivor.runtime.block_on(task).unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.id(), id);
        assert_eq!(error.to_string(), format!("task {id} panicked: in poll"));
        assert_eq!(message(&*error.into_panic()), "in poll");
        survivor.check();
    });
}

#[test]
fn a_panic_after_many_polls_stays_in_its_task() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let number = 17;
        let task = survivor.runtime.spawn(async move {
            for _ in 0..10 {
                yield_now().await;
            }
            panic!("the number is {number}");
        });
        let error = survivor.runtime.block_on(task).unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with("panicked: the number is 17"), "{text}");
        survivor.check();
    });
}

#[test]
fn a_payload_of_any_type_comes_out_as_it_was() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let task = survivor.runtime.spawn(async { panic_any(42_u8) });
        let error = survivor.runtime.block_on(task).unwrap_err();
        assert_eq!(error.to_string(), format!("task {} panicked", error.id()));
        let payload: Box<dyn Any + Send> = error.try_into_panic().unwrap();
        assert_eq!(payload.downcast_ref::<u8>(), Some(&42));
        // And goes on where it is wanted.
        assert_eq!(panics(|| resume_unwind(payload)), "(not a text)");
        survivor.check();
    });
}

#[test]
fn a_panic_drops_what_the_future_held() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let dropped = Event::new();
        let says_dropped = dropped.clone();
        let task = survivor.runtime.spawn(async move {
            let _guard = on_drop(move || says_dropped.set());
            yield_now().await;
            panic!("with a guard");
        });
        assert!(survivor.runtime.block_on(task).unwrap_err().is_panic());
        assert!(dropped.is_set());
        survivor.check();
    });
}

#[test]
fn a_panic_in_drop_stays_in_its_task() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let done = survivor.runtime.spawn(PanicsInDrop { is_ready: true });
        let error = survivor.runtime.block_on(done).unwrap_err();
        assert_eq!(message(&*error.into_panic()), "in drop");
        let aborted = survivor.runtime.spawn(PanicsInDrop { is_ready: false });
        catch_up(survivor.runtime.handle());
        aborted.abort();
        let error = survivor.runtime.block_on(aborted).unwrap_err();
        assert_eq!(message(&*error.into_panic()), "in drop");
        survivor.check();
    });
}

#[test]
fn a_panic_in_poll_comes_before_one_in_drop() {
    struct Both;
    impl Future for Both {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("the first");
        }
    }
    impl Drop for Both {
        fn drop(&mut self) {
            panic!("the second");
        }
    }
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let task = survivor.runtime.spawn(Both);
        let error = survivor.runtime.block_on(task).unwrap_err();
        assert_eq!(message(&*error.into_panic()), "the first");
        survivor.check();
    });
}

#[test]
fn a_panic_in_the_output_that_nobody_takes_ends_there() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let dropped = Arc::new(AtomicUsize::new(0));
        let output = || {
            let dropped = dropped.clone();
            on_drop(move || {
                dropped.fetch_add(1, Ordering::SeqCst);
                panic!("in the output");
            })
        };
        // The handle goes before the end, so the task drops the output.
        let value = output();
        drop(survivor.runtime.spawn(async move { value }));
        catch_up(survivor.runtime.handle());
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        // The handle goes after the end, inside another task or outside of all.
        for inside in [true, false] {
            let value = output();
            let task = survivor.runtime.spawn(async move { value });
            catch_up(survivor.runtime.handle());
            assert!(task.is_finished());
            if inside {
                let dropping = survivor.runtime.spawn(async move { drop(task) });
                survivor.runtime.block_on(dropping).unwrap();
            } else {
                drop(task);
            }
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        survivor.check();
    });
}

#[test]
fn a_payload_that_panics_in_its_drop_ends_there() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        for depth in 0..4 {
            for joined in [true, false] {
                let gone_off = Arc::new(AtomicUsize::new(0));
                let bomb = Bomb {
                    depth,
                    gone_off: gone_off.clone(),
                };
                let task = survivor.runtime.spawn(async move { panic_any(bomb) });
                if joined {
                    catch_up(survivor.runtime.handle());
                    assert!(task.is_finished());
                }
                drop(task);
                catch_up(survivor.runtime.handle());
                assert!(gone_off.load(Ordering::SeqCst) >= 1);
            }
        }
        survivor.check();
    });
}

#[test]
fn a_payload_thrown_by_a_drop_may_panic_in_its_own() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        let gone_off = Arc::new(AtomicUsize::new(0));
        let depth = 2;
        let bomb = Bomb {
            depth,
            gone_off: gone_off.clone(),
        };
        let task = survivor.runtime.spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        catch_up(survivor.runtime.handle());
        task.abort();
        drop(task);
        catch_up(survivor.runtime.handle());
        assert!(gone_off.load(Ordering::SeqCst) >= 2);
        survivor.check();
    });
}

#[test]
fn a_thousand_panics_between_others_disturb_none() {
    flavours(|flavour| {
        let survivor = Survivor::new(flavour);
        survivor.runtime.block_on(async {
            let tasks: Vec<_> = (0..2000_u32)
                .map(|n| {
                    runtime::spawn(async move {
                        yield_now().await;
                        if n % 2 == 0 {
                            // Without the hook's text: that would take minutes.
                            resume_unwind(Box::new(n));
                        }
                        n
                    })
                })
                .collect();
            for (n, task) in (0..).zip(tasks) {
                match task.await {
                    Ok(output) => assert_eq!((output, output % 2), (n, 1)),
                    Err(error) => assert_eq!(error.into_panic().downcast_ref(), Some(&n)),
                }
            }
        });
        survivor.check();
    });
}

#[test]
fn a_panic_of_block_on_still_drops_its_tasks() {
    flavours(|flavour| {
        let dropped = Event::new();
        let says_dropped = dropped.clone();
        let message = panics(|| {
            let runtime = flavour.builder().on_unseen_panic(unseen).build();
            runtime.unwrap().block_on(async move {
                let guard = on_drop(move || {
                    says_dropped.set();
                    panic!("a second panic, while the first is on its way");
                });
                runtime::spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                });
                yield_now().await;
                panic!("the first");
            });
        });
        assert_eq!(message, "the first");
        assert!(dropped.is_set());
        assert_eq!(flavour.block_on(async { 1 }), 1);
    });
}
