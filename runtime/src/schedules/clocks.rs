//! The alarm clocks: while anybody is up, another's is set.
//!
//! The rule rests on one total order of accesses to two words, which the model checker of `models`
//! does not know; here all accesses have one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shuttle::thread;

use super::explore;
use crate::executor::Crew;
use crate::tasks::Panics;

/// One gets up, as the others turn their clocks off.
///
/// Broken by: a clock that is turned off without the look round; a look round that comes first; a
/// worker that looks for a clock before it is up.
fn one_gets_up(workers: usize) {
    let crew = Crew::new(workers, true, None, None, &Arc::new(Panics::new(None))).unwrap();
    for index in 0..workers {
        assert!(crew.shell(index).driver().fall_asleep(None).is_some());
        crew.alarms.fetch_or(1 << index, Ordering::SeqCst);
    }
    let dismissed: Vec<_> = (1..workers)
        .map(|index| {
            let crew = crew.clone();
            thread::spawn(move || {
                let shell = crew.shell(index);
                let park = shell.driver().park_word();
                park.resume();
                crew.dismiss_a_sentinel(shell);
                assert!(shell.driver().fall_asleep(None).is_some());
            })
        })
        .collect();
    let awake = crew.shell(0);
    awake.driver().park_word().resume();
    crew.see_to_a_sentinel(awake);
    for thread in dismissed {
        thread.join().unwrap();
    }
    let set = crew.alarms.load(Ordering::SeqCst);
    assert!(set & !1 != 0, "a worker is up, and no other's clock is set");
}

#[test]
fn of_two_workers_the_other_ones_clock_is_set() {
    explore(|| one_gets_up(2));
}

#[test]
fn of_three_workers_anothers_clock_is_set() {
    explore(|| one_gets_up(3));
}
