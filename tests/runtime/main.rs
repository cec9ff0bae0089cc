//! What must hold of the runtime, seen from outside: a file a behaviour.

mod aborts;
mod allocations;
mod block_on;
mod blocking;
mod chains;
mod contexts;
mod delays;
mod drops;
mod ends;
mod fairness;
mod forks;
mod groups;
mod handles;
mod hostile;
mod intervals;
mod lending;
mod macros;
mod odd_places;
mod panics;
mod paused;
mod promises;
mod seeded;
mod several;
mod shutdown;
mod shutdown_matrix;
mod shutdown_report;
mod shutdown_twice;
mod stuck;
mod threads;
mod timeouts;
mod timers;
mod turns;
mod unseen_panics;
mod wakers;
mod workers;

/// Counts, a thread each: see [`allocations`].
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
