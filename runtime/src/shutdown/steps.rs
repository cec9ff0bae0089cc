//! What a shutdown does, step by step, on the thread that was chosen for it.
//!
//! The danger is time. A shutdown is to end within its grace and a tenth of a second, whoever is
//! stuck, and there may be a hundred thousand tasks to be cut meanwhile. So there is one patience for all who
//! are waited for, after the cut: it begins again when something has ended. That is looked at eight times
//! in it, as to be told of each task would cost more than to drop it.

use std::future::Future;
use std::time::{Duration, Instant};

use super::{Grace, Report};
use crate::closing::End;
use crate::executor::{StuckTask, Watch};
use crate::handle::Handle;
use crate::primitive::Arc;
use crate::sync::wait_until;
use crate::tasks::TaskRef;
use crate::time::{self, timeout};

/// A shutdown under way.
pub(super) struct Steps {
    pub(super) handle: Handle,
    grace: Grace,
    began: Instant,
    end: Arc<End>,
}

impl Steps {
    /// Asks everybody to end.
    pub(super) fn begin(handle: &Handle, grace: Grace) -> Self {
        let began = Instant::now();
        let shared = &handle.shared;
        let closing = shared.closing();
        closing.watch(|few, tell| {
            shared.pool().watch(tell.clone());
            shared.crew().watch(&Watch { few, tell });
        });
        let steps = Self {
            handle: handle.clone(),
            grace,
            began,
            end: shared.end(),
        };
        let found = steps.but_those_apart([shared.crew().live(), shared.pool().live()]);
        steps.end.add(found);
        closing.token().cancel();
        steps
    }

    /// The steps after the asking, in the runtime's own time.
    pub(super) async fn take(&self) -> Report {
        let _ = timeout(self.grace.time, self.quiet()).await;
        let cut = self.cut();
        let since = time::Instant::now();
        let mut patience = Patience::new(self.grace.patience);
        while let Some(wait) = patience.look(self.left(), since.elapsed()) {
            let _ = timeout(wait, self.quiet()).await;
        }
        self.report(&cut)
    }

    /// The same, on a thread that runs no tasks.
    pub(super) fn take_here(&self) -> Report {
        wait_until(self.began.checked_add(self.grace.time), self.quiet());
        let cut = self.cut();
        let since = Instant::now();
        let mut patience = Patience::new(self.grace.patience);
        while let Some(wait) = patience.look(self.left(), since.elapsed()) {
            wait_until(Instant::now().checked_add(wait), self.quiet());
        }
        self.report(&cut)
    }

    /// The same, without waiting.
    pub(super) fn take_none(&self) -> Report {
        let cut = self.cut();
        self.report(&cut)
    }

    fn quiet(&self) -> impl Future<Output = ()> + Send {
        let shared = &self.handle.shared;
        let closing = shared.closing();
        closing.quiet(|apart| self.count().saturating_sub(apart))
    }

    /// How many are waited for.
    fn left(&self) -> usize {
        let closing = self.handle.shared.closing();
        closing.left(|apart| self.count().saturating_sub(apart))
    }

    fn count(&self) -> usize {
        let shared = &self.handle.shared;
        shared.crew().tasks_and(|| shared.pool().busy())
    }

    /// The grace is over: drops what is left, and gives what that was.
    fn cut(&self) -> Vec<TaskRef> {
        let shared = &self.handle.shared;
        shared.crew().admit_no_more();
        shared.pool().admit_no_more();
        let mut left = self.but_those_apart([shared.crew().live()]);
        left.iter().for_each(TaskRef::cut);
        // After the tasks: who waited for one of these would go on, and end, for that alone.
        left.extend(shared.pool().close());
        left
    }

