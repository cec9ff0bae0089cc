//! The life of a task: wakes, the end, and everybody who still holds on to it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::tasks::{self, JoinHandle, Outside, Runnable, Schedule, TaskRef};

/// On a thread that is in no task.
fn run(task: Runnable) {
    task.run(&Outside::remember());
}

/// An executor of one queue, whose worker sleeps when it is empty.
#[derive(Clone)]
pub(super) struct Executor(Arc<Queue>);

struct Queue {
    tasks: Mutex<VecDeque<Runnable>>,
    pushed: Condvar,
    kept: Mutex<Option<TaskRef>>,
}

impl Schedule for Executor {
    fn schedule(&self, task: Runnable) {
        self.0.tasks.lock().unwrap().push_back(task);
        self.0.pushed.notify_all();
    }

    fn release(&self, _: &TaskRef) -> Option<TaskRef> {
        self.0.kept.lock().unwrap().take()
    }
}

impl Executor {
    pub(super) fn new() -> Self {
        Self(Arc::new(Queue {
            tasks: Mutex::new(VecDeque::new()),
            pushed: Condvar::new(),
            kept: Mutex::new(None),
        }))
    }

    /// One task at a time is enough here.
    pub(super) fn spawn<F: Future>(&self, future: F) -> (TaskRef, JoinHandle<F::Output>) {
        let (task, handle) = tasks::spawn(future, self.clone(), None, Location::caller());
        *self.0.kept.lock().unwrap() = Some(task.clone());
        (task, handle)
    }

    /// Runs what is in the queue, sleeping when it is empty, until the task is done.
    fn run(&self, task: &TaskRef) {
        run(task.runnable());
        while !task.is_done() {
            let mut queue = self.0.tasks.lock().unwrap();
            while queue.is_empty() {
                queue = self.0.pushed.wait(queue).unwrap();
            }
            let next = queue.pop_front().unwrap();
            drop(queue);
            run(next);
        }
    }
}

