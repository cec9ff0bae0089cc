//! A race on purpose, for the thread sanitizer to find.
//!
//! A sanitizer that is misled by its list of suppressions finds nothing and looks content. So this
//! test must fail there: two tasks, on two workers, write to the same word with nothing to order
//! them. It is built with the feature `canary` only; `docs/testing.md` has the command.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runtime::Builder;
use tests::deadline::soon;
use tests::foreign;

struct Racy(UnsafeCell<u64>);

// SAFETY: it is not; that is what is to be found.
unsafe impl Sync for Racy {}

#[test]
fn a_race_of_two_tasks_is_found() {
    soon(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let racy = Arc::new(Racy(UnsafeCell::new(0)));
        let here = Arc::new(AtomicUsize::new(0));
        let tasks = [(); 2].map(|()| {
            let (racy, here) = (racy.clone(), here.clone());
            runtime.spawn(async move {
                here.fetch_add(1, Ordering::Relaxed);
                while here.load(Ordering::Relaxed) < 2 {
                    std::hint::spin_loop();
                }
                for _ in 0..1000 {
                    // SAFETY: see above.
                    unsafe { *racy.0.get() += 1 };
                }
            })
        });
        for task in tasks {
            foreign::block_on(task).unwrap();
        }
    });
}
