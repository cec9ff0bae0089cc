//! The worker threads of a runtime: started all or none, and joined at the end.
//!
//! The danger is a thread that waits for itself. A runtime may be dropped by one of its own tasks,
//! or by a task of another runtime, whose worker must not sleep. Then nobody is joined: the workers end
//! by themselves, in the background.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::foreign;
use crate::handle::{self, Handle};
use crate::here;

/// Threads, one a core.
#[derive(Default)]
pub(crate) struct Staff {
    threads: Vec<JoinHandle<()>>,
}

impl Staff {
    /// Starts a thread for each core.
    ///
    /// # Errors
    ///
    /// If the system makes no more threads; those that were started are ended.
    pub(crate) fn start(handle: &Handle, stack_size: Option<usize>) -> io::Result<Self> {
        let mut staff = Self::default();
        let count = handle.shared.crew().shells().len();
        for index in 0..count {
            match start_one(handle, index, stack_size) {
                Ok(thread) => staff.threads.push(thread),
                Err(error) => {
                    handle.shared.give_up_on(index);
                    handle.shared.shut_down();
                    staff.end(handle, None);
                    return Err(explain(&error, index, count));
                }
            }
        }
        Ok(staff)
    }

    /// After the runtime was shut down: waits for the threads, if this thread may wait; for `limit`, if
    /// it is not the default.
    pub(crate) fn end(&mut self, handle: &Handle, limit: Option<Duration>) {
        let threads = std::mem::take(&mut self.threads);
        // Who waits for nothing leaves the workers the time that they need to end in peace.
        if let Some(limit) = limit.filter(|limit| !limit.is_zero()) {
            handle.shared.set_limit(limit);
        }
        let is_ours = handle.shared.crew().drivers().fleet().is_worker_here();
        let may_wait = !is_ours && !here::is_any() && limit != Some(Duration::ZERO);
        if may_wait && !threads.is_empty() && handle.shared.wait_for_workers() {
            // They have left: joining waits for their last steps. None of them panics on purpose.
            threads
                .into_iter()
                .for_each(|thread| foreign::drop_quietly(thread.join()));
        }
    }
}

fn start_one(
    handle: &Handle,
    index: usize,
    stack_size: Option<usize>,
) -> io::Result<JoinHandle<()>> {
    let mut thread = std::thread::Builder::new().name(handle.shared.hooks().worker_name(index));
    if let Some(size) = stack_size {
        thread = thread.stack_size(size);
    }
    let handle = handle.clone();
    thread.spawn(move || {
        handle.shared.crew().drivers().fleet().enlist();
        let entered = handle::enter_worker(&handle);
        let hooks = handle.shared.hooks();
        hooks
            .on_start
            .iter()
            .for_each(|hook| foreign::call(&**hook));
        handle.shared.work(index);
        hooks.on_stop.iter().for_each(|hook| foreign::call(&**hook));
        drop(entered);
        handle.shared.leave();
    })
}

fn explain(error: &io::Error, index: usize, count: usize) -> io::Error {
    io::Error::new(
        error.kind(),
        format!(
            "Builder::build: the system makes no more threads ({error}), for worker {} of {count}: \
             raise the limit (ulimit -u, or the container's pids limit), or have fewer with \
             Builder::worker_threads",
            index + 1
        ),
    )
}
