//! More futures than `join!` takes.

async fn one() -> u32 {
    1
}

#[runtime::main]
async fn main() {
    runtime::join!(
        one(), one(), one(), one(), one(), one(), one(), one(), one(), one(), one(), one(), one(),
        one(), one(), one(), one()
    );
}

// says: join! takes 16 futures at most
// says: task::JoinSet
