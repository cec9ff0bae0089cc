//! The methods of `net::io` for reading, and the reader with a buffer.

use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_io::AsyncRead;
use net::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, duplex};
use tests::once::once;
use tests::panics::panics;

use crate::{pair, run};

/// Gives a byte at a time, and waits before each.
struct Dribble<'a> {
    bytes: &'a [u8],
    waits: bool,
}

impl<'a> Dribble<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, waits: true }
    }
}

impl AsyncRead for Dribble<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        self.waits = !self.waits;
        if !self.waits {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = slice.len().min(1);
        Pin::new(&mut self.bytes).poll_read(context, &mut slice[..count])
    }
}

#[test]
fn all_is_read_to_the_end() {
    run(async || {
        let mut bytes = b"before ".to_vec();
        let count = Dribble::of(b"and after").read_to_end(&mut bytes).await;
        assert_eq!((count.unwrap(), &*bytes), (9, &b"before and after"[..]));

        let mut text = String::from("before ");
        let mut reader = Dribble::of("naïve".as_bytes());
        assert_eq!(reader.read_to_string(&mut text).await.unwrap(), 6);
        assert_eq!(text, "before naïve");
        let error = (&b"\xff"[..]).read_to_string(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(text, "before naïve");

        let long: Vec<u8> = (0..300_000_u32).map(|n| (n >> 4) as u8).collect();
        let (client, server) = pair().await;
        let sent = long.clone();
        let sender = runtime::spawn(async move { client.write_all(&sent).await });
        let mut received = Vec::new();
        let count = (&server).read_to_end(&mut received).await.unwrap();
        sender.await.unwrap().unwrap();
        assert!(count == long.len() && received == long);
    });
}

#[test]
fn a_vector_is_filled_into_its_spare_room() {
    run(async || {
        let (client, server) = pair().await;
        client.write_all(b"twelve bytes").await.unwrap();
        server.readable().await.unwrap();
        let mut bytes = Vec::with_capacity(8);
        bytes.push(b'>');
        assert_eq!(server.read_buf(&mut bytes).await.unwrap(), 7);
        assert_eq!((&*bytes, bytes.capacity()), (&b">twelve "[..], 8));
        // Full: it grows.
        assert_eq!(server.read_buf(&mut bytes).await.unwrap(), 5);
        assert_eq!(bytes, b">twelve bytes");
        drop(client);
        assert_eq!(server.read_buf(&mut bytes).await.unwrap(), 0);

        let mut bytes = Vec::with_capacity(8);
        let mut reader = &b"twelve bytes"[..];
        assert_eq!(reader.read_buf(&mut bytes).await.unwrap(), 8);
        assert_eq!(reader.read_buf(&mut bytes).await.unwrap(), 4);
        assert_eq!(bytes, b"twelve bytes");
    });
}

#[test]
fn a_reader_that_waits_or_panics_leaves_no_zeroes_in_the_vector() {
    struct Panics;
    impl AsyncRead for Panics {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut [u8],
        ) -> Poll<std::io::Result<usize>> {
            panic!("as planned")
        }
    }
    run(async || {
        let mut bytes = b"x".to_vec();
        let mut reader = Dribble::of(b"yz");
        assert!(once(pin!(reader.read_buf(&mut bytes))).await.is_pending());
        assert_eq!(bytes, b"x");
        let said = panics(|| once_now(Panics.read_buf(&mut bytes)));
        assert_eq!(said, "as planned");
        assert_eq!(bytes, b"x");
    });
}

fn once_now<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn numbers_come_as_they_went_in_both_orders() {
    run(async || {
        let (mut client, mut server) = duplex(64);
        client.write_u8(0x80).await.unwrap();
        client.write_i16(-2).await.unwrap();
        client.write_u32_le(0x0102_0304).await.unwrap();
        client.write_u64(u64::MAX - 1).await.unwrap();
        client.write_i128_le(-3).await.unwrap();
        client.write_f64(0.5).await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), 0x80);
        assert_eq!(server.read_i16().await.unwrap(), -2);
        assert_eq!(server.read_u32().await.unwrap(), 0x0403_0201);
        assert_eq!(server.read_u64().await.unwrap(), u64::MAX - 1);
        assert_eq!(server.read_i128_le().await.unwrap(), -3);
        assert_eq!(
            server.read_f64().await.unwrap().to_bits(),
            0.5_f64.to_bits()
        );
        client.write_u8(1).await.unwrap();
        drop(client);
        let error = server.read_u16().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_reader_ends_early_or_goes_on_with_another() {
    run(async || {
        let mut text = String::new();
        let mut reader = (&b"one two"[..]).take(3).chain(&b" three"[..]);
        reader.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "one three");
        let (first, _) = reader.into_inner();
        assert_eq!((first.limit(), first.into_inner()), (0, &b" two"[..]));

        let mut lines = BufReader::new(&b"a\nb"[..]).chain(&b"c\nd"[..]).lines();
        for expected in ["a", "bc", "d"] {
            let line = lines.next_line().await.unwrap();
            assert_eq!(line.as_deref(), Some(expected));
        }
        assert_eq!(lines.next_line().await.unwrap(), None);

        let mut few = (&b"x\ny\nz"[..]).take(3);
        let mut bytes = Vec::new();
        assert_eq!(few.read_until(b'\n', &mut bytes).await.unwrap(), 2);
        assert_eq!(few.read_until(b'\n', &mut bytes).await.unwrap(), 1);
        assert_eq!((&*bytes, few.limit()), (&b"x\ny"[..], 0));
        few.set_limit(10);
        assert_eq!(few.read_to_end(&mut bytes).await.unwrap(), 2);
        assert_eq!(few.read(&mut [0; 4]).await.unwrap(), 0);
    });
}

