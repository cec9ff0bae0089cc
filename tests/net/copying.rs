//! Everything from one stream to another.

use std::io::ErrorKind;
use std::pin::pin;

use net::io::{AsyncReadExt, AsyncWriteExt, BufWriter, copy, copy_bidirectional, duplex};
use tests::once::once;

use crate::run;

#[test]
fn what_was_read_is_flushed_when_nothing_more_comes() {
    run(async || {
        let (mut client, mut near) = duplex(64);
        let (far, mut server) = duplex(64);
        let copying = runtime::spawn(async move {
            // Without a flush the question would stay in this buffer.
            let mut far = BufWriter::new(far);
            let copied = copy(&mut near, &mut far).await.unwrap();
            far.write_all(b"not closed").await.unwrap();
            far.flush().await.unwrap();
            copied
        });
        client.write_all(b"question").await.unwrap();
        server.read_exact(&mut [0; 8]).await.unwrap();
        drop(client);
        assert_eq!(copying.await.unwrap(), 8);
        let mut rest = String::new();
        server.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "not closed");
    });
}

#[test]
fn both_ways_go_at_once_and_end_one_by_one() {
    run(async || {
        let (mut client, mut near) = duplex(16);
        let (mut far, mut server) = duplex(16);
        let copying = runtime::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        for _ in 0..100 {
            client.write_all(b"ping").await.unwrap();
            server.read_exact(&mut [0; 4]).await.unwrap();
            server.write_all(b"pong!").await.unwrap();
            client.read_exact(&mut [0; 5]).await.unwrap();
        }
        server.close().await.unwrap();
        assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0);
        client.write_all(b"still").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 0);
        assert_eq!(copying.await.unwrap().unwrap(), (405, 500));
    });
}

#[test]
fn an_error_of_either_ends_both() {
    run(async || {
        let (mut client, mut near) = duplex(16);
        let (mut far, server) = duplex(16);
        let mut copying = pin!(copy_bidirectional(&mut near, &mut far));
        assert!(once(copying.as_mut()).await.is_pending());
        drop(server);
        client.write_all(b"to nobody").await.unwrap();
        let error = copying.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}
