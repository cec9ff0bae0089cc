//! What is lost when a future is dropped: for each method that waits, what its documentation says.
//!
//! `bytes` is what streams have in common, `datagrams` what sockets for messages have, each shown of
//! every such socket. `tcp` and `unix` are what only these have, `pipes` the ends of pipes and standard
//! input and output, `arriving` how connections and sockets come to be. `readers` and `writers` are
//! `net::io`, `framed` is `net::codec`. A method whose documentation says "None" may lose bytes, and
//! only those: the stream goes on behind them.

mod arriving;
mod bytes;
mod datagrams;
mod framed;
mod pipes;
mod promised;
mod readers;
mod tcp;
mod unix;
mod writers;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use runtime::task::yield_now;
use tests::cancel::{Place, dropped_by};

/// For what waits once: when it is dropped.
const PLACES: [Place; 2] = [
    Place::FIRST,
    Place {
        when_woken: true,
        ..Place::FIRST
    },
];

/// A method that waits and is not dropped here would be a promise that nobody has looked at.
#[test]
fn each_method_that_waits_is_dropped_here() {
    let promised = promised::methods(&[
        "tcp", "udp", "unix", "pipe", "stdio", "socket", "accept", "io", "codec", "addr.rs",
    ]);
    for one in [
        "Socket<UnixListener>::accept",
        "AsyncBufReadExt::read_until",
        "Stderr::flush",
        "ReadHalf::read",
    ] {
        assert!(promised.contains(one), "{one} is not found in the sources");
    }
    let dropped = dropped_by("cancelling::", "each_method_that_waits_is_dropped_here");
    let dropped: BTreeSet<_> = dropped.iter().map(|it| promised::name_of(it)).collect();
    let missing: Vec<_> = promised.difference(&dropped).collect();
    assert!(missing.is_empty(), "not dropped anywhere: {missing:#?}");
    let unknown: Vec<_> = dropped.difference(&promised).collect();
    // What a macro makes of each kind of number is not looked for.
    let numbers = ["AsyncReadExt::read_", "AsyncWriteExt::write_"];
    let unknown: Vec<_> = unknown
        .into_iter()
        .filter(|it| !numbers.iter().any(|number| it.starts_with(number)))
        .collect();
    assert!(unknown.is_empty(), "not found in the sources: {unknown:#?}");
}

/// Signals are dropped where there is a process for them, of which nothing is known here but its text.
#[test]
fn each_wait_for_a_signal_is_dropped_in_its_own_process() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("signals");
    let text = fs::read_to_string(folder.join("streams.rs")).unwrap();
    let promised = promised::methods(&["signal"]);
    assert!(promised.contains("Signal::recv"));
    for method in promised {
        let cut = format!("cut(place, {method}, ");
        assert!(text.contains(&cut), "not dropped anywhere: {method}");
    }
}

const NUMBERS: u8 = 100;

/// Receives by an operation that is dropped wherever it waits; the sender is slow.
async fn receives_all<S: 'static, R>(
    pair: impl AsyncFn() -> (S, R),
    send: impl AsyncFn(&S, u8) + Clone + 'static,
    mut receive: impl AsyncFnMut(&mut R, Place) -> Option<u8>,
) {
    for place in PLACES {
        let (sender, mut receiver) = pair().await;
        let send = send.clone();
        let sends = runtime::spawn_local(async move {
            for number in 0..NUMBERS {
                send(&sender, number).await;
                for _ in 0..3 {
                    yield_now().await;
                }
            }
            sender
        });
        let (mut next, mut drops) = (0, 0);
        while next < NUMBERS {
            match receive(&mut receiver, place).await {
                Some(number) => {
                    assert_eq!(number, next);
                    next += 1;
                }
                None => {
                    drops += 1;
                    yield_now().await;
                }
            }
        }
        assert!(drops > 0);
        drop(sends.await);
    }
}

/// Sends by an operation that is dropped wherever it waits; the receiver is slow.
async fn sends_all<S, R: 'static>(
    pair: impl AsyncFn() -> (S, R),
    mut send: impl AsyncFnMut(&mut S, u8, Place) -> Option<std::io::Result<usize>>,
    receive: impl AsyncFn(&R) -> u8 + Clone + 'static,
) {
    for place in PLACES {
        let (mut sender, receiver) = pair().await;
        let receive = receive.clone();
        let receives = runtime::spawn_local(async move {
            for number in 0..NUMBERS {
                for _ in 0..3 {
                    yield_now().await;
                }
                assert_eq!(receive(&receiver).await, number);
            }
        });
        let mut drops = 0;
        for number in 0..NUMBERS {
            loop {
                match send(&mut sender, number, place).await {
                    Some(sent) => break assert!(sent.unwrap() > 0),
                    None => {
                        drops += 1;
                        yield_now().await;
                    }
                }
            }
        }
        receives.await.unwrap();
        assert!(drops > 0);
    }
}

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
