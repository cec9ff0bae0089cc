//! An option that there is not.

#[runtime::main(threads = 4)]
async fn main() {}

// says: unknown option `threads`: #[runtime::main] knows `single`,
// says: `workers = N`
