//! Urgent bytes, which overtake the stream and must not disturb those who read it.

use std::io::Write;
use std::pin::pin;

use tests::fd;
use tests::once::once;

use crate::{pair, pair_with_std, run};

#[test]
fn an_urgent_byte_overtakes_what_was_sent_before_it() {
    run(async || {
        let (client, server) = pair().await;
        let (server, urgent) = server.with_urgent().unwrap();
        client.write_all(b"earlier").await.unwrap();
        client.send_urgent(b'!').await.unwrap();
        client.write_all(b" later").await.unwrap();
        assert_eq!(urgent.recv().await.unwrap(), Some(b'!'));
        let mut all = [0; 13];
        server.read_exact(&mut all).await.unwrap();
        assert_eq!(&all, b"earlier later");
    });
}

#[test]
fn who_waits_for_urgent_bytes_does_not_spin_beside_others() {
    run(async || {
        let (client, server) = pair().await;
        let (server, urgent) = server.with_urgent().unwrap();
        client.write_all(b"unread").await.unwrap();
        server.readable().await.unwrap();
        let mut waiting = pin!(urgent.recv());
        assert!(once(waiting.as_mut()).await.is_pending());
        runtime::task::yield_now().await;
        assert!(once(waiting.as_mut()).await.is_pending());
        // And it has taken no readiness away from who reads.
        let mut buffer = [0; 8];
        assert_eq!(server.try_read(&mut buffer).unwrap(), 6);
        client.send_urgent(b'?').await.unwrap();
        assert_eq!(waiting.await.unwrap(), Some(b'?'));
    });
}

#[test]
fn urgent_bytes_come_one_after_the_other_and_end_with_the_stream() {
    run(async || {
        let (ours, mut peer) = pair_with_std().await;
        let (ours, urgent) = ours.with_urgent().unwrap();
        for byte in *b"abc" {
            let mut waiting = pin!(urgent.recv());
            assert!(once(waiting.as_mut()).await.is_pending());
            peer.write_all(b"-").unwrap();
            fd::send_urgent(&peer, &[byte]);
            assert_eq!(waiting.await.unwrap(), Some(byte));
            // The reader must pass its place before the next comes.
            let mut ordinary = [0; 2];
            assert_eq!(ours.read(&mut ordinary).await.unwrap(), 1);
            assert_eq!(ordinary[0], b'-');
        }
        drop(peer);
        assert_eq!(urgent.recv().await.unwrap(), None);
        let mut rest = [0; 3];
        assert_eq!(ours.read(&mut rest).await.unwrap(), 0);
    });
}

#[test]
fn urgent_bytes_can_stay_in_their_place() {
    run(async || {
        let (client, server) = pair().await;
        assert!(!server.oob_inline().unwrap());
        server.set_oob_inline(true).unwrap();
        assert!(server.oob_inline().unwrap());
        client.write_all(b"one").await.unwrap();
        client.send_urgent(b'!').await.unwrap();
        client.write_all(b"two").await.unwrap();
        let mut all = [0; 7];
        server.read_exact(&mut all).await.unwrap();
        assert_eq!(&all, b"one!two");
    });
}
