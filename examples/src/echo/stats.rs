//! What the server does, a line a second.
//!
//! A second without news has no line. The danger is one who does not read the lines: standard output
//! is waited for as any other stream, so only the lines stop, and no client notices.

use std::future::pending;

use net::stdio::stdout;
use runtime::time::{Duration, interval};

use super::sessions::{Sessions, Totals};

/// Prints for ever, if asked to.
pub(super) async fn print<T>(sessions: &Sessions, is_asked: bool) -> T {
    if is_asked {
        lines(sessions).await;
    }
    pending().await
}

/// Prints until nobody reads any more.
async fn lines(sessions: &Sessions) -> Option<()> {
    let mut stdout = stdout().ok()?;
    let mut seconds = interval(Duration::from_secs(1));
    // Another worker may have served somebody before this is polled for the first time.
    let mut before = Totals::default();
    loop {
        seconds.tick().await;
        let now = sessions.totals();
        if now != before {
            let line = format!(
                "{} open, {} accepted; {} messages, {} bytes in a second\n",
                now.open,
                now.accepted,
                now.done.messages - before.done.messages,
                now.done.bytes - before.done.bytes,
            );
            stdout.write_all(line.as_bytes()).await.ok()?;
            stdout.flush().await.ok()?;
        }
        before = now;
    }
}
