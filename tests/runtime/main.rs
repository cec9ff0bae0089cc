//! What must hold of the runtime, seen from outside: a file a behaviour.

mod aborts;
mod allocations;
mod block_on;
mod blocking;
mod chains;
mod contexts;
mod drops;
mod fairness;
mod forks;
mod handles;
mod hostile;
mod macros;
mod panics;
mod paused;
mod seeded;
mod shutdown;
mod timeouts;
mod timers;
mod turns;
mod wakers;
mod workers;

/// Counts, a thread each: see [`allocations`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
