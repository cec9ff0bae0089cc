//! A clock that stands still, and several threads to look at it.

#[runtime::test(flavor = "multi_thread", start_paused = true)]
async fn a_day_passes() {}

fn main() {}

// says: worker threads would each see another time
// says: remove one of the options
