//! The hand-off to a thread that blocks, against the end of the pool.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use loom::future::block_on;
use loom::thread;

use crate::blocking::Pool;
use crate::tasks::Panics;

fn start(pool: &Arc<Pool>, threads: &mut Vec<thread::JoinHandle<()>>) -> std::io::Result<()> {
    let pool = pool.clone();
    threads.push(thread::spawn(move || pool.serve()));
    Ok(())
}

#[test]
fn a_closure_given_to_a_pool_that_closes_runs_or_is_cancelled() {
    loom::model(|| {
        let pool = Arc::new(Pool::new(1, Duration::MAX, Arc::new(Panics::new(None))));
        let closer = thread::spawn({
            let pool = pool.clone();
            move || pool.close()
        });
        let mut threads = Vec::new();
        let here = Location::caller();
        let handle = pool.spawn(|| 7, here, None, false, || start(&pool, &mut threads));
        match block_on(handle) {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        closer.join().unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(pool.counts(), (0, 0));
    });
}

#[test]
fn two_closures_are_both_run_by_one_thread() {
    loom::model(|| {
        let pool = Arc::new(Pool::new(1, Duration::MAX, Arc::new(Panics::new(None))));
        let mut threads = Vec::new();
        let here = Location::caller();
        let first = pool.spawn(|| 1, here, None, false, || start(&pool, &mut threads));
        let second = pool.spawn(|| 2, here, None, false, || start(&pool, &mut threads));
        assert_eq!(block_on(first).unwrap() + block_on(second).unwrap(), 3);
        assert_eq!(threads.len(), 1);
        pool.close();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
