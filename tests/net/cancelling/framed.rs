//! Messages: whole, or not at all.

use net::codec::{Framed, LengthDelimitedCodec, LinesCodec};
use tests::cancel::{Place, cut, everywhere};

use super::Dribble;
use crate::run;

#[test]
fn a_next_that_is_dropped_loses_no_message() {
    run(async || {
        everywhere(async |place| {
            let bytes = &b"\0\0\0\x03one\0\0\0\x00\0\0\0\x05three"[..];
            let mut messages = Framed::new(Dribble::over(bytes), LengthDelimitedCodec::new());
            let (mut all, mut was_cut) = (Vec::new(), false);
            loop {
                match cut(place, Framed::next, |next| next(&mut messages)).await {
                    Some(Some(message)) => all.push(message.unwrap()),
                    Some(None) => break,
                    None => was_cut = true,
                }
            }
            assert_eq!(all, [&b"one"[..], b"", b"three"]);
            was_cut
        })
        .await;
    });
}

#[test]
fn a_send_that_is_dropped_sends_a_whole_message_or_none() {
    run(async || {
        everywhere(async |place| {
            let mut lines = Framed::new(Dribble::over(Vec::new()), LinesCodec::new());
            lines.send("before").await.unwrap();
            let send = cut(place, Framed::send, |send| {
                send(&mut lines, "in the middle")
            });
            let was_cut = send.await.is_none();
            lines.send("after").await.unwrap();
            let written = String::from_utf8(lines.into_parts().0.stream).unwrap();
            let whole = "before\nin the middle\nafter\n";
            let without = "before\nafter\n";
            assert!(written == whole || (was_cut && written == without));
            was_cut
        })
        .await;
    });
}

#[test]
fn a_feed_that_is_dropped_takes_nothing() {
    run(async || {
        let long = "x".repeat(9000);
        // Each place is a poll of nine thousand: some of them are enough.
        everywhere(async |place| {
            let mut lines = Framed::new(Dribble::over(Vec::new()), LinesCodec::new());
            lines.feed(&long).await.unwrap();
            let place = Place {
                wait: place.wait * 700,
                ..place
            };
            let feed = cut(place, Framed::feed, |feed| feed(&mut lines, "second"));
            let was_cut = feed.await.is_none();
            lines.flush().await.unwrap();
            let written = String::from_utf8(lines.into_parts().0.stream).unwrap();
            let second = if was_cut { "" } else { "second\n" };
            assert_eq!(written, format!("{long}\n{second}"));
            was_cut
        })
        .await;
    });
}

#[test]
fn a_flush_and_a_close_of_messages_go_on_where_they_were() {
    run(async || {
        for close in [false, true] {
            everywhere(async |place| {
                let mut lines = Framed::new(Dribble::over(Vec::new()), LinesCodec::new());
                lines.feed("one").await.unwrap();
                lines.feed("two").await.unwrap();
                let was_cut = if close {
                    let close = cut(place, Framed::close, |close| close(&mut lines));
                    let was_cut = close.await.is_none();
                    lines.close().await.unwrap();
                    was_cut
                } else {
                    let flush = cut(place, Framed::flush, |flush| flush(&mut lines));
                    let was_cut = flush.await.is_none();
                    lines.flush().await.unwrap();
                    was_cut
                };
                assert_eq!(lines.into_parts().0.stream, b"one\ntwo\n");
                was_cut
            })
            .await;
        }
    });
}
