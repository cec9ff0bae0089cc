//! What is joined gives no result.

#[runtime::main]
async fn main() {
    let _ = runtime::try_join!(async { Ok::<_, ()>(1) }, async { 2 });
}

// says: `try_join!` waits for futures that give a `Result`, and one gives `{integer}`
// says: or use `join!`
