//! What a runtime counts, for people.

use crate::executor::{Crew, Shell};

/// Counts of a runtime, as [`Handle::metrics`](crate::Handle::metrics) found them.
///
/// What a runtime *has* is a count of this moment; what it *has done* is a count since its start, over
/// all workers. Each number is right by itself; two of them may be a moment apart.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     runtime::task::yield_now().await;
///     let metrics = runtime::Handle::current().metrics();
///     assert_eq!((metrics.workers, metrics.alive_tasks), (1, 0));
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Cores that run tasks: 1, or as many as there are worker threads.
    pub workers: usize,
    /// Tasks that were spawned and have not ended.
    pub alive_tasks: usize,
    /// Tasks that are ready and stand in a line of a runtime with several workers.
    pub queued_tasks: usize,
    /// Descriptors registered with epoll, the runtime's own aside.
    pub registered_fds: usize,
    /// Sleeps and timeouts that wait for their deadline.
    pub armed_timers: usize,
    /// Events for a descriptor that had been closed by then, or had moved to another worker.
    pub stale_events: u64,
    /// Looks at the sockets and timers: `epoll_wait(2)` calls.
    pub harvests: u64,
    /// Events that these brought.
    pub events: u64,
    /// Times that a worker had nothing to do and went to sleep.
    pub parks: u64,
    /// Tasks that a worker took off another one.
    pub steals: u64,
    /// Wakes of a worker by another, to take tasks off it.
    pub cross_core_wakes: u64,
    /// Times that a worker did the work of another one that was stuck in a task.
    pub rescues: u64,
    /// Times that a task had done so much in one poll that it was made to wait its turn.
    pub budget_yields: u64,
    /// Threads for closures that block, busy and idle.
    pub blocking_threads: usize,
    /// Closures that wait for such a thread.
    pub blocking_queue_depth: usize,
}

impl Metrics {
    /// Those of the cores.
    pub(crate) fn of(crew: &Crew) -> Self {
        let reactors = || crew.drivers().reactors().iter();
        let timers = crew.drivers().timers().iter();
        let counts = |count: fn(&Shell) -> u64| crew.shells().iter().map(|it| count(it)).sum();
        Self {
            workers: crew.shells().len(),
            alive_tasks: crew.tasks(),
            queued_tasks: crew.shells().iter().map(|shell| shell.queued()).sum(),
            registered_fds: reactors().map(|reactor| reactor.registered()).sum(),
            armed_timers: timers.map(|timers| timers.armed()).sum(),
            stale_events: reactors().map(|reactor| reactor.stale_events()).sum(),
            harvests: counts(|shell| shell.counts().harvests.get()),
            events: counts(|shell| shell.counts().events.get()),
            parks: counts(|shell| shell.counts().parks.get()),
            steals: counts(|shell| shell.counts().steals.get()),
            cross_core_wakes: counts(|shell| shell.counts().recruits.get()),
            rescues: counts(|shell| shell.counts().rescues.get()),
            budget_yields: counts(|shell| shell.counts().budget_yields.get()),
            blocking_threads: 0,
            blocking_queue_depth: 0,
        }
    }
}