/// A future that is ready when its flag is set, and leaves its waker for who sets it.
fn flagged(
    flag: &Arc<AtomicBool>,
    slot: &Arc<Mutex<Option<Waker>>>,
) -> impl Future<Output = ()> + use<> {
    let (flag, slot) = (flag.clone(), slot.clone());
    poll_fn(move |context| {
        *slot.lock().unwrap() = Some(context.waker().clone());
        match flag.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
}

#[test]
fn a_wake_at_any_time_leads_to_another_poll() {
    loom::model(|| {
        let executor = Executor::new();
        let flag = Arc::new(AtomicBool::new(false));
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let (task, handle) = executor.spawn(flagged(&flag, &slot));
        let waker = thread::spawn({
            let (flag, slot) = (flag.clone(), slot.clone());
            move || {
                flag.store(true, Ordering::Release);
                let waker = slot.lock().unwrap().take();
                waker.into_iter().for_each(Waker::wake);
            }
        });
        executor.run(&task);
        waker.join().unwrap();
        drop(handle);
    });
}

#[test]
fn two_wakers_queue_a_task_once_at_a_time() {
    loom::model(|| {
        let executor = Executor::new();
        let polls = Arc::new(AtomicUsize::new(0));
        let running = Arc::new(AtomicBool::new(false));
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let (task, handle) = executor.spawn({
            let (polls, running, slot) = (polls.clone(), running.clone(), slot.clone());
            poll_fn(move |context| {
                assert!(
                    !running.swap(true, Ordering::AcqRel),
                    "polled twice at once"
                );
                *slot.lock().unwrap() = Some(context.waker().clone());
                let count = polls.fetch_add(1, Ordering::AcqRel);
                running.store(false, Ordering::Release);
                match count {
                    0 => Poll::Pending,
                    _ => Poll::Ready(()),
                }
            })
        });
        run(task.runnable());
        let waker = slot.lock().unwrap().take().unwrap();
        let second = thread::spawn({
            let waker = waker.clone();
            move || waker.wake()
        });
        waker.wake();
        second.join().unwrap();
        let queued = std::mem::take(&mut *executor.0.tasks.lock().unwrap());
        assert_eq!(queued.len(), 1);
        queued.into_iter().for_each(run);
        assert!(task.is_done());
        drop(handle);
    });
}

#[test]
fn a_waker_may_outlive_its_task_on_another_thread() {
    loom::model(|| {
        let executor = Executor::new();
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let (task, handle) = executor.spawn({
            let slot = slot.clone();
            poll_fn(move |context| {
                *slot.lock().unwrap() = Some(context.waker().clone());
                Poll::Ready(())
            })
        });
        let late = thread::spawn({
            let slot = slot.clone();
            move || {
                let waker = slot.lock().unwrap().take();
                if let Some(waker) = waker {
                    waker.wake_by_ref();
                    drop(waker.clone());
                }
            }
        });
        run(task.runnable());
        drop(task);
        drop(handle);
        late.join().unwrap();
        assert!(executor.0.tasks.lock().unwrap().is_empty());
    });
}

#[test]
fn the_handle_learns_of_the_end() {
    loom::model(|| {
        let executor = Executor::new();
        let (task, handle) = executor.spawn(async { 7 });
        let worker = thread::spawn(move || run(task.runnable()));
        assert_eq!(block_on(handle).unwrap(), 7);
        worker.join().unwrap();
    });
}

#[test]
fn the_output_is_dropped_once_whoever_goes_first() {
    loom::model(|| {
        let executor = Executor::new();
        let output = Arc::new(());
        let (task, handle) = executor.spawn({
            let output = output.clone();
            async move { output }
        });
        let worker = thread::spawn(move || run(task.runnable()));
        drop(handle);
        worker.join().unwrap();
        drop(executor);
        assert_eq!(Arc::strong_count(&output), 1);
    });
}

#[test]
fn a_handle_that_waited_and_goes_leaves_no_waker() {
    loom::model(|| {
        let executor = Executor::new();
        let (task, mut handle) = executor.spawn(async {});
        let counted = Arc::new(Counted);
        let waker = Waker::from(counted.clone());
        let mut context = std::task::Context::from_waker(&waker);
        let worker = thread::spawn(move || run(task.runnable()));
        let _ = std::pin::Pin::new(&mut handle).poll(&mut context);
        drop(handle);
        worker.join().unwrap();
        drop(waker);
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}

#[test]
fn an_abort_against_a_poll_ends_the_task_either_way() {
    loom::model(|| {
        let executor = Executor::new();
        let polled = Arc::new(AtomicBool::new(false));
        let (task, handle) = executor.spawn({
            let polled = polled.clone();
            poll_fn(move |_| {
                polled.store(true, Ordering::Release);
                Poll::<()>::Pending
            })
        });
        let aborter = thread::spawn({
            let abort = handle.abort_handle();
            move || abort.abort()
        });
        executor.run(&task);
        aborter.join().unwrap();
        assert!(block_on(handle).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_wake_against_the_end_of_the_runtime_touches_nothing() {
    loom::model(|| {
        let executor = Executor::new();
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let flag = Arc::new(AtomicBool::new(false));
        let (task, handle) = executor.spawn(flagged(&flag, &slot));
        run(task.runnable());
        let waker = slot.lock().unwrap().take().unwrap();
        let late = thread::spawn(move || waker.wake());
        task.cancel();
        assert!(task.is_done());
        late.join().unwrap();
        assert!(block_on(handle).unwrap_err().is_cancelled());
    });
}

/// A worker that was stuck runs what stood in its line, while the end of the runtime drops the same
/// task, somebody wakes it, and its handle looks whether it is done.
///
/// Broken by: flags in which the S and the R of a seized task add up to D. Three preemptions find it,
/// two do not.
#[test]
fn a_late_start_of_a_task_that_was_seized_changes_nothing() {
    loom::model(|| {
        let executor = Executor::new();
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let flag = Arc::new(AtomicBool::new(false));
        let (task, mut handle) = executor.spawn(flagged(&flag, &slot));
        run(task.runnable());
        let waker = slot.lock().unwrap().take().unwrap();
        waker.wake_by_ref();
        let in_line = executor.0.tasks.lock().unwrap().pop_front().unwrap();
        let late = thread::spawn(move || run(in_line));
        let ender = thread::spawn({
            let task = task.clone();
            move || task.cancel()
        });
        waker.wake();
        let mut context = std::task::Context::from_waker(Waker::noop());
        if let Poll::Ready(ended) = std::pin::Pin::new(&mut handle).poll(&mut context) {
            assert!(ended.unwrap_err().is_cancelled());
        }
        late.join().unwrap();
        ender.join().unwrap();
        if !task.is_done() {
            // It was polled once more, before the ender came, or was woken in that poll.
            task.cancel();
        }
        assert!(task.is_done());
        assert!(handle.is_finished());
    });
}

struct Counted;

impl std::task::Wake for Counted {
    fn wake(self: Arc<Self>) {}
}
