//! What only TCP has: files, and urgent bytes.

use std::fs::File;
use std::io::Read;
use std::net::{Shutdown, TcpStream as StdTcp};

use net::TcpStream;
use net::tcp::Urgent;
use runtime::task::yield_now;
use tests::cancel::{Place, cut};
use tests::fd;
use tests::place::Place as Folder;

use super::PLACES;
use super::bytes::{Writer, much, writes_all};
use crate::{pair_with_std, run_local};

#[test]
fn a_file_that_is_not_sent_is_not_sent_in_part() {
    let folder = Folder::new();
    let path = folder.file("much");
    // The bytes of `writes_all`, so that a place in it is a place here.
    let bytes = much();
    std::fs::write(&path, &bytes).unwrap();
    let file = File::open(&path).unwrap();
    run_local(async move || {
        let (mut offset, length) = (0, bytes.len() as u64);
        writes_all(async |half: &Writer<StdTcp>, bytes, place| {
            let stream: &TcpStream = half.as_ref();
            let sent = cut(place, TcpStream::send_file, |send| {
                send(stream, &file, offset, bytes.len())
            });
            let sent = sent.await.transpose().unwrap();
            offset = (offset + sent.unwrap_or(0) as u64) % length;
            sent
        })
        .await;
    });
}

#[test]
fn an_urgent_byte_is_taken_or_there() {
    run_local(async || {
        for place in PLACES {
            let (server, mut peer) = pair_with_std().await;
            let (server, urgent) = server.with_urgent().unwrap();
            let sends = async {
                fd::send_urgent(&peer, b"!");
                yield_now().await;
            };
            let waits = cut(place, Urgent::recv, |recv| recv(&urgent));
            let (taken, ()) = runtime::join!(biased; waits, sends);
            assert!(taken.is_none());
            assert_eq!(urgent.recv().await.unwrap(), Some(b'!'));

            // There is no room: neither is an urgent byte sent.
            let mut filled = 0;
            while let Ok(count) = server.try_write(&[7; 4096]) {
                filled += count;
            }
            let sent = cut(Place::FIRST, TcpStream::send_urgent, |send| {
                send(&server, b'?')
            });
            assert!(sent.await.is_none());
            // With its place not read yet, closing would be a reset.
            server.shutdown(Shutdown::Write).unwrap();
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            assert!(received.len() == filled && !received.contains(&b'?'));
        }
    });
}
