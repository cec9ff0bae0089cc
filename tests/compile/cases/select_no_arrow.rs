//! A branch without what is done then.

async fn one() -> u32 {
    1
}

#[runtime::main]
async fn main() {
    runtime::select! {
        number = one(),
    }
}

// says: PATTERN = FUTURE => HANDLER
