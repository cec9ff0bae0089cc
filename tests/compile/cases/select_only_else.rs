//! An `else` of nothing.

#[runtime::main]
async fn main() {
    runtime::select! {
        else => println!("at once"),
    }
}

// says: select! waits for at least one branch
