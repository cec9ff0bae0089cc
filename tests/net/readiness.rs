//! What the kernel says once, and what it does not say again: reading.
//!
//! An edge comes when something arrives, and none comes for what was left. Each test here leaves
//! something behind in one of the ways in which that happens, and then waits for it. Who takes the
//! wrong thing for a proof that nothing is left hangs in these tests.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::pin::pin;

use runtime::io::{AsyncFd, FdKind, Interest};
use tests::fd;
use tests::once::once;

use crate::{all_told, pair, pair_with_std, run};

#[test]
fn half_of_two_kilobytes_read_leaves_the_descriptor_readable_at_once() {
    run(async || {
        let (reader, mut writer) = fd::pipe();
        let reader = AsyncFd::new(reader).unwrap();
        writer.write_all(&[7; 2048]).unwrap();
        let mut kilobyte = [0; 1024];
        for _ in 0..2 {
            // The one edge comes at the first pass; at the second there is only our memory of it.
            reader.readable().await.unwrap();
            let read = reader.try_io(Interest::READABLE, |mut pipe| pipe.read(&mut kilobyte));
            assert_eq!(read.unwrap(), 1024);
            assert!(once(pin!(reader.readable())).await.is_ready());
        }
        let read = reader.try_io(Interest::READABLE, |mut pipe| pipe.read(&mut kilobyte));
        assert_eq!(read.unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(once(pin!(reader.readable())).await.is_pending());
    });
}

#[test]
fn a_pipe_is_read_to_its_end_in_steps_of_a_kilobyte() {
    run(async || {
        for kind in [FdKind::Other, FdKind::PlainPipe] {
            let (reader, mut writer) = fd::pipe();
            let reader = AsyncFd::lazy(reader, kind, "test").unwrap();
            writer.write_all(&[7; 5000]).unwrap();
            let mut kilobyte = [0; 1024];
            let mut steps = Vec::new();
            for _ in 0..5 {
                let step = reader.read_with(1024, |mut pipe| pipe.read(&mut kilobyte));
                steps.push(step.await.unwrap());
            }
            assert_eq!(steps, [1024, 1024, 1024, 1024, 904], "{kind:?}");
        }
    });
}

#[test]
fn one_byte_too_few_and_then_silence_is_waited_out_until_it_comes() {
    run(async || {
        let (reader, mut writer) = pair_with_std().await;
        writer.write_all(&[7; 4999]).unwrap();
        let mut buffer = [0; 5000];
        {
            let mut whole = pin!(reader.read_exact(&mut buffer));
            // Also when all that there is to tell was told.
            assert!(once(whole.as_mut()).await.is_pending());
            all_told().await;
            assert!(once(whole.as_mut()).await.is_pending());
            writer.write_all(&[8]).unwrap();
            whole.await.unwrap();
        }
        assert_eq!(buffer[4998..], [7, 8]);
    });
}

#[test]
fn a_short_read_that_is_trusted_loses_no_later_edge() {
    run(async || {
        let (reader, mut writer) = fd::pipe();
        let reader = AsyncFd::lazy(reader, FdKind::PlainPipe, "test").unwrap();
        let (ours, mut theirs) = pair_with_std().await;
        for round in 0..200_u8 {
            writer.write_all(&[round; 3]).unwrap();
            theirs.write_all(&[round; 3]).unwrap();
            let mut buffer = [0; 64];
            let count = reader.read_with(64, |mut pipe| pipe.read(&mut buffer));
            assert_eq!(count.await.unwrap(), 3);
            assert_eq!(buffer[..3], [round; 3]);
            assert_eq!(ours.read(&mut buffer).await.unwrap(), 3);
            assert_eq!(buffer[..3], [round; 3]);
        }
    });
}

/// The kernel ends a read at the urgent mark however much there is behind it.
#[test]
fn the_urgent_mark_of_tcp_does_not_stall_the_reader() {
    run(async || {
        for known_before in [false, true] {
            let (reader, mut writer) = pair_with_std().await;
            let mut received = Vec::new();
            let mut buffer = [0; 4096];
            if known_before {
                // The reader is registered and has drained the socket once.
                writer.write_all(b".").unwrap();
                let count = reader.read(&mut buffer).await.unwrap();
                received.extend_from_slice(&buffer[..count]);
                assert!(once(pin!(reader.read(&mut buffer))).await.is_pending());
            } else {
                writer.write_all(b".").unwrap();
            }
            writer.write_all(b"before").unwrap();
            fd::send_urgent(&writer, b"!");
            writer.write_all(b"after").unwrap();
            while received.len() < b".beforeafter".len() {
                let count = reader.read(&mut buffer).await.unwrap();
                assert_ne!(count, 0);
                received.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(received, b".beforeafter");
        }
    });
}

#[test]
fn many_urgent_marks_in_a_row_do_not_stall_the_reader() {
    run(async || {
        let (reader, mut writer) = pair_with_std().await;
        for round in 0..50_u8 {
            writer.write_all(&[round; 10]).unwrap();
            fd::send_urgent(&writer, b"!");
            writer.write_all(&[round; 10]).unwrap();
            let mut buffer = [0; 4096];
            let mut count = 0;
            while count < 20 {
                count += reader.read(&mut buffer[count..]).await.unwrap();
            }
            // A mark that is overtaken by the next one becomes a byte as any other.
            let others = buffer[..count].iter().filter(|byte| **byte != round);
            assert!(others.count() <= 1 && count <= 21);
        }
    });
}

#[test]
fn urgent_data_alone_does_not_make_the_reader_spin() {
    run(async || {
        let (reader, mut writer) = pair_with_std().await;
        writer.write_all(b"a").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 1);
        fd::send_urgent(&writer, b"!");
        // It is news once.
        reader.readable().await.unwrap();
        let read = reader.try_read(&mut buffer);
        assert_eq!(read.unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(once(pin!(reader.read(&mut buffer))).await.is_pending());
        writer.write_all(b"b").unwrap();
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 1);
        assert_eq!(buffer[0], b'b');
    });
}

#[test]
fn a_peek_that_sees_less_than_there_is_leaves_everything_to_be_read() {
    run(async || {
        let (reader, writer) = pair().await;
        writer.write_all(&[7; 3000]).await.unwrap();
        let mut buffer = [0; 4096];
        for _ in 0..3 {
            assert_eq!(reader.peek(&mut buffer[..100]).await.unwrap(), 100);
        }
        // Short, too: more was asked for than is there.
        assert_eq!(reader.peek(&mut buffer).await.unwrap(), 3000);
        reader.read_exact(&mut buffer[..3000]).await.unwrap();
        assert!(once(pin!(reader.peek(&mut buffer))).await.is_pending());
    });
}

/// A plain `recv` stops before and after bytes that came with a descriptor.
#[test]
fn a_descriptor_passed_in_the_middle_of_a_unix_stream_does_not_stall_it() {
    run(async || {
        let (reader, mut writer) = fd::unix_pair();
        let reader = AsyncFd::new(reader).unwrap();
        for _ in 0..20 {
            let passed = std::io::stderr();
            writer.write_all(b"before").unwrap();
            fd::send_with_descriptor(&writer, b"with", passed.as_fd());
            writer.write_all(b"after").unwrap();
            let mut received = Vec::new();
            let mut buffer = [0; 4096];
            let mut reads = 0;
            while received.len() < b"beforewithafter".len() {
                let read = reader.read_with(4096, |socket| fd::recv(socket, &mut buffer, 0));
                let count = read.await.unwrap();
                received.extend_from_slice(&buffer[..count]);
                reads += 1;
            }
            assert_eq!(received, b"beforewithafter");
            assert!(
                reads > 1,
                "the kernel no longer stops there: this shows nothing"
            );
        }
    });
}

#[test]
fn packets_of_a_packet_pipe_are_read_one_by_one() {
    run(async || {
        let (reader, mut writer) = fd::packet_pipe();
        let reader = AsyncFd::new(reader).unwrap();
        for packet in ["one", "three", "seventeen"] {
            writer.write_all(packet.as_bytes()).unwrap();
        }
        for packet in ["one", "three", "seventeen"] {
            let mut buffer = [0; 64];
            let read = reader.read_with(64, |mut pipe| pipe.read(&mut buffer));
            let count = read.await.unwrap();
            assert_eq!(&buffer[..count], packet.as_bytes());
        }
    });
}

#[test]
fn the_end_of_a_pipe_wakes_its_reader_and_is_read_again_and_again() {
    run(async || {
        let (reader, writer) = fd::pipe();
        let reader = AsyncFd::new(reader).unwrap();
        let read = async || {
            let mut buffer = [0; 16];
            let read = reader.read_with(16, |mut pipe| pipe.read(&mut buffer));
            read.await.unwrap()
        };
        let mut waiting = pin!(read());
        assert!(once(waiting.as_mut()).await.is_pending());
        drop(writer);
        assert_eq!(waiting.await, 0);
        for _ in 0..10 {
            assert_eq!(read().await, 0);
        }
    });
}

#[test]
fn the_last_bytes_of_a_pipe_and_its_end_may_come_at_once() {
    run(async || {
        for kind in [FdKind::Other, FdKind::PlainPipe] {
            let (reader, mut writer) = fd::pipe();
            let reader = AsyncFd::lazy(reader, kind, "test").unwrap();
            writer.write_all(b"last").unwrap();
            drop(writer);
            for expected in [4, 0, 0] {
                let mut buffer = [0; 16];
                let read = reader.read_with(16, |mut pipe| pipe.read(&mut buffer));
                assert_eq!(read.await.unwrap(), expected, "{kind:?}");
            }
        }
    });
}

#[test]
fn other_kinds_of_descriptors_can_be_waited_for_too() {
    run(async || {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        fd::set_nonblocking(&stdout);
        let stdout = AsyncFd::with_interest(
            std::fs::File::from(std::os::fd::OwnedFd::from(stdout)),
            Interest::READABLE,
        )
        .unwrap();
        let mut buffer = [0; 16];
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"through cat").unwrap();
        let read = stdout.async_io(Interest::READABLE, |mut pipe| pipe.read(&mut buffer));
        let count = read.await.unwrap();
        assert_eq!(&buffer[..count], b"through cat");
        drop(stdin);
        let read = stdout.async_io(Interest::READABLE, |mut pipe| pipe.read(&mut buffer));
        assert_eq!(read.await.unwrap(), 0);
        child.wait().unwrap();
    });
}