    fn report(&self, left: &[TaskRef]) -> Report {
        let shared = &self.handle.shared;
        let mut stuck = Vec::new();
        let apart = shared.closing().apart();
        shared.crew().for_each_task(|task| {
            if task.is_running() && !apart.contains(&task.id()) {
                stuck.push(StuckTask::left_behind(task));
            }
        });
        let detached = self.but_those_apart([shared.pool().running()]);
        let mut here: Vec<_> = detached.iter().map(TaskRef::id).collect();
        here.extend(stuck.iter().filter_map(|task| task.id));
        here.sort_unstable();
        let is_here = |task: &TaskRef| here.binary_search(&task.id()).is_ok();
        let infos = |tasks: &[&TaskRef]| tasks.iter().map(|task| task.info()).collect();
        let found = self.end.found();
        let found = || found.iter().flat_map(|it| it.iter());
        let mut cut: Vec<_> = left.iter().chain(found()).collect();
        cut.retain(|task| task.is_cut() && !is_here(task));
        in_order(&mut cut);
        let mut finished: Vec<_> = found().collect();
        // One that is neither done nor cut waits for a shutdown itself.
        finished.retain(|task| task.is_done() && !task.is_cut() && !is_here(task));
        in_order(&mut finished);
        shared.set_limit(self.grace.patience);
        shared.closing().set_told();
        Report {
            took: self.began.elapsed(),
            finished: infos(&finished),
            cut: infos(&cut),
            detached: detached.iter().map(TaskRef::info).collect(),
            stuck,
            panics: self.end.panics.read(),
        }
    }

    /// All of these but those that are not waited for, in the order of their spawning. (One that has
    /// just ended may be in its list still, when its handle has told of it.)
    fn but_those_apart<const N: usize>(&self, tasks: [Vec<TaskRef>; N]) -> Vec<TaskRef> {
        let mut tasks: Vec<_> = tasks.into_iter().flatten().collect();
        let apart = self.handle.shared.closing().apart();
        tasks.retain(|task| !task.is_done() && !apart.contains(&task.id()));
        tasks.sort_by_key(TaskRef::id);
        tasks
    }
}

/// In the order of their spawning, each once. (They come in a few runs of that order, which only the
/// stable sort makes use of.)
fn in_order(tasks: &mut Vec<&TaskRef>) {
    tasks.sort_by_key(|task| task.id());
    tasks.dedup_by_key(|task| task.id());
}

/// Whether it is worth waiting for those who are left.
struct Patience {
    limit: Duration,
    left: usize,
    /// When one was seen to have ended.
    since: Duration,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            left: usize::MAX,
            since: Duration::ZERO,
        }
    }

    /// So many are left at this time: for how long to wait until the next look, if there is to be one.
    fn look(&mut self, left: usize, now: Duration) -> Option<Duration> {
        if std::mem::replace(&mut self.left, left) > left {
            self.since = now;
        }
        let rest = self.since.saturating_add(self.limit).saturating_sub(now);
        let step = (self.limit / LOOKS).max(SHORTEST_STEP);
        (left > 0 && !rest.is_zero()).then(|| rest.min(step))
    }
}

const LOOKS: u32 = 8;
const SHORTEST_STEP: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_patience_begins_again_when_somebody_has_ended() {
        let mut patience = Patience::new(ms(40));
        assert_eq!(patience.look(3, ms(0)), Some(ms(5)));
        assert_eq!(patience.look(3, ms(5)), Some(ms(5)));
        assert_eq!(patience.look(2, ms(10)), Some(ms(5)));
        assert_eq!(patience.look(2, ms(48)), Some(ms(2)));
        assert_eq!(patience.look(2, ms(50)), None);
    }

    #[test]
    fn nobody_is_waited_for_when_all_have_ended_or_there_is_no_patience() {
        assert_eq!(Patience::new(ms(40)).look(0, ms(0)), None);
        assert_eq!(Patience::new(Duration::ZERO).look(1, ms(0)), None);
    }

    #[test]
    fn a_patience_without_an_end_overflows_nothing() {
        let mut patience = Patience::new(Duration::MAX);
        assert!(patience.look(2, ms(1)).is_some());
        assert!(patience.look(1, ms(2)).is_some());
    }
}
