//! What is lost when a future is dropped: for each method that waits, what its documentation says.
//!
//! `sockets` is what comes from the kernel in one call, `local` the same for all but TCP, `readers` and `writers` are `net::io`,
//! `messages` is `net::codec`. A method whose documentation says "None" may lose bytes, and only
//! those: the stream goes on behind them.

mod local;
mod messages;
mod readers;
mod sockets;
mod writers;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

/// A stream that moves a byte at a time and waits before each.
struct Dribble<S> {
    stream: S,
    has_waited: bool,
}

impl<S> Dribble<S> {
    fn over(stream: S) -> Self {
        Self {
            stream,
            has_waited: false,
        }
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Dribble<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.poll_wait(context).is_pending() {
            return Poll::Pending;
        }
        let count = slice.len().min(1);
        Pin::new(&mut self.stream).poll_read(context, &mut slice[..count])
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Dribble<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.poll_wait(context).is_pending() {
            return Poll::Pending;
        }
        let count = bytes.len().min(1);
        Pin::new(&mut self.stream).poll_write(context, &bytes[..count])
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.poll_wait(context).is_pending() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.poll_wait(context).is_pending() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_close(context)
    }
}

/// A method that waits and is not dropped here would be a promise that nobody has looked at.
#[test]
fn each_method_that_waits_is_dropped_here() {
    let net = Path::new(env!("CARGO_MANIFEST_DIR")).join("../net/src");
    let mut promised = BTreeSet::new();
    for part in [
        "tcp", "udp", "unix", "pipe", "stdio", "socket", "socket", "accept", "io", "codec",
        "addr.rs", "signal",
    ] {
        for text in texts(&net.join(part)) {
            promised.extend(methods_that_wait(&text));
        }
    }
    assert!(promised.contains("accept") && promised.contains("read_until"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("net/cancelling");
    // Signals are dropped where there is a process for them.
    let signals = here.join("../../signals/streams.rs");
    let shown = [texts(&here), texts(&signals)].concat().concat();
    let missing: Vec<_> = promised
        .iter()
        .filter(|name| !shown.contains(&format!("{name}(")))
        .collect();
    assert!(missing.is_empty(), "not dropped anywhere: {missing:?}");
}

/// The sources of a file, or of all files of a folder.
fn texts(path: &Path) -> Vec<String> {
    if path.is_file() {
        return vec![fs::read_to_string(path).unwrap()];
    }
    let entries = fs::read_dir(path).unwrap();
    entries
        .flat_map(|entry| texts(&entry.unwrap().path()))
        .collect()
}

/// Names of public functions whose head says that they return a future.
fn methods_that_wait(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices("fn ") {
        let line = &text[text[..at].rfind('\n').map_or(0, |feed| feed + 1)..at];
        // A method of a trait has no `pub`, and is indented.
        let is_public = ["pub ", "pub async ", "    "].contains(&line.trim_start_matches("    "))
            || line == "    ";
        let head = text[at + 3..].split(['{', ';']).next().unwrap();
        let waits = line.contains("async") || head.contains("-> impl Future");
        let name = head.split(['(', '<']).next().unwrap();
        if is_public && waits && !name.starts_with('$') {
            names.push(name.to_owned());
        }
    }
    names
}
