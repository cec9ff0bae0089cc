//! Waiting where there is no event to wait for.
//!
//! The kernel does not tell when a process may have descriptors again, nor when another's queue has
//! room for somebody who is not connected to it. What is left is to try again after a while: at
//! first soon, then less and less often.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use runtime::Handle;
use runtime::time::{Sleep, sleep};

/// Pauses, each twice as long as the one before, up to a longest.
#[derive(Debug)]
pub(crate) struct Pauses {
    running: Option<Sleep>,
    next: Duration,
    shortest: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn between(shortest: Duration, longest: Duration) -> Self {
        Self {
            running: None,
            next: shortest,
            shortest,
            longest,
        }
    }

    /// Begins the next pause. Whoever polls it need not be in the runtime whose timers it uses.
    pub(crate) fn begin(&mut self, runtime: &Handle) {
        let length = self.next;
        self.next = (length * 2).min(self.longest);
        let _entered = runtime.enter();
        self.running = Some(sleep(length));
    }

    /// Goes on with the pause that is running, or begins the next.
    pub(crate) fn go_on(&mut self, runtime: &Handle) {
        if self.running.is_none() {
            self.begin(runtime);
        }
    }

    /// Ready when no pause is running, and an error when the runtime has shut down.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(running) = &mut self.running {
            ready!(running.poll_elapsed(context))?;
            self.running = None;
        }
        Poll::Ready(Ok(()))
    }

    /// The next pause, begun and waited for.
    pub(crate) async fn wait(&mut self, runtime: &Handle) -> io::Result<()> {
        self.begin(runtime);
        poll_fn(|context| self.poll(context)).await
    }

    /// It has worked: the next pause is a short one again.
    pub(crate) fn start_over(&mut self) {
        self.next = self.shortest;
    }
}
