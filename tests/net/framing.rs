//! Messages over a stream, and a stream without a socket.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_io::AsyncRead;
use net::codec::{Framed, LengthDelimitedCodec, LinesCodec, LinesCodecError};
use net::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use runtime::task::yield_now;
use tests::once::once;

use crate::{pair, run};

#[test]
fn lines_go_and_come_over_a_connection() {
    run(async || {
        let (client, server) = pair().await;
        let mut client = Framed::new(client, LinesCodec::new());
        let mut server = Framed::new(server, LinesCodec::new());
        for line in ["one", "", "three"] {
            client.send(line).await.unwrap();
            assert_eq!(server.next().await.unwrap().unwrap(), line);
        }
        client.feed("fed").await.unwrap();
        client.feed(String::from("and closed")).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap(), "fed");
        let next = poll_fn(|context| Pin::new(&mut server).poll_next(context));
        assert_eq!(next.await.unwrap().unwrap(), "and closed");
        assert!(server.next().await.is_none());
        assert!(server.next().await.is_none());
    });
}

#[test]
fn a_line_that_never_ends_is_an_error_and_not_memory() {
    run(async || {
        let (mut client, server) = duplex(1024);
        let sender = runtime::spawn(async move {
            let mut sent = 0;
            while client.write_all(&[b'x'; 1000]).await.is_ok() {
                sent += 1000;
            }
            sent
        });
        let mut server = Framed::new(server, LinesCodec::new());
        let error = server.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("LinesCodec::with_max_length"));
        let longest = server.codec().max_length();
        // What comes of it is thrown away, and is no second error.
        let mut still = Box::pin(server.next());
        for _ in 0..1000 {
            assert!(once(still.as_mut()).await.is_pending());
            yield_now().await;
        }
        drop(still);
        assert!(server.into_parts().1.len() <= longest);
        assert!(sender.await.unwrap() > 2 * longest);
    });
}

#[test]
fn the_longest_line_and_no_longer_is_a_line() {
    async fn first(text: &[u8]) -> Result<String, ErrorKind> {
        let mut lines = Framed::new(text, LinesCodec::with_max_length(4));
        lines.next().await.unwrap().map_err(|error| error.kind())
    }
    run(async || {
        for text in ["1234", "1234\n", "1234\r\n"] {
            assert_eq!(first(text.as_bytes()).await.as_deref(), Ok("1234"));
        }
        for text in ["12345", "12345\n", "12345\r\n", "1234\r", "123456"] {
            let first = first(text.as_bytes()).await;
            assert_eq!(first, Err(ErrorKind::InvalidData), "{text:?}");
        }
        let mut lines = Framed::new(Vec::new(), LinesCodec::with_max_length(4));
        for wrong in ["12345", "1\n2"] {
            lines.send(wrong).await.unwrap_err();
        }
        lines.send("1234").await.unwrap();
        assert_eq!(lines.get_ref(), b"1234\n");
    });
}

/// Found by bytes that have come, at the end of the stream, and when one is sent.
#[test]
fn a_line_that_is_refused_says_why_to_programs() {
    const TOO_LONG: LinesCodecError = LinesCodecError::MaxLineLengthExceeded { longest: 4 };
    async fn refused(text: &[u8]) -> Vec<LinesCodecError> {
        let mut lines = Framed::new(text, LinesCodec::with_max_length(4));
        let mut refused = Vec::new();
        while let Some(line) = lines.next().await {
            refused.push(line.unwrap_err().downcast().unwrap());
        }
        refused
    }
    run(async || {
        let not_text = LinesCodecError::NotUtf8;
        assert_eq!(refused(b"12345\n").await, [TOO_LONG]);
        assert_eq!(refused(b"12345").await, [TOO_LONG]);
        assert_eq!(
            refused(b"\xff\n12345\n\xff").await,
            [not_text, TOO_LONG, not_text]
        );
        let mut lines = Framed::new(Vec::new(), LinesCodec::with_max_length(4));
        let error = lines.send("12345").await.unwrap_err();
        assert_eq!(error.downcast::<LinesCodecError>().unwrap(), TOO_LONG);
        let error = lines.send("1\n2").await.unwrap_err();
        error.downcast::<LinesCodecError>().unwrap_err();
    });
}

