//! Pipes, and standard input and output.

use std::fs::{self, File};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read};
use std::rc::Rc;

use net::io::AsyncReadExt;
use net::pipe::{self, OpenOptions, Receiver, Sender};
use net::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
use runtime::task::yield_now;
use tests::apart::apart;
use tests::cancel::{Place, cut, everywhere};
use tests::fd;
use tests::place::Place as Folder;

use super::{PLACES, receives_all, sends_all};
use crate::{busy_pool, run, run_local};

/// So small that the sender has to wait, and so filled that each number is a read of its own.
async fn small() -> (Sender, Receiver) {
    let (sender, receiver) = pipe::packet_pipe().unwrap();
    sender.set_capacity(4096).unwrap();
    (sender, receiver)
}

#[test]
fn bytes_whose_reading_is_dropped_have_not_moved() {
    run_local(async || {
        let send = async |sender: &Sender, number: u8| {
            sender.write(&[number]).await.unwrap();
        };
        receives_all(small, send, async |receiver, place| {
            let mut buffer = [0; 8];
            let read = cut(place, Receiver::read, |read| read(receiver, &mut buffer));
            read.await?.unwrap();
            Some(buffer[0])
        })
        .await;
        receives_all(small, send, async |receiver, place| {
            let mut buffer = [0; 8];
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let read = Receiver::read_vectored;
            let read = cut(place, read, |read| read(receiver, &mut slices));
            read.await?.unwrap();
            Some(buffer[0])
        })
        .await;
        receives_all(small, send, async |receiver, place| {
            let wait = cut(place, Receiver::next_writer, |wait| wait(receiver));
            wait.await?.unwrap();
            try_read(receiver)
        })
        .await;
        receives_all(small, send, async |receiver, place| {
            let wait = cut(place, Receiver::readable, |wait| wait(receiver));
            wait.await?.unwrap();
            try_read(receiver)
        })
        .await;
    });
}

/// After a wait; what was waited for may be what was taken before.
fn try_read(receiver: &Receiver) -> Option<u8> {
    let mut buffer = [0; 8];
    match receiver.try_read(&mut buffer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        read => {
            assert_eq!(read.unwrap(), 1);
            Some(buffer[0])
        }
    }
}

#[test]
fn bytes_whose_writing_is_dropped_have_not_moved() {
    run_local(async || {
        let receive = async |receiver: &Receiver| {
            let mut buffer = [0; 8];
            receiver.read(&mut buffer).await.unwrap();
            buffer[0]
        };
        sends_all(
            small,
            async |sender, number, place| {
                let bytes = [number];
                cut(place, Sender::write, |write| write(sender, &bytes)).await
            },
            receive,
        )
        .await;
        sends_all(
            small,
            async |sender, number, place| {
                let bytes = [number];
                let slices = [IoSlice::new(&bytes)];
                let write = Sender::write_vectored;
                cut(place, write, |write| write(sender, &slices)).await
            },
            receive,
        )
        .await;
        sends_all(
            small,
            async |sender, number, place| {
                let wait = cut(place, Sender::writable, |wait| wait(sender));
                wait.await?.unwrap();
                match sender.try_write(&[number]) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                    written => Some(written),
                }
            },
            receive,
        )
        .await;
    });
}

