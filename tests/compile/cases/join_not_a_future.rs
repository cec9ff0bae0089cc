//! What is joined is no future.

#[runtime::main]
async fn main() {
    let pair = runtime::join!(async { 1 }, 2);
    println!("{pair:?}");
}

// says: is not a future
