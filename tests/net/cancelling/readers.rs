//! Readers of `net::io`: what is read is somewhere.

use net::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines, copy, copy_bidirectional,
    duplex,
};
use tests::cancel::{Place, cut, everywhere};

use super::Dribble;
use crate::{pair, pair_with_std, run};

const TEXT: &str = "first line\nsecond, with more in it\nlast";

fn slowly() -> BufReader<Dribble<&'static [u8]>> {
    // Smaller than a line: the buffer has to grow and to move.
    BufReader::with_capacity(8, Dribble::over(TEXT.as_bytes()))
}

/// Everything that is still to come.
async fn rest_of(mut reader: impl futures_io::AsyncRead + Unpin) -> String {
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    String::from_utf8(rest).unwrap()
}

#[test]
fn a_reader_with_a_buffer_takes_all_or_nothing() {
    run(async || {
        everywhere(async |place| {
            let (mut reader, mut line) = (slowly(), String::new());
            let was_cut = cut(place, BufReader::read_line, |read| {
                read(&mut reader, &mut line)
            })
            .await
            .is_none();
            assert_eq!(line, if was_cut { "" } else { "first line\n" });
            assert_eq!(line + &rest_of(reader).await, TEXT);
            was_cut
        })
        .await;
        everywhere(async |place| {
            let (mut reader, mut slice) = (slowly(), [0; 20]);
            let read = BufReader::read_exact;
            let was_cut = cut(place, read, |read| read(&mut reader, &mut slice))
                .await
                .is_none();
            let expected = if was_cut { TEXT } else { &TEXT[20..] };
            assert_eq!(rest_of(reader).await, expected);
            was_cut
        })
        .await;
        everywhere(async |place| {
            let mut reader = slowly();
            let was_cut = cut(place, BufReader::fill_to, |fill| fill(&mut reader, 20))
                .await
                .is_none();
            assert_eq!(rest_of(reader).await, TEXT);
            was_cut
        })
        .await;
    });
}

#[test]
fn a_number_that_is_in_the_buffer_is_read_without_a_wait() {
    run(async || {
        let bytes = [1, 2, 3, 4, 5, 6];
        everywhere(async |place| {
            let mut reader = BufReader::new(Dribble::over(&bytes[..]));
            let was_cut = cut(place, BufReader::fill_to, |fill| fill(&mut reader, 4))
                .await
                .is_none();
            reader.fill_to(4).await.unwrap();
            let read = AsyncReadExt::read_u32;
            let number = cut(Place::FIRST, read, |read| read(&mut reader)).await;
            assert_eq!(number.unwrap().unwrap(), 0x0102_0304);
            assert_eq!(reader.read_u8().await.unwrap(), 5);
            was_cut
        })
        .await;
    });
}

#[test]
fn what_reads_into_a_vector_goes_on_where_it_was() {
    run(async || {
        everywhere(async |place| {
            let (mut reader, mut bytes) = (slowly(), Vec::new());
            let read = AsyncBufReadExt::read_until;
            let read = cut(place, read, |read| read(&mut reader, b',', &mut bytes));
            let was_cut = read.await.is_none();
            if was_cut {
                reader.read_until(b',', &mut bytes).await.unwrap();
            }
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(text, "first line\nsecond,");
            assert_eq!(text + &rest_of(reader).await, TEXT);
            was_cut
        })
        .await;
        everywhere(async |place| {
            let mut reader = Dribble::over(TEXT.as_bytes());
            let mut bytes = Vec::new();
            let read = AsyncReadExt::read_to_end;
            let read = cut(place, read, |read| read(&mut reader, &mut bytes));
            let was_cut = read.await.is_none();
            reader.read_to_end(&mut bytes).await.unwrap();
            assert_eq!(bytes, TEXT.as_bytes());
            was_cut
        })
        .await;
    });
}

#[test]
fn lines_keep_the_beginning_of_the_next_one() {
    run(async || {
        everywhere(async |place| {
            let mut lines = slowly().lines();
            let mut all = Vec::new();
            let mut was_cut = false;
            loop {
                match cut(place, Lines::next_line, |next| next(&mut lines)).await {
                    Some(Ok(Some(line))) => all.push(line),
                    Some(Ok(None)) => break,
                    Some(Err(error)) => panic!("{error}"),
                    None => was_cut = true,
                }
            }
            assert!(all.iter().map(String::as_str).eq(TEXT.lines()));
            was_cut
        })
        .await;
    });
}

