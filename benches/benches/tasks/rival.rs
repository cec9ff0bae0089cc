//! What both runtimes can be asked to do, and how each is told.
//!
//! The danger is a comparison of two programs: so every question is written once, over this trait,
//! and nothing of it depends on who answers.

use std::future::Future;

/// A runtime with two workers.
pub(crate) trait Rival: 'static {
    type Runtime;
    type Task: Future + Send + 'static;

    fn build() -> Self::Runtime;
    fn block_on<F: Future>(runtime: &Self::Runtime, future: F) -> F::Output;
    /// From a thread that is none of the runtime's.
    fn spawn_on(
        runtime: &Self::Runtime,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self::Task;
    /// From inside.
    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Task;
    fn yield_now() -> impl Future<Output = ()> + Send;
    fn abort(task: &Self::Task);
}

pub(crate) struct Edgewake;

impl Rival for Edgewake {
    type Runtime = runtime::Runtime;
    type Task = runtime::task::JoinHandle<()>;

    fn build() -> Self::Runtime {
        runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .build()
            .expect("a runtime needs descriptors and threads")
    }

    fn block_on<F: Future>(runtime: &Self::Runtime, future: F) -> F::Output {
        runtime.block_on(future)
    }

    fn spawn_on(
        runtime: &Self::Runtime,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self::Task {
        runtime.spawn(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Task {
        runtime::spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        runtime::task::yield_now()
    }

    fn abort(task: &Self::Task) {
        task.abort();
    }
}

pub(crate) struct Tokio;

impl Rival for Tokio {
    type Runtime = tokio::runtime::Runtime;
    type Task = tokio::task::JoinHandle<()>;

    fn build() -> Self::Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .expect("a runtime needs descriptors and threads")
    }

    fn block_on<F: Future>(runtime: &Self::Runtime, future: F) -> F::Output {
        runtime.block_on(future)
    }

    fn spawn_on(
        runtime: &Self::Runtime,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self::Task {
        runtime.spawn(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Task {
        tokio::spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }

    fn abort(task: &Self::Task) {
        task.abort();
    }
}

pub(crate) const WORKERS: usize = 2;
