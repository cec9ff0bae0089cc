//! More branches than `select!` takes.

async fn one() -> u32 {
    1
}

#[runtime::main]
async fn main() {
    runtime::select! {
        _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {}
        _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {}
        _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {} _ = one() => {}
    }
}

// says: select! takes 16 branches at most: put some into a `select!` of their own
