//! A task outlives the function whose variable it borrows.

fn main() {
    let words = vec![String::from("one")];
    runtime::block_on(async {
        let borrowed = &words;
        runtime::spawn(async move { borrowed.len() });
    });
}

// says: `words` does not live long enough
// says: argument requires that `words` is borrowed for `'static`
