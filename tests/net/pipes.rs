//! Pipes and FIFOs: room, borders, and an end that is none.

use std::fs::{File, OpenOptions as StdOptions};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::pin::pin;

use net::pipe::{self, OpenOptions, Receiver, Sender};
use tests::fd;
use tests::foreign;
use tests::once::once;
use tests::place::Place;

use crate::{run, through_traits, woken};

/// A FIFO in a folder of its own.
fn fifo() -> (Place, PathBuf) {
    let place = Place::new();
    let path = place.file("fifo");
    fd::make_fifo(&path);
    (place, path)
}

/// Writes until there is no room, and says how many bytes there was room for.
fn fill(sender: &Sender) -> usize {
    let mut written = 0;
    loop {
        match sender.try_write(&[7; 4096]) {
            Ok(count) => written += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return written;
            }
        }
    }
}

#[test]
fn bytes_go_through_in_all_ways() {
    run(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let mut buffer = [0; 3];
        let dry = receiver.try_read(&mut buffer).unwrap_err();
        assert_eq!(dry.kind(), ErrorKind::WouldBlock);
        sender.write_all(b"all").await.unwrap();
        assert_eq!(sender.try_write(b"try").unwrap(), 3);
        sender.writable().await.unwrap();
        let slices = [IoSlice::new(b"vec"), IoSlice::new(b"tor")];
        assert_eq!(sender.write_vectored(&slices).await.unwrap(), 6);
        receiver.read_exact(&mut buffer).await.unwrap();
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read(&mut buffer).unwrap(), 3);
        let (mut first, mut second) = ([0; 3], [0; 3]);
        let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(receiver.read_vectored(&mut slices).await.unwrap(), 6);
        assert_eq!((&first, &second), (b"vec", b"tor"));
        let same = File::from(sender.as_fd().try_clone_to_owned().unwrap());
        sender.try_io(|| (&same).write(b"own")).unwrap();
        let same = File::from(receiver.as_fd().try_clone_to_owned().unwrap());
        receiver.readable().await.unwrap();
        receiver.try_io(|| (&same).read(&mut buffer)).unwrap();
        assert_eq!(&buffer, b"own");
    });
}

#[test]
fn a_megabyte_passes_a_reader_who_is_slow() {
    run(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
        let expected = sent.clone();
        let writer = runtime::spawn(async move { sender.write_all(&sent).await });
        let mut received = Vec::new();
        let mut buffer = [0; 777];
        loop {
            match receiver.read(&mut buffer).await.unwrap() {
                0 => break,
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
        writer.await.unwrap().unwrap();
        assert!(received == expected);
    });
}

#[test]
fn the_traits_of_futures_io_are_there() {
    run(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        through_traits(receiver, sender).await;
    });
}

#[test]
fn a_reader_that_goes_wakes_the_writer_with_an_error() {
    run(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        fill(&sender);
        let mut waiting = pin!(sender.write(b"more"));
        assert!(once(waiting.as_mut()).await.is_pending());
        drop(receiver);
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        sender.writable().await.unwrap();
        let again = sender.try_write(b"more").unwrap_err();
        assert_eq!(again.kind(), ErrorKind::BrokenPipe);
    });
}

/// Four of them: the step functions of a descriptor remember the first task and the latest.
#[test]
fn all_who_want_the_whole_of_something_are_woken() {
    run(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let tasks = [(); 4].map(|()| foreign::Foreign::new().armed());
        let mut buffers = [[0; 1]; 4];
        let mut reads: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| Box::pin(receiver.read_exact(buffer)))
            .collect();
        for (read, task) in reads.iter_mut().zip(&tasks) {
            assert!(foreign::poll(read, &task.waker()).is_pending());
        }
        sender.write_all(b"1234").await.unwrap();
        for (read, task) in reads.into_iter().zip(&tasks) {
            woken(task).await;
            read.await.unwrap();
        }
        assert_eq!(buffers.as_flattened(), b"1234");

        let room = fill(&sender);
        let tasks = [(); 4].map(|()| foreign::Foreign::new().armed());
        let mut writes = [(); 4].map(|()| Box::pin(sender.write_all(b"x")));
        for (write, task) in writes.iter_mut().zip(&tasks) {
            assert!(foreign::poll(write, &task.waker()).is_pending());
        }
        receiver.read_exact(&mut vec![0; room]).await.unwrap();
        for (write, task) in writes.into_iter().zip(&tasks) {
            woken(task).await;
            write.await.unwrap();
        }
    });
}

