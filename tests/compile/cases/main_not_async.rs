//! The attribute is on a function that waits for nothing.

#[runtime::main]
fn main() {}

// says: write `async fn main`