#[test]
fn what_promises_nothing_loses_its_own_bytes_only() {
    run_local(async || {
        everywhere(async |place| {
            let (sender, receiver) = pipe::pipe().unwrap();
            runtime::spawn_local(async move {
                for byte in 0..40 {
                    sender.write(&[byte]).await.unwrap();
                    for _ in 0..3 {
                        yield_now().await;
                    }
                }
            });
            let (mut head, read) = ([0; 8], Receiver::read_exact);
            let read = cut(place, read, |read| read(&receiver, &mut head));
            let was_cut = read.await.is_none();
            let mut rest = Vec::new();
            (&receiver).read_to_end(&mut rest).await.unwrap();
            let first = usize::from(rest[0]);
            assert!(first <= 8 && rest.iter().copied().eq(first as u8..40));
            was_cut
        })
        .await;
        // Nobody reads until it is dropped, so it waits.
        let (sender, receiver) = pipe::pipe().unwrap();
        let bytes = vec![7; 2_000_000];
        let write = cut(Place::FIRST, Sender::write_all, |write| {
            write(&sender, &bytes)
        });
        assert!(write.await.is_none());
        let mut receiver = File::from(receiver.into_blocking_fd().unwrap());
        let reads = std::thread::spawn(move || {
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).unwrap();
            received
        });
        sender.write_all(b"end").await.unwrap();
        drop(sender);
        let received = reads.join().unwrap();
        let body = received.strip_suffix(b"end").unwrap();
        assert!(body.len() < bytes.len() && body.iter().all(|byte| *byte == 7));
    });
}

#[test]
fn a_sender_that_waits_for_a_reader_and_is_dropped_opens_nothing() {
    run(async || {
        let folder = Folder::new();
        let path = folder.file("fifo");
        fd::make_fifo(&path);
        for place in PLACES {
            let options = OpenOptions::new();
            let connect = OpenOptions::connect_sender;
            let connect = cut(place, connect, |connect| connect(&options, &path));
            assert!(connect.await.is_none());
            let receiver = options.open_receiver(&path).unwrap();
            // Nobody has it open to write: it is at its end, and not merely empty.
            assert_eq!(receiver.try_read(&mut [0; 1]).unwrap(), 0);
        }
    });
}

#[test]
fn a_read_of_standard_input_that_is_dropped_loses_nothing() {
    apart(|| {
        let (master, terminal) = fd::terminal();
        let (reader, writer) = fd::pipe();
        // One that is waited for, and one that a thread reads.
        for (given, other) in [(reader, writer), (master, terminal)] {
            let _put = fd::put_at(0, &given.into());
            let other = Rc::new(other);
            runtime::block_on(async {
                let pair = async || (other.clone(), stdin().unwrap());
                let send = async |file: &Rc<File>, number: u8| {
                    // Nothing that a terminal takes for a command.
                    io::Write::write_all(&mut &**file, &[number + 0x80]).unwrap();
                };
                receives_all(pair, send, async |stdin, place| {
                    let mut buffer = [0; 1];
                    let read = cut(place, Stdin::read, |read| read(stdin, &mut buffer));
                    read.await?.unwrap();
                    Some(buffer[0] - 0x80)
                })
                .await;
            });
        }
    });
}

/// The two types have the same methods, and no trait that has them too.
macro_rules! is_dropped {
    ($kind:ident, $open:ident, $number:expr) => {{
        let folder = Folder::new();
        let path = folder.file("output");
        let put = fd::put_at($number, &File::create(&path).unwrap().into());
        let (runtime, busy) = busy_pool();
        runtime.block_on(async {
            let mut output = $open().unwrap();
            assert!(output.needs_thread());
            output.write(b"written").await.unwrap();
            let first = Place::FIRST;
            let write = cut(first, $kind::write, |it| it(&mut output, b"no"));
            assert!(write.await.is_none());
            let write = cut(first, $kind::write_all, |it| it(&mut output, b"no"));
            assert!(write.await.is_none());
            let flush = cut(first, $kind::flush, |it| it(&mut output));
            assert!(flush.await.is_none());
            drop(busy);
            output.flush().await.unwrap();
        });
        drop(put);
        assert_eq!(fs::read(path).unwrap(), b"written");
    }};
}

/// What was taken over is not written yet, as the thread is busy; so nothing more is taken.
#[test]
fn a_write_to_standard_output_that_is_dropped_has_written_nothing() {
    apart(|| {
        is_dropped!(Stdout, stdout, 1);
        is_dropped!(Stderr, stderr, 2);
    });
}