/// As the docs of the codec have it.
#[test]
fn a_carriage_return_at_the_end_of_a_text_does_not_arrive_and_a_line_feed_is_refused() {
    run(async || {
        let mut lines = Framed::new(Vec::new(), LinesCodec::new());
        for text in ["abc\r", "a\rbc", "\r"] {
            lines.send(text).await.unwrap();
        }
        let error = lines.send("two\nlines").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let sent = lines.get_ref().clone();
        assert_eq!(sent, b"abc\r\na\rbc\n\r\n");
        let mut lines = Framed::new(&sent[..], LinesCodec::new());
        for expected in ["abc", "a\rbc", ""] {
            assert_eq!(lines.next().await.unwrap().unwrap(), expected);
        }
        assert!(lines.next().await.is_none());
    });
}

#[test]
fn lengths_go_in_front_in_all_sizes_and_orders() {
    run(async || {
        let long = vec![7; 255];
        for size in 1..=8 {
            for little in [false, true] {
                let mut codec = LengthDelimitedCodec::new().length_bytes(size);
                if little {
                    codec = codec.little_endian();
                }
                let (client, server) = duplex(16);
                let mut client = Framed::new(client, codec.clone());
                let mut server = Framed::new(server, codec);
                let sent = long.clone();
                let sender = runtime::spawn(async move {
                    client.send(b"").await.unwrap();
                    client.send(&sent).await.unwrap();
                    client.close().await.unwrap();
                });
                assert_eq!(server.next().await.unwrap().unwrap(), b"");
                assert_eq!(server.next().await.unwrap().unwrap(), long);
                assert!(server.next().await.is_none());
                sender.await.unwrap();
            }
        }
    });
}