#[test]
fn a_larger_pipe_wakes_the_writer() {
    run(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let before = sender.capacity().unwrap();
        assert_eq!(fill(&sender), before);
        let busy = receiver.set_capacity(4096).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
        let mut waiting = pin!(sender.write(b"more"));
        assert!(once(waiting.as_mut()).await.is_pending());
        let after = receiver.set_capacity(before + 1).unwrap();
        assert!(after > before);
        assert_eq!(sender.capacity().unwrap(), after);
        assert_eq!(waiting.await.unwrap(), 4);
        let small = pipe::pipe().unwrap();
        assert_eq!(
            small.0.set_capacity(1).unwrap(),
            small.1.capacity().unwrap()
        );
        assert_eq!(fill(&small.0), small.0.capacity().unwrap());
    });
}

#[test]
fn packets_keep_their_borders_and_what_does_not_fit_is_gone() {
    run(async || {
        let (sender, receiver) = pipe::packet_pipe().unwrap();
        let mut buffer = [0; 8];
        assert!(once(pin!(receiver.read(&mut buffer))).await.is_pending());
        for packet in ["one", "two of them", "three"] {
            sender.write(packet.as_bytes()).await.unwrap();
        }
        for expected in ["one", "two of t", "three"] {
            let count = receiver.read(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..count], expected.as_bytes());
        }
        let dry = receiver.try_read(&mut buffer).unwrap_err();
        assert_eq!(dry.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_writer_without_a_reader_is_refused_or_waits() {
    run(async || {
        let (_place, path) = fifo();
        let refused = OpenOptions::new().open_sender(&path).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ENXIO));
        let options = OpenOptions::new();
        let mut waiting = pin!(options.connect_sender(&path));
        assert!(once(waiting.as_mut()).await.is_pending());
        assert!(once(waiting.as_mut()).await.is_pending());
        let receiver = options.open_receiver(&path).unwrap();
        let sender = waiting.await.unwrap();
        sender.write_all(b"hello").await.unwrap();
        receiver.read_exact(&mut [0; 5]).await.unwrap();
        // Its own reader will do.
        drop((sender, receiver));
        let both = OpenOptions::new().read_write(true);
        both.open_sender(&path)
            .unwrap()
            .write_all(b"x")
            .await
            .unwrap();
    });
}

#[test]
fn a_reader_waits_for_the_first_writer() {
    run(async || {
        let (_place, path) = fifo();
        let receiver = OpenOptions::new().open_receiver(&path).unwrap();
        let mut buffer = [0; 16];
        let mut waiting = pin!(receiver.read(&mut buffer));
        assert!(once(waiting.as_mut()).await.is_pending());
        let sender = OpenOptions::new().open_sender(&path).unwrap();
        assert!(once(waiting.as_mut()).await.is_pending());
        sender.write_all(b"first").await.unwrap();
        assert_eq!(waiting.await.unwrap(), 5);
    });
}

/// The hang-up of the last writer is gone when another one opens: it must not be remembered.
#[test]
fn the_end_of_a_fifo_is_over_when_another_writer_comes() {
    run(async || {
        let (_place, path) = fifo();
        let receiver = OpenOptions::new().open_receiver(&path).unwrap();
        let mut buffer = [0; 16];
        for round in 0..5 {
            let sender = OpenOptions::new().open_sender(&path).unwrap();
            {
                let mut waiting = pin!(receiver.read(&mut buffer));
                assert!(once(waiting.as_mut()).await.is_pending(), "{round}");
                sender.write_all(b"words").await.unwrap();
                assert_eq!(waiting.await.unwrap(), 5);
            }
            drop(sender);
            for _ in 0..3 {
                assert_eq!(receiver.read(&mut buffer).await.unwrap(), 0);
            }
        }
    });
}

#[test]
fn after_the_end_the_next_writer_is_waited_for_and_not_by_spinning() {
    run(async || {
        let (_place, path) = fifo();
        let receiver = OpenOptions::new().open_receiver(&path).unwrap();
        let open = || OpenOptions::new().open_sender(&path).unwrap();
        let mut buffer = [0; 16];
        open().write_all(b"one").await.unwrap();
        for _ in 0..5 {
            receiver.next_writer().await.unwrap();
            assert_eq!(receiver.read(&mut buffer).await.unwrap(), 3);
            assert_eq!(receiver.read(&mut buffer).await.unwrap(), 0);
            let counts = foreign::Foreign::new().armed();
            let mut waiting = pin!(receiver.next_writer());
            assert!(foreign::poll(&mut waiting, &counts.waker()).is_pending());
            assert!(foreign::poll(&mut waiting, &counts.waker()).is_pending());
            // Some come and go without a word.
            drop(open());
            assert!(once(waiting.as_mut()).await.is_pending());
            drop(open());
            runtime::task::yield_now().await;
            assert!(counts.wakes() <= 2, "{} wakes", counts.wakes());
            open().write_all(b"two").await.unwrap();
            waiting.await.unwrap();
        }
    });
}

#[test]
fn a_reader_that_writes_too_never_meets_an_end() {
    run(async || {
        let (_place, path) = fifo();
        let both = OpenOptions::new().read_write(true);
        let receiver = both.open_receiver(&path).unwrap();
        let mut buffer = [0; 16];
        for _ in 0..3 {
            let sender = OpenOptions::new().open_sender(&path).unwrap();
            sender.write_all(b"words").await.unwrap();
            drop(sender);
            assert_eq!(receiver.read(&mut buffer).await.unwrap(), 5);
            assert!(once(pin!(receiver.read(&mut buffer))).await.is_pending());
        }
    });
}

/// Another program may turn it on at its end; nobody asks this one.
#[test]
fn a_fifo_in_packet_mode_stalls_no_reader() {
    run(async || {
        let (_place, path) = fifo();
        let receiver = OpenOptions::new().open_receiver(&path).unwrap();
        let mut buffer = [0; 64];
        let mut writer = StdOptions::new().write(true).open(&path).unwrap();
        assert!(once(pin!(receiver.read(&mut buffer))).await.is_pending());
        fd::set_packets(&writer);
        writer.write_all(b"one").unwrap();
        writer.write_all(b"two").unwrap();
        for _ in 0..2 {
            assert_eq!(receiver.read(&mut buffer).await.unwrap(), 3);
        }
    });
}

/// Whoever is shown the end that writes may turn it on, also while a read waits already.
#[test]
fn a_pipe_of_ours_that_is_put_into_packet_mode_stalls_no_reader() {
    run(async || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let mut buffer = [0; 64];
        let mut writer = {
            let mut waiting = pin!(receiver.read(&mut buffer));
            assert!(once(waiting.as_mut()).await.is_pending());
            let mut writer = File::from(sender.into_nonblocking_fd());
            fd::set_packets(&writer);
            for packet in [b"one", b"two", b"six"] {
                writer.write_all(packet).unwrap();
            }
            assert_eq!(waiting.await.unwrap(), 3);
            writer
        };
        for expected in [b"two", b"six"] {
            assert_eq!(receiver.read(&mut buffer).await.unwrap(), 3);
            assert_eq!(&buffer[..3], expected);
        }
        // It was open all the time: its end would have woken the reader.
        writer.write_all(b"end").unwrap();
        assert_eq!(receiver.read(&mut buffer).await.unwrap(), 3);
    });
}

