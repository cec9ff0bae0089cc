//! The system calls `main` without arguments.

#[runtime::main]
async fn main(arguments: Vec<String>) {}

// says: remove them (`std::env::args()` has those of the command line)
