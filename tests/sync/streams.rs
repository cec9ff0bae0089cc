//! Receivers as streams: the same items as by hand, and the same wakes.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use runtime::sync::broadcast::{self, error::Lagged};
use runtime::sync::mpsc;
use tests::foreign::Foreign;

/// One step of a stream, with a waker that counts.
fn step<S: Stream + Unpin>(stream: &mut S, waker: &Arc<Foreign>) -> Poll<Option<S::Item>> {
    let waker = waker.waker();
    Pin::new(stream).poll_next(&mut Context::from_waker(&waker))
}

#[test]
fn channels_are_streams_that_end() {
    let waker = Arc::new(Foreign::new());
    let (sender, mut receiver) = mpsc::channel(1);
    assert!(step(&mut receiver, &waker).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(waker.wakes(), 1);
    assert_eq!(step(&mut receiver, &waker), Poll::Ready(Some(1)));
    let (without_bound, mut other) = mpsc::unbounded_channel();
    assert!(step(&mut other, &waker).is_pending());
    without_bound.send(2).unwrap();
    assert_eq!(step(&mut other, &waker), Poll::Ready(Some(2)));
    drop((sender, without_bound));
    assert_eq!(step(&mut receiver, &waker), Poll::Ready(None));
    assert_eq!(step(&mut other, &waker), Poll::Ready(None));
}

#[test]
fn a_broadcast_is_a_stream_in_which_a_lag_is_an_item() {
    let (first, second) = (Arc::new(Foreign::new()), Arc::new(Foreign::new()));
    let (sender, mut receiver) = broadcast::channel(2);
    assert!(step(&mut receiver, &first).is_pending());
    assert!(
        step(&mut receiver, &second).is_pending(),
        "another task polls"
    );
    for number in 0..3 {
        sender.send(number).unwrap();
    }
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
    assert_eq!(
        step(&mut receiver, &first),
        Poll::Ready(Some(Err(Lagged(1))))
    );
    assert_eq!(step(&mut receiver, &first), Poll::Ready(Some(Ok(1))));
    assert_eq!(step(&mut receiver, &first), Poll::Ready(Some(Ok(2))));
    // It was called before, and waits anew.
    assert!(step(&mut receiver, &first).is_pending());
    drop(sender);
    assert_eq!(first.wakes(), 1);
    assert_eq!(step(&mut receiver, &first), Poll::Ready(None));
}

#[test]
fn a_stream_that_waits_and_goes_leaves_no_waker() {
    let waker = Arc::new(Foreign::new());
    let (sender, mut receiver) = broadcast::channel::<u8>(1);
    let mut other = sender.subscribe();
    assert!(step(&mut receiver, &waker).is_pending());
    assert!(step(&mut other, &waker).is_pending());
    drop(receiver);
    // What stands in the place of a stream is the receiver's own: by hand it is the same one.
    assert_eq!(other.try_recv().ok(), None);
    drop(other);
    assert_eq!(waker.wakes(), 0);
    assert_eq!(Arc::strong_count(&waker), 1);
}

#[runtime::test(start_paused)]
async fn ticks_and_delays_are_streams() {
    use runtime::time::{DelayQueue, Duration, Instant, interval};
    let start = Instant::now();
    let period = Duration::from_secs(60);
    let mut ticks = interval(period);
    for due in [start, start + period] {
        let next = poll_fn(|context| Pin::new(&mut ticks).poll_next(context));
        assert_eq!(next.await, Some(due));
    }
    let mut queue = DelayQueue::new();
    queue.insert("late", period);
    queue.insert("soon", Duration::from_secs(1));
    let mut seen = Vec::new();
    while let Some(expired) = poll_fn(|context| Pin::new(&mut queue).poll_next(context)).await {
        seen.push(expired.into_inner());
    }
    assert_eq!(seen, ["soon", "late"]);
}
