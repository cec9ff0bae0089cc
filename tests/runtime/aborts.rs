//! Ending a task from outside, at every point of its life.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::{self, ThreadId};
use tests::mpsc::channel;

use runtime::LocalRuntime;
use runtime::task::yield_now;
use tests::deadline::soon;
use tests::event::Event;
use tests::flavours::flavours;
use tests::panics::{on_drop, panics};

use crate::turns::catch_up;

/// A worker may poll it before.
#[test]
fn an_abort_before_the_first_poll_drops_the_future_unpolled() {
    soon(|| {
        let polls = Arc::new(AtomicUsize::new(0));
        let dropped = Event::new();
        let (count, says_dropped) = (polls.clone(), dropped.clone());
        runtime::block_on(async move {
            let guard = on_drop(move || says_dropped.set());
            let task = runtime::spawn(async move {
                let _guard = guard;
                count.fetch_add(1, Ordering::SeqCst);
            });
            task.abort();
            assert!(!task.is_finished(), "the executor drops it, not the caller");
            assert!(task.await.unwrap_err().is_cancelled());
        });
        assert!(dropped.is_set());
        assert_eq!(polls.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn an_abort_while_pending_drops_the_future() {
    flavours(|flavour| {
        flavour.block_on(async {
            let (started, dropped) = (Event::new(), Event::new());
            let (says_started, says_dropped) = (started.clone(), dropped.clone());
            let task = runtime::spawn(async move {
                let _guard = on_drop(move || says_dropped.set());
                says_started.set();
                pending::<()>().await;
            });
            started.wait().await;
            task.abort();
            // The drop comes by itself: nobody asks the handle.
            dropped.wait().await;
            let error = task.await.unwrap_err();
            assert!(error.is_cancelled() && !error.is_panic());
        });
    });
}

#[test]
fn an_abort_of_a_task_that_waits_for_its_turn_wins() {
    soon(|| {
        runtime::block_on(async {
            let polls = Rc::new(Cell::new(0));
            let count = polls.clone();
            let task = runtime::spawn_local(poll_fn(move |context| {
                count.set(count.get() + 1);
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            yield_now().await;
            let seen = polls.get();
            // It is in the queue now, having woken itself.
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!(polls.get(), seen);
        });
    });
}

#[test]
fn a_task_that_aborts_itself_ends_after_this_poll() {
    soon(|| {
        runtime::block_on(async {
            let (handle, dropped) = (Event::new(), Event::new());
            let says_dropped = dropped.clone();
            let own = Rc::new(Cell::new(None::<runtime::task::AbortHandle>));
            let (given, ready) = (own.clone(), handle.wait());
            let task = runtime::spawn_local(async move {
                let _guard = on_drop(move || says_dropped.set());
                ready.await;
                given.take().unwrap().abort();
                assert!(!dropped.is_set(), "it runs still");
                yield_now().await;
                unreachable!("the poll after the abort");
            });
            own.set(Some(task.abort_handle()));
            handle.set();
            assert!(task.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_task_that_aborts_itself_and_ends_keeps_its_output() {
    soon(|| {
        runtime::block_on(async {
            let own = Rc::new(Cell::new(None::<runtime::task::AbortHandle>));
            let given = own.clone();
            let task = runtime::spawn_local(async move {
                given.take().unwrap().abort();
                6
            });
            own.set(Some(task.abort_handle()));
            assert_eq!(task.await.unwrap(), 6);
        });
    });
}

#[test]
fn an_abort_after_the_end_changes_nothing() {
    flavours(|flavour| {
        flavour.block_on(async {
            let task = runtime::spawn(async { 9 });
            while !task.is_finished() {
                yield_now().await;
            }
            task.abort();
            let abort = task.abort_handle();
            yield_now().await;
            abort.abort();
            assert_eq!(task.await.unwrap(), 9);
            abort.abort();
            assert!(abort.is_finished());
        });
    });
}

#[test]
fn an_abort_handle_outlives_handle_task_and_runtime() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let dropped = Event::new();
        let says_dropped = dropped.clone();
        let task = runtime.spawn(async move {
            let _guard = on_drop(move || says_dropped.set());
            pending::<()>().await;
        });
        catch_up(runtime.handle());
        let abort = task.abort_handle();
        let second = abort.clone();
        drop(task);
        abort.abort();
        runtime.block_on(dropped.wait());
        drop(runtime);
        second.abort();
        assert!(second.is_finished());
    });
}

#[test]
fn aborting_twice_is_aborting_once() {
    flavours(|flavour| {
        let drops = Arc::new(AtomicUsize::new(0));
        let count = drops.clone();
        flavour.block_on(async {
            let guard = on_drop(move || {
                count.fetch_add(1, Ordering::SeqCst);
            });
            let task = runtime::spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            yield_now().await;
            task.abort();
            task.abort();
            task.abort_handle().abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

/// Notes the thread that drops it, and must not be sent.
struct Homebody {
    dropped_by: Rc<Cell<Option<ThreadId>>>,
}

impl Drop for Homebody {
    fn drop(&mut self) {
        self.dropped_by.set(Some(thread::current().id()));
    }
}

#[test]
fn an_abort_from_another_thread_drops_the_future_at_home() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let dropped_by = Rc::new(Cell::new(None));
        let homebody = Homebody {
            dropped_by: dropped_by.clone(),
        };
        let task = local.spawn_local(async move {
            let _homebody = homebody;
            pending::<()>().await;
        });
        catch_up(local.handle());
        let abort = task.abort_handle();
        thread::spawn(move || abort.abort()).join().unwrap();
        assert_eq!(dropped_by.get(), None, "the aborting thread has dropped it");
        assert!(local.block_on(task).unwrap_err().is_cancelled());
        assert_eq!(dropped_by.get(), Some(thread::current().id()));
    });
}

#[test]
fn an_abort_from_another_thread_wakes_a_sleeping_core() {
    flavours(|flavour| {
        let (send, receive) = channel();
        let aborter = thread::spawn(move || {
            let abort: runtime::task::AbortHandle = receive.recv().unwrap();
            abort.abort();
        });
        flavour.block_on(async {
            let task = runtime::spawn(pending::<()>());
            send.send(task.abort_handle()).unwrap();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        aborter.join().unwrap();
    });
}

#[test]
fn the_error_of_an_abort_names_the_task_and_is_no_panic() {
    flavours(|flavour| {
        flavour.block_on(async {
            let task = runtime::spawn(pending::<()>());
            let id = task.id();
            task.abort();
            let error = task.await.unwrap_err();
            assert_eq!(error.id(), id);
            assert_eq!(error.to_string(), format!("task {id} was cancelled"));
            assert!(format!("{error:?}").contains("cancelled"));
            let error = error.try_into_panic().unwrap_err();
            let message = panics(|| error.into_panic());
            assert!(message.contains("it did not panic"), "{message}");
        });
    });
}
