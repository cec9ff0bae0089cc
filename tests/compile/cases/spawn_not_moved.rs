//! A task outlives the function whose variable it uses.

#[runtime::main]
async fn main() {
    let words = vec![String::from("one")];
    runtime::spawn(async { println!("{}", words.len()) });
}

// says: to force the async block to take ownership of `words`