#[test]
fn a_single_read_has_happened_or_not_also_through_others() {
    run(async || {
        let mut reader = Dribble::over(&TEXT.as_bytes()[..4])
            .chain(Dribble::over(&TEXT.as_bytes()[4..]))
            .take(30);
        let mut received = Vec::new();
        loop {
            let mut buffer = [0; 5];
            let read = AsyncReadExt::read;
            let read = cut(Place::FIRST, read, |read| read(&mut reader, &mut buffer));
            match read.await {
                Some(Ok(0)) => break,
                Some(count) => received.extend_from_slice(&buffer[..count.unwrap()]),
                None => {
                    let read = AsyncReadExt::read_buf;
                    let read = cut(Place::FIRST, read, |read| read(&mut reader, &mut received));
                    read.await.transpose().unwrap();
                }
            }
        }
        assert_eq!(received, TEXT.as_bytes()[..30]);
    });
}

/// They promise nothing about their own bytes: what comes behind those is there.
#[test]
fn what_promises_nothing_loses_its_own_bytes_only() {
    run(async || {
        everywhere(async |place| {
            let mut reader = Dribble::over(TEXT.as_bytes());
            let mut slice = [0; 9];
            let read = AsyncReadExt::read_exact;
            let read = cut(place, read, |read| read(&mut reader, &mut slice));
            let was_cut = read.await.is_none();
            assert!(TEXT.ends_with(&rest_of(reader).await));
            was_cut
        })
        .await;
        everywhere(async |place| {
            let mut reader = Dribble::over(TEXT.as_bytes());
            let read = cut(place, AsyncReadExt::read_u64, |read| read(&mut reader));
            let was_cut = read.await.is_none();
            assert!(TEXT.ends_with(&rest_of(reader).await));
            was_cut
        })
        .await;
        everywhere(async |place| {
            let mut reader = Dribble::over(TEXT.as_bytes());
            let read = cut(place, AsyncReadExt::read_u8, |read| read(&mut reader));
            let was_cut = read.await.is_none();
            // Of a single byte nothing is lost.
            assert_eq!(
                rest_of(reader).await,
                if was_cut { TEXT } else { &TEXT[1..] }
            );
            was_cut
        })
        .await;
        everywhere(async |place| {
            let mut reader = Dribble::over(TEXT.as_bytes());
            let mut text = String::from("as it was");
            let read = AsyncReadExt::read_to_string;
            let read = cut(place, read, |read| read(&mut reader, &mut text));
            let was_cut = read.await.is_none();
            assert!(!was_cut || text == "as it was");
            was_cut
        })
        .await;
        everywhere(async |place| {
            let mut reader = Dribble::over(TEXT.as_bytes());
            let (mut to, mut end) = duplex(100);
            let copying = cut(place, copy, |copy| copy(&mut reader, &mut to));
            let was_cut = copying.await.is_none();
            drop(to);
            let arrived = rest_of(&mut end).await;
            assert!(TEXT.starts_with(&arrived) && TEXT.ends_with(&rest_of(reader).await));
            was_cut
        })
        .await;
    });
}

#[test]
fn a_copy_both_ways_that_is_dropped_leaves_both_streams_as_they_are() {
    run(async || {
        everywhere(async |place| {
            let (mut client, near) = duplex(100);
            let (far, mut server) = duplex(100);
            client.write_all(b"question").await.unwrap();
            server.write_all(b"answer").await.unwrap();
            client.close().await.unwrap();
            server.close().await.unwrap();
            let (mut near, mut far) = (Dribble::over(near), Dribble::over(far));
            let copying = cut(place, copy_bidirectional, |copy| copy(&mut near, &mut far));
            let was_cut = copying.await.is_none();
            drop((near, far));
            assert!("answer".starts_with(&rest_of(client).await));
            assert!("question".starts_with(&rest_of(server).await));
            was_cut
        })
        .await;
    });
}

/// A splice that is dropped may have bytes in its pipe: the next copy must not find them.
#[test]
fn a_splice_that_is_dropped_spoils_no_other() {
    run(async || {
        for round in 0..20_u8 {
            let (mut near, mut client) = pair_with_std().await;
            // Nobody reads here, so the pipe is left full.
            let (mut far, _server) = pair_with_std().await;
            let writer = std::thread::spawn(move || {
                use std::io::Write;
                let _ = client.write_all(&vec![round; 20_000_000]);
            });
            for _ in 0..2 {
                let place = Place {
                    wait: usize::from(round) + 1,
                    when_woken: false,
                };
                let copying = cut(place, copy, |copy| copy(&mut near, &mut far));
                // The last waits have no end: all buffers are full.
                let soon = runtime::time::Duration::from_millis(20);
                let _ = runtime::time::timeout(soon, copying).await;
            }
            drop((near, far));
            writer.join().unwrap();

            let (near, other) = pair().await;
            let (far, another) = pair().await;
            let sending = runtime::spawn(async move {
                other.write_all(&[0xee; 300_000]).await.unwrap();
            });
            let copying = runtime::spawn(async move { copy(&mut &near, &mut &far).await });
            let mut received = Vec::new();
            (&another).read_to_end(&mut received).await.unwrap();
            sending.await.unwrap();
            assert_eq!(copying.await.unwrap().unwrap(), 300_000);
            assert!(received == [0xee; 300_000]);
        }
    });
}
