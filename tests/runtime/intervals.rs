//! Ticks: at equal distances, and after a pause as one has chosen.

use runtime::time::{Duration, Instant, MissedTickBehavior, interval, interval_at, sleep_until};
use tests::deadline::soon;
use tests::panics::panics;

const PERIOD: Duration = Duration::from_millis(8);

#[test]
fn ticks_are_due_at_equal_distances_and_never_early() {
    soon(|| {
        runtime::block_on(async {
            let start = Instant::now() + PERIOD;
            let mut ticks = interval_at(start, PERIOD);
            for number in 0..4 {
                let due = ticks.tick().await;
                assert_eq!(due, start + PERIOD * number);
                assert!(Instant::now() >= due);
            }
        });
    });
}

#[test]
fn missed_ticks_are_made_up_for_or_not() {
    soon(|| {
        runtime::block_on(async {
            for behavior in [
                MissedTickBehavior::Burst,
                MissedTickBehavior::Delay,
                MissedTickBehavior::Skip,
            ] {
                let mut ticks = interval(PERIOD);
                ticks.set_missed_tick_behavior(behavior);
                let start = ticks.tick().await;
                sleep_until(start + PERIOD * 4).await;
                assert_eq!(
                    ticks.tick().await,
                    start + PERIOD,
                    "the one that was missed"
                );
                let next = ticks.tick().await - start;
                match behavior {
                    MissedTickBehavior::Burst => assert_eq!(next, PERIOD * 2),
                    MissedTickBehavior::Delay => assert!(next >= PERIOD * 5),
                    MissedTickBehavior::Skip => {
                        assert!(next >= PERIOD * 4);
                        assert_eq!(next.as_nanos() % PERIOD.as_nanos(), 0);
                    }
                }
            }
        });
    });
}

#[test]
fn an_interval_is_reset() {
    soon(|| {
        runtime::block_on(async {
            let mut ticks = interval(Duration::from_secs(3600));
            ticks.tick().await;
            ticks.reset_immediately();
            ticks.tick().await;
            ticks.reset_after(Duration::from_millis(1));
            ticks.tick().await;
            assert_eq!(ticks.period(), Duration::from_secs(3600));
            let mut endless = interval(Duration::MAX);
            endless.tick().await;
        });
    });
}

#[test]
fn a_period_of_zero_is_refused_by_name() {
    soon(|| {
        runtime::block_on(async {
            assert!(panics(|| interval(Duration::ZERO)).contains("time::interval"));
        });
        assert!(panics(|| interval(PERIOD)).contains("time::interval"));
    });
}
