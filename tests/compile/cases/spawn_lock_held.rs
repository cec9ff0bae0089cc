//! The guard of a lock of std is held while the task waits.

use std::sync::{Arc, Mutex};

fn main() {
    let counter = Arc::new(Mutex::new(0));
    runtime::block_on(async {
        runtime::spawn(async move {
            let mut held = counter.lock().unwrap();
            runtime::task::yield_now().await;
            *held += 1;
        });
    });
}

// says: not `Send` as this value is used across an await
// says: not Send? use spawn_local, or #[runtime::main(single)]