#[test]
fn a_message_that_is_too_long_or_cut_off_is_an_error() {
    run(async || {
        let mut messages = Framed::new(&b"\xff\xff\xff\xffx"[..], LengthDelimitedCodec::new());
        let error = messages.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(messages.next().await.is_none());

        for cut in [&b"\0"[..], b"\0\0\0\x02", b"\0\0\0\x02x"] {
            let mut messages = Framed::new(cut, LengthDelimitedCodec::new());
            let error = messages.next().await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        }

        // One byte of length says no more than 255.
        let codec = LengthDelimitedCodec::new().length_bytes(1);
        let mut messages = Framed::new(Vec::new(), codec);
        let error = messages.send(vec![0; 256]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        messages.send(b"ok").await.unwrap();
        assert_eq!(messages.get_ref(), b"\x02ok");
    });
}

#[test]
fn who_sends_much_waits_for_who_reads() {
    run(async || {
        let (client, server) = duplex(100);
        let mut client = Framed::new(client, LengthDelimitedCodec::new());
        let mut fed = 0;
        while once(pin!(client.feed([7; 1000]))).await.is_ready() {
            fed += 1;
        }
        assert_eq!(
            fed, 9,
            "of a thousand bytes, in a buffer of eight kilobytes"
        );
        let reader = runtime::spawn(async move {
            let mut server = Framed::new(server, LengthDelimitedCodec::new());
            let mut count = 0;
            while let Some(message) = server.next().await {
                assert_eq!(message.unwrap(), [7; 1000]);
                count += 1;
            }
            count
        });
        client.close().await.unwrap();
        assert_eq!(reader.await.unwrap(), 9);
    });
}

#[test]
fn what_is_left_over_can_be_had() {
    run(async || {
        let mut lines = Framed::new(&b"upgrade\nbinary\0"[..], LinesCodec::new());
        assert_eq!(lines.next().await.unwrap().unwrap(), "upgrade");
        let (_, rest) = lines.into_parts();
        assert_eq!(&*rest, b"binary\0");
    });
}

async fn fill(end: &mut DuplexStream) -> usize {
    let mut written = 0;
    while once(pin!(end.write(&[1]))).await.is_ready() {
        written += 1;
    }
    written
}

#[test]
fn a_connection_in_memory_has_room_for_so_much_each_way() {
    run(async || {
        let (mut one, mut other) = duplex(100);
        assert_eq!((fill(&mut one).await, fill(&mut other).await), (100, 100));
        // A waiting writer is woken by a read, and a waiting reader by a write.
        let writer = runtime::spawn(async move {
            one.write_all(&[2; 300]).await.unwrap();
            one
        });
        let mut all = [0; 400];
        other.read_exact(&mut all).await.unwrap();
        assert!(all[..100] == [1; 100] && all[100..] == [2; 300]);
        let mut one = writer.await.unwrap();
        let reader = runtime::spawn(async move {
            let mut all = Vec::new();
            one.read_to_end(&mut all).await.unwrap();
            all.len()
        });
        other.write_all(&[3; 50]).await.unwrap();
        other.close().await.unwrap();
        assert_eq!(reader.await.unwrap(), 150);
        let error = other.write(&[4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_end_of_a_connection_in_memory_is_heard_by_who_waits() {
    run(async || {
        let (mut one, mut other) = duplex(4);
        fill(&mut one).await;
        let waiting = runtime::spawn(async move { one.write_all(b"more").await });
        runtime::task::yield_now().await;
        other.read_exact(&mut [0; 2]).await.unwrap();
        drop(other);
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// Both ends in one task, and neither ever waits: others still have their turn.
#[test]
fn a_connection_in_memory_keeps_nobody_from_running() {
    run(async || {
        let (mut one, mut other) = duplex(64);
        let hog = runtime::spawn(async move {
            loop {
                one.write_all(&[1; 8]).await.unwrap();
                other.read_exact(&mut [0; 8]).await.unwrap();
            }
        });
        for _ in 0..10 {
            runtime::task::yield_now().await;
        }
        hog.abort();
        assert!(hog.await.unwrap_err().is_cancelled());
    });
}

/// Empty lines, as many as fit.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        buffer.fill(b'\n');
        Poll::Ready(Ok(buffer.len()))
    }
}

/// They come with one read, and wait in the buffer: others still have their turn.
#[test]
fn many_messages_at_once_keep_nobody_from_running() {
    run(async || {
        let hog = runtime::spawn(async {
            let mut lines = Framed::new(Endless, LinesCodec::new());
            while let Some(line) = lines.next().await {
                assert_eq!(line.unwrap(), "");
            }
        });
        for _ in 0..10 {
            runtime::task::yield_now().await;
        }
        hog.abort();
        assert!(hog.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn lines_go_on_after_one_that_is_none() {
    run(async || {
        // In one piece, and a byte at a time.
        for size in [1, 3, 1000] {
            let (mut client, server) = duplex(size);
            let sends = runtime::spawn(async move {
                let text = b"one\nmuch too long\ntwo\n\xff\xfe\nthree\nlong at the end";
                client.write_all(text).await.unwrap();
            });
            let mut lines = Framed::new(server, LinesCodec::with_max_length(6));
            let mut seen = Vec::new();
            while let Some(line) = lines.next().await {
                seen.push(line.map_err(|error| error.kind()));
            }
            let bad = Err(ErrorKind::InvalidData);
            let line = |text: &str| Ok(text.to_owned());
            let expected = [
                line("one"),
                bad.clone(),
                line("two"),
                bad.clone(),
                line("three"),
                bad,
            ];
            assert_eq!(seen, expected, "{size} bytes at a time");
            assert!(lines.next().await.is_none());
            sends.await.unwrap();
        }
    });
}

/// Ends with an error, as a connection that was reset.
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(ErrorKind::ConnectionReset.into()))
    }
}

#[test]
fn a_stream_that_fails_is_over_whatever_the_codec() {
    run(async || {
        let mut lines = Framed::new(Broken, LinesCodec::new());
        let error = lines.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(lines.next().await.is_none());
    });
}