#[test]
fn lines_come_whole_whatever_pieces_they_came_in() {
    run(async || {
        let text = "first\r\n\nthird, with ümlauts\nno end".as_bytes();
        for capacity in [1, 2, 7, 8192] {
            let mut reader = BufReader::with_capacity(capacity, Dribble::of(text));
            let mut read = String::new();
            let mut lengths = Vec::new();
            loop {
                match reader.read_line(&mut read).await.unwrap() {
                    0 => break,
                    length => lengths.push(length),
                }
            }
            assert_eq!(read.as_bytes(), text);
            assert_eq!(lengths, [7, 1, 21, 6]);

            let mut lines = BufReader::with_capacity(capacity, Dribble::of(text)).lines();
            for expected in ["first", "", "third, with ümlauts", "no end"] {
                assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(expected));
            }
            assert_eq!(lines.next_line().await.unwrap(), None);
        }
    });
}

#[test]
fn a_line_that_is_no_text_is_dropped_and_the_next_is_read() {
    run(async || {
        let mut reader = BufReader::new(&b"a\n\xff\nb\n"[..]);
        let mut line = String::new();
        assert_eq!(reader.read_line(&mut line).await.unwrap(), 2);
        let error = reader.read_line(&mut line).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(reader.read_line(&mut line).await.unwrap(), 2);
        assert_eq!(line, "a\nb\n");

        let mut lines = BufReader::new(&b"\xff\nb"[..]).lines();
        lines.next_line().await.unwrap_err();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("b"));
    });
}

#[test]
fn what_was_read_ahead_comes_first_and_a_large_read_goes_past_the_buffer() {
    run(async || {
        let mut reader = BufReader::with_capacity(4, &b"abcdefghijklmnop"[..]);
        assert_eq!(reader.fill_to(2).await.unwrap(), b"abcd");
        assert_eq!(reader.fill_to(6).await.unwrap(), b"abcdefgh");
        let mut slice = [0; 16];
        reader.read_exact(&mut slice[..3]).await.unwrap();
        assert_eq!((&slice[..3], reader.buffer()), (&b"abc"[..], &b"defgh"[..]));
        assert_eq!(reader.read(&mut slice).await.unwrap(), 5);
        assert!(reader.buffer().is_empty());
        assert_eq!(reader.read(&mut slice).await.unwrap(), 8);
        assert_eq!(&slice[..8], b"ijklmnop");
        assert_eq!(reader.fill_to(1).await.unwrap(), b"");
        let error = reader.read_exact(&mut slice).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_slice_that_cannot_be_filled_takes_nothing() {
    run(async || {
        let mut reader = BufReader::new(&b"abc"[..]);
        let error = reader.read_exact(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(reader.buffer(), b"abc");
        assert_eq!(reader.into_inner(), b"");
    });
}

#[test]
fn small_writes_are_gathered_and_large_ones_pass() {
    run(async || {
        let mut writer = BufWriter::with_capacity(4, Vec::new());
        writer.write_all(b"ab").await.unwrap();
        writer.write_all(b"cd").await.unwrap();
        assert!(writer.get_ref().is_empty());
        writer.write_all(b"e").await.unwrap();
        assert_eq!(
            (&**writer.get_ref(), writer.buffer()),
            (&b"abcd"[..], &b"e"[..])
        );
        assert_eq!(writer.write(b"fghij").await.unwrap(), 5);
        assert_eq!(writer.get_ref(), b"abcdefghij");
        // Longer than the buffer, and taken whole.
        writer.write_all(b"klmnop").await.unwrap();
        assert_eq!(writer.buffer(), b"klmnop");
        writer.flush().await.unwrap();
        assert_eq!(writer.into_inner(), b"abcdefghijklmnop");
    });
}

#[test]
fn a_reader_with_a_buffer_writes_and_a_writer_with_one_reads() {
    run(async || {
        let (client, server) = pair().await;
        let mut client = BufWriter::new(BufReader::new(&client));
        let mut server = BufReader::new(BufWriter::new(&server));
        client.write_all(b"question\n").await.unwrap();
        client.flush().await.unwrap();
        let mut line = String::new();
        server.read_line(&mut line).await.unwrap();
        server.write_all(b"answer\n").await.unwrap();
        server.close().await.unwrap();
        let mut bytes = Vec::new();
        client.read_until(b'\n', &mut bytes).await.unwrap();
        assert_eq!((&*line, &*bytes), ("question\n", &b"answer\n"[..]));
        assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
    });
}
