//! One thread, and several.

#[runtime::main(single, workers = 4)]
async fn main() {}

// says: remove one of the options
