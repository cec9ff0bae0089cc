//! The asking before the end of a runtime, and knowing when nothing is left to do.
//!
//! A shutdown first asks, by a token; then it waits until all tasks and closures have ended, but for
//! the tasks that wait for the shutdown themselves. Who is left is counted with all lists held at
//! once, since a task may spawn another into a list that was counted, and end before its own is.
//!
//! The danger is the last task that goes when the waiting one has counted and not yet fallen asleep.
//! The lists are told to tell before they are counted the first time, and who waits asks for the
//! notice before it counts, so a task either is counted as gone or gives the notice.

use std::sync::Weak;

use crate::primitive::{Arc, AtomicBool, Mutex, Ordering};
use crate::sync::{CancellationToken, Notify};
use crate::tasks::{Id, Notes, Panics, TaskRef};

/// What a runtime has for its shutdown.
pub(crate) struct Closing {
    token: CancellationToken,
    gone: Arc<Notify>,
    /// The tasks that are not waited for, and how many shutdowns each of them waits for.
    apart: Mutex<Vec<(Id, usize)>>,
    /// What those who wait for the end at this time tell of.
    end: Mutex<Weak<End>>,
    /// The futures of `block_on` are to be polled without a core.
    needs_cores: AtomicBool,
    /// What is left behind is in a report.
    is_told: AtomicBool,
}

impl Closing {
    pub(crate) fn new() -> Self {
        Self {
            token: CancellationToken::new(),
            gone: Arc::new(Notify::new()),
            apart: Mutex::new(Vec::new()),
            end: Mutex::new(Weak::new()),
            needs_cores: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
        }
    }

    /// What asks the tasks to end.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Has the lists told whom to tell of a task's going, and while how many are left.
    pub(crate) fn watch(&self, lists: impl FnOnce(usize, Arc<dyn Fn() + Send + Sync>)) {
        let gone = self.gone.clone();
        let few = self.apart.lock().len();
        lists(few, Arc::new(move || gone.notify_waiters()));
        // A task may have gone meanwhile of which nothing was told, as it was thought of more that they
        // are waited for: who waits already counts again.
        self.gone.notify_waiters();
    }

    /// Waits until `left`, which is given the number of tasks apart, says that nobody is left.
    pub(crate) async fn quiet(&self, left: impl Fn(usize) -> usize) {
        loop {
            let told = self.gone.notified();
            if self.left(&left) == 0 {
                return;
            }
            told.await;
        }
    }

    /// What `left` says, while nobody is set apart.
    pub(crate) fn left(&self, left: impl Fn(usize) -> usize) -> usize {
        let apart = self.apart.lock();
        left(apart.len())
    }

    /// A task that is not waited for while the guard lives: it waits for the shutdown itself, or it
    /// is a closure that runs tasks.
    pub(crate) fn set_apart(&self, task: Option<Id>) -> Apart<'_> {
        let mut apart = self.apart.lock();
        if let Some(task) = task {
            match apart.iter_mut().find(|(it, _)| *it == task) {
                Some((_, shutdowns)) => *shutdowns += 1,
                None => apart.push((task, 1)),
            }
        }
        drop(apart);
        // Without it nobody may be left.
        self.gone.notify_waiters();
        Apart {
            closing: self,
            task,
        }
    }

    /// The tasks that are not waited for.
    pub(crate) fn apart(&self) -> Vec<Id> {
        self.apart.lock().iter().map(|(task, _)| *task).collect()
    }

    /// The end that somebody waits for already, or a new one.
    pub(crate) fn end(&self, panics: &Panics) -> Arc<End> {
        let mut end = self.end.lock();
        end.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(End {
                found: Mutex::new(Vec::new()),
                panics: panics.take_notes(),
            });
            *end = Arc::downgrade(&fresh);
            fresh
        })
    }

    /// From now on no `block_on` runs tasks where there are workers for it: one of them might keep the
    /// thread for ever that is to see the end.
    pub(crate) fn take_cores(&self) {
        // Relaxed: seen by the same thread in time, and by others when they look next.
        self.needs_cores.store(true, Ordering::Relaxed);
    }

    pub(crate) fn needs_cores(&self) -> bool {
        self.needs_cores.load(Ordering::Relaxed)
    }

    /// A report has been made: nobody need be told again who is left behind.
    pub(crate) fn set_told(&self) {
        self.is_told.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Relaxed)
    }
}

/// What all reports of one end tell alike: it lasts from the first who waits for it to the last.
pub(crate) struct End {
    /// The tasks that were there when somebody began to wait, some of them twice.
    found: Mutex<Vec<Arc<Vec<TaskRef>>>>,
    pub(crate) panics: Arc<Notes>,
}

impl End {
    /// These were there.
    pub(crate) fn add(&self, found: Vec<TaskRef>) {
        self.found.lock().push(Arc::new(found));
    }

    /// Who was there. They are kept, to be asked at the end what became of them: a task that is cut may
    /// be about to end by itself.
    pub(crate) fn found(&self) -> Vec<Arc<Vec<TaskRef>>> {
        self.found.lock().clone()
    }
}

/// See [`Closing::set_apart`].
pub(crate) struct Apart<'a> {
    closing: &'a Closing,
    task: Option<Id>,
}

impl Drop for Apart<'_> {
    fn drop(&mut self) {
        let mut apart = self.closing.apart.lock();
        let place = apart.iter().position(|(it, _)| Some(*it) == self.task);
        let Some(place) = place else { return };
        apart[place].1 -= 1;
        if apart[place].1 == 0 {
            apart.swap_remove(place);
        }
    }
}
