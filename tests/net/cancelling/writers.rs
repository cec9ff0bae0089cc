//! Writers of `net::io`: what is taken is taken as a whole.

use std::io::IoSlice;

use net::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tests::cancel::{Place, cut, everywhere};

use super::Dribble;
use crate::run;

#[test]
fn a_writer_with_a_buffer_takes_all_or_nothing() {
    run(async || {
        everywhere(async |place| {
            let mut writer = BufWriter::with_capacity(8, Dribble::over(Vec::new()));
            writer.write_all(b"before").await.unwrap();
            let write = BufWriter::write_all;
            let write = cut(place, write, |write| write(&mut writer, b"in the middle"));
            let was_cut = write.await.is_none();
            writer.write_all(b"after").await.unwrap();
            writer.flush().await.unwrap();
            let expected: &[u8] = if was_cut {
                b"beforeafter"
            } else {
                b"beforein the middleafter"
            };
            assert_eq!(writer.into_inner().stream, expected);
            was_cut
        })
        .await;
    });
}

#[test]
fn a_flush_and_a_close_go_on_where_they_were() {
    run(async || {
        for close in [false, true] {
            everywhere(async |place| {
                let mut writer = BufWriter::new(Dribble::over(Vec::new()));
                writer.write_all(b"some bytes").await.unwrap();
                let was_cut = if close {
                    let close = cut(place, AsyncWriteExt::close, |close| close(&mut writer));
                    let was_cut = close.await.is_none();
                    writer.close().await.unwrap();
                    was_cut
                } else {
                    let flush = cut(place, AsyncWriteExt::flush, |flush| flush(&mut writer));
                    let was_cut = flush.await.is_none();
                    writer.flush().await.unwrap();
                    was_cut
                };
                assert_eq!(writer.into_inner().stream, b"some bytes");
                was_cut
            })
            .await;
        }
    });
}

#[test]
fn a_single_write_has_happened_or_not() {
    run(async || {
        let mut writer = Dribble::over(Vec::new());
        for byte in 0..20_u8 {
            let bytes = [byte];
            if byte % 2 == 0 {
                let write = AsyncWriteExt::write;
                while cut(Place::FIRST, write, |write| write(&mut writer, &bytes))
                    .await
                    .is_none()
                {}
            } else {
                let slices = [IoSlice::new(&bytes)];
                let write = AsyncWriteExt::write_vectored;
                while cut(Place::FIRST, write, |write| write(&mut writer, &slices))
                    .await
                    .is_none()
                {}
            }
        }
        assert!(writer.stream.iter().copied().eq(0..20));
        everywhere(async |place| {
            let mut writer = Dribble::over(Vec::new());
            let write = cut(place, AsyncWriteExt::write_u8, |write| {
                write(&mut writer, 1)
            });
            let was_cut = write.await.is_none();
            assert_eq!(writer.stream.len(), usize::from(!was_cut));
            was_cut
        })
        .await;
    });
}

/// They promise nothing about their own bytes: what is written behind those arrives.
#[test]
fn what_promises_nothing_loses_its_own_bytes_only() {
    run(async || {
        everywhere(async |place| {
            let mut writer = Dribble::over(Vec::new());
            let write = AsyncWriteExt::write_all;
            let write = cut(place, write, |write| write(&mut writer, b"words"));
            let was_cut = write.await.is_none();
            writer.write_all(b"!").await.unwrap();
            let written = writer.stream;
            assert!(b"words".starts_with(written.strip_suffix(b"!").unwrap()));
            was_cut
        })
        .await;
        everywhere(async |place| {
            let mut writer = Dribble::over(Vec::new());
            let write = AsyncWriteExt::write_u32;
            let write = cut(place, write, |write| write(&mut writer, 0x0102_0304));
            let was_cut = write.await.is_none();
            let mut written = Vec::new();
            (&writer.stream[..])
                .read_to_end(&mut written)
                .await
                .unwrap();
            assert!([1, 2, 3, 4].starts_with(&written));
            was_cut
        })
        .await;
    });
}
