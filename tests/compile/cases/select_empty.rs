//! Nothing to wait for.

#[runtime::main]
async fn main() {
    runtime::select! {}
}

// says: select! waits for at least one branch: `PATTERN = FUTURE => HANDLER`