#[test]
fn what_is_no_fifo_is_refused_with_the_cure() {
    run(async || {
        let place = Place::new();
        let path = place.file("regular");
        std::fs::write(&path, "text").unwrap();
        for error in [
            OpenOptions::new().open_receiver(&path).unwrap_err(),
            OpenOptions::new().open_sender(&path).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("no FIFO"), "{error}");
        }
        let missing = OpenOptions::new().open_receiver(place.file("missing"));
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
        let file = File::open(&path).unwrap();
        Receiver::try_from(file).unwrap_err();
        let (reader, writer) = fd::pipe();
        Sender::try_from(reader).unwrap_err();
        Receiver::try_from(writer).unwrap_err();
    });
    let error = pipe::pipe().unwrap_err();
    assert!(error.to_string().contains("pipe::pipe"), "{error}");
    assert!(error.to_string().contains(file!()), "{error}");
}

#[test]
fn ends_are_taken_over_and_given_away_in_the_mode_that_is_wanted() {
    run(async || {
        let (reader, writer) = fd::blocking_pipe();
        let receiver = Receiver::from_owned_fd(OwnedFd::from(reader)).unwrap();
        let sender = Sender::from_owned_fd(OwnedFd::from(writer)).unwrap();
        assert!(fd::is_nonblocking(receiver.as_raw_fd()) && fd::is_nonblocking(sender.as_raw_fd()));
        sender.write_all(b"x").await.unwrap();
        receiver.read_exact(&mut [0; 1]).await.unwrap();
        let number = receiver.as_raw_fd();
        let reader = receiver.into_blocking_fd().unwrap();
        assert_eq!(reader.as_raw_fd(), number);
        assert!(!fd::is_nonblocking(reader.as_raw_fd()));
        let writer = sender.into_nonblocking_fd();
        assert!(fd::is_nonblocking(writer.as_raw_fd()));
        File::from(writer).write_all(b"y").unwrap();
        File::from(reader).read_exact(&mut [0; 1]).unwrap();
    });
}
