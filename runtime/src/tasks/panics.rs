//! Panics of tasks, and those among them that nobody looks at.
//!
//! A panic ends its task and is kept for the task's handle. Where the handle has gone, or goes without
//! having been asked, the program would run on with a part missing, and the only trace would be the
//! line of the standard library's panic hook, which does not know which task it was. So whoever drops
//! such an outcome tells it here, and it is told on: to the program's hook, or in one line on standard
//! error.
//!
//! While a runtime is being shut down all panics are noted as well, seen or not, for its reports: of
//! several that are made at once each has them all.

use std::fmt;
use std::io::Write;
use std::sync::Weak;

use super::info::TaskInfo;
use crate::foreign;
use crate::primitive::{Arc, Mutex};

/// A task that has panicked, as
/// [`Builder::on_unseen_panic`](crate::Builder::on_unseen_panic) and the
/// [report](crate::shutdown::Report) of a shutdown tell of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskPanic {
    /// The task.
    pub task: TaskInfo,
    /// What the panic said, if that is a text.
    pub message: Option<String>,
}

impl fmt::Display for TaskPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, panicked", self.task)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

/// What is called for a panic that nobody has seen.
pub(crate) type OnUnseen = Arc<dyn Fn(&TaskPanic) + Send + Sync>;

/// Where the panics of one runtime's tasks are told.
pub(crate) struct Panics {
    on_unseen: Option<OnUnseen>,
    /// For the reports, while somebody makes one.
    notes: Mutex<Weak<Notes>>,
}

/// The panics since somebody began to make a report, for all who make one meanwhile.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<TaskPanic>>);

impl Notes {
    /// Those so far.
    pub(crate) fn read(&self) -> Vec<TaskPanic> {
        self.0.lock().clone()
    }
}

impl Panics {
    /// Without a hook they are written to standard error.
    pub(crate) fn new(on_unseen: Option<OnUnseen>) -> Self {
        Self {
            on_unseen,
            notes: Mutex::new(Weak::new()),
        }
    }

    /// Panics are noted for as long as the notes live.
    pub(crate) fn take_notes(&self) -> Arc<Notes> {
        let mut notes = self.notes.lock();
        notes.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(Notes::default());
            *notes = Arc::downgrade(&fresh);
            fresh
        })
    }

    /// A task has panicked.
    #[cold]
    pub(super) fn note(&self, panic: TaskPanic) {
        let notes = self.notes.lock().upgrade();
        if let Some(notes) = notes {
            notes.0.lock().push(panic);
        }
    }

    /// Nobody has seen it, and nobody will.
    #[cold]
    pub(crate) fn tell_unseen(&self, panic: &TaskPanic) {
        match &self.on_unseen {
            Some(hook) => foreign::call(&|| hook(panic)),
            // Standard error may have been closed; then nobody wanted to know.
            None => {
                let mut to = std::io::stderr().lock();
                drop(writeln!(
                    to,
                    "runtime: {panic} (nobody awaits its JoinHandle)"
                ));
            }
        }
    }
}
