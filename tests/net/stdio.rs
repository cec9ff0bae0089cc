//! Standard input, output and error, each put in place of the process's own.
//!
//! Whatever they are, others share them: after all of these the descriptor that was given is in the
//! mode in which it was given. Each runs in a process of its own.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::thread;

use net::io::AsyncReadExt;
use net::stdio::{self, stdin, stdout};
use runtime::Runtime;
use tests::apart::apart;
use tests::fd;
use tests::foreign;
use tests::once::once;
use tests::place::Place;

/// Runs a test with another standard input.
fn with_stdin(given: impl Into<OwnedFd>, test: impl AsyncFnOnce(BorrowedFd<'_>)) {
    let given = given.into();
    let _put = fd::put_at(0, &given);
    runtime::block_on(test(given.as_fd()));
    assert!(
        !fd::is_nonblocking(given.as_raw_fd()),
        "the mode is not ours to change"
    );
}

/// Runs a test with another standard output.
fn with_stdout(given: impl Into<OwnedFd>, test: impl AsyncFnOnce()) {
    let given = given.into();
    let put = fd::put_at(1, &given);
    runtime::block_on(test());
    assert!(
        !fd::is_nonblocking(given.as_raw_fd()),
        "the mode is not ours to change"
    );
    drop(put);
}

#[test]
fn a_pipe_is_waited_for_and_stays_as_it_was() {
    apart(|| {
        let (reader, mut writer) = fd::blocking_pipe();
        with_stdin(reader, async |_| {
            let mut stdin = stdin().unwrap();
            assert!(!stdin.needs_thread());
            let mut buffer = [0; 16];
            for _ in 0..3 {
                let mut waiting = pin!(stdin.read(&mut buffer));
                assert!(once(waiting.as_mut()).await.is_pending());
                writer.write_all(b"typed").unwrap();
                assert_eq!(waiting.await.unwrap(), 5);
            }
            {
                let mut waiting = pin!(stdin.read(&mut buffer));
                assert!(once(waiting.as_mut()).await.is_pending());
                drop(writer);
                assert_eq!(waiting.await.unwrap(), 0);
            }
            assert_eq!(stdin.read(&mut buffer).await.unwrap(), 0);
        });
    });
}

#[test]
fn a_socket_is_waited_for_and_stays_as_it_was() {
    apart(|| {
        let (given, mut peer) = UnixStream::pair().unwrap();
        with_stdin(given, async |given| {
            let mut stdin = stdin().unwrap();
            assert!(!stdin.needs_thread());
            let mut buffer = [0; 16];
            {
                let mut waiting = pin!(stdin.read(&mut buffer));
                assert!(once(waiting.as_mut()).await.is_pending());
                assert!(!fd::is_nonblocking(given.as_raw_fd()));
                peer.write_all(b"sent").unwrap();
                assert_eq!(waiting.await.unwrap(), 4);
            }
            assert!(once(pin!(stdin.read(&mut buffer))).await.is_pending());
        });
    });
}

#[test]
fn a_terminal_is_waited_for_and_stays_as_it_was() {
    apart(|| {
        let (mut master, terminal) = fd::terminal();
        assert!(terminal.is_terminal());
        with_stdin(terminal, async |_| {
            let mut stdin = stdin().unwrap();
            assert!(!stdin.needs_thread());
            let mut buffer = [0; 64];
            for line in ["first\n", "second\n"] {
                let mut waiting = pin!(stdin.read(&mut buffer));
                assert!(once(waiting.as_mut()).await.is_pending());
                master.write_all(line.as_bytes()).unwrap();
                assert_eq!(waiting.await.unwrap(), line.len());
            }
            // Several lines, and a short read for each.
            master.write_all(b"a\nbb\nccc\n").unwrap();
            for length in [2, 3, 4] {
                assert_eq!(stdin.read(&mut buffer).await.unwrap(), length);
            }
        });
    });
}

#[test]
fn a_file_is_read_on_a_thread_from_where_it_stands() {
    apart(|| {
        let place = Place::new();
        let path = place.file("input");
        std::fs::write(&path, "skipped and read").unwrap();
        let mut file = File::open(&path).unwrap();
        file.read_exact(&mut [0; 12]).unwrap();
        let mut same = file.try_clone().unwrap();
        with_stdin(file, async |_| {
            let mut stdin = stdin().unwrap();
            assert!(stdin.needs_thread());
            let mut text = String::new();
            let mut buffer = [0; 3];
            loop {
                match stdin.read(&mut buffer).await.unwrap() {
                    0 => break,
                    count => text.push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
                }
            }
            assert_eq!(text, "read");
            assert_eq!(stdin.read(&mut []).await.unwrap(), 0);
        });
        assert_eq!(same.stream_position().unwrap(), 16);
    });
}

#[test]
fn what_a_thread_reads_for_a_future_that_is_dropped_is_kept() {
    apart(|| {
        // A terminal's program side is not opened anew, so a thread sits in the read.
        let (master, mut terminal) = fd::terminal();
        with_stdin(master, async |_| {
            let mut stdin = stdin().unwrap();
            assert!(stdin.needs_thread());
            let mut large = [0; 64];
            assert!(once(pin!(stdin.read(&mut large))).await.is_pending());
            terminal.write_all(b"kept").unwrap();
            let mut small = [0; 3];
            assert_eq!(stdin.read(&mut small).await.unwrap(), 3);
            assert_eq!(&small, b"kep");
            assert_eq!(stdin.read(&mut small).await.unwrap(), 1);
        });
    });
}

#[test]
fn the_end_of_a_runtime_does_not_wait_for_a_read() {
    apart(|| {
        let (master, _terminal) = fd::terminal();
        let given = OwnedFd::from(master);
        let _put = fd::put_at(0, &given);
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let mut stdin = stdin().unwrap();
            assert!(once(pin!(stdin.read(&mut [0; 1]))).await.is_pending());
        });
        drop(runtime);
        // And the process ends, though the thread is still there.
    });
}

#[test]
fn nothing_is_an_end_at_once() {
    apart(|| {
        with_stdin(File::open("/dev/null").unwrap(), async |_| {
            let mut stdin = stdin().unwrap();
            assert!(stdin.needs_thread());
            assert_eq!(stdin.read(&mut [0; 16]).await.unwrap(), 0);
        });
    });
}

#[test]
fn a_fifo_whose_writer_has_gone_is_at_its_end() {
    apart(|| {
        for written in [&b""[..], b"typed"] {
            let place = Place::new();
            let path = place.file("fifo");
            fd::make_fifo(&path);
            let opened = thread::spawn({
                let path = path.clone();
                move || File::open(path).unwrap()
            });
            let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
            let reader = opened.join().unwrap();
            writer.write_all(written).unwrap();
            drop(writer);
            with_stdin(reader, async |_| {
                let mut stdin = stdin().unwrap();
                let mut text = String::new();
                stdin.read_to_string(&mut text).await.unwrap();
                assert_eq!(text.as_bytes(), written);
            });
        }
    });
}

#[test]
fn the_writing_end_of_a_pipe_is_no_input() {
    apart(|| {
        let (mut reader, writer) = fd::blocking_pipe();
        with_stdin(writer, async |given| {
            let mut writer = File::from(given.try_clone_to_owned().unwrap());
            writer.write_all(b"for the reader").unwrap();
            let mut stdin = stdin().unwrap();
            let error = stdin.read(&mut [0; 16]).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        });
        let mut all = String::new();
        reader.read_to_string(&mut all).unwrap();
        assert_eq!(all, "for the reader");
    });
}

#[test]
fn output_to_a_pipe_waits_for_room() {
    apart(|| {
        let (mut reader, writer) = fd::blocking_pipe();
        let reads = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        with_stdout(writer, async || {
            let mut stdout = stdout().unwrap();
            assert!(!stdout.needs_thread());
            stdout.write_all(&[b'x'; 300_000]).await.unwrap();
            stdout.flush().await.unwrap();
        });
        assert_eq!(reads.join().unwrap().len(), 300_000);
    });
}

#[test]
fn output_to_a_pipe_that_nobody_reads_is_an_error() {
    apart(|| {
        let (reader, writer) = fd::blocking_pipe();
        let mut reader = Some(reader);
        with_stdout(writer, async || {
            let mut opened = stdout().unwrap();
            reader.take();
            let error = opened.write_all(b"x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            let error = stdout().unwrap().write(b"x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn output_to_a_file_is_written_when_it_is_flushed() {
    apart(|| {
        let place = Place::new();
        let path = place.file("output");
        let file = File::create(&path).unwrap();
        with_stdout(file, async || {
            let mut stdout = stdout().unwrap();
            assert!(stdout.needs_thread());
            stdout.write_all(b"one ").await.unwrap();
            stdout.write_all(&[b'x'; 200_000]).await.unwrap();
            stdout.flush().await.unwrap();
        });
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 200_004);
        let read_only = OpenOptions::new().read(true).open(&path).unwrap();
        with_stdout(read_only, async || {
            let mut stdout = stdout().unwrap();
            // The error is told at the next call.
            assert_eq!(stdout.write(b"x").await.unwrap(), 1);
            let error = stdout.write(b"y").await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        });
    });
}

#[test]
fn output_to_a_socket_waits_for_room() {
    apart(|| {
        let (given, mut peer) = UnixStream::pair().unwrap();
        let reads = std::thread::spawn(move || {
            let mut all = vec![0; 1_000_000];
            peer.read_exact(&mut all).unwrap();
        });
        with_stdout(given, async || {
            let mut stdout = stdout().unwrap();
            assert!(!stdout.needs_thread());
            stdout.write_all(&vec![7; 1_000_000]).await.unwrap();
        });
        reads.join().unwrap();
    });
}

#[test]
fn handles_need_a_runtime() {
    apart(|| {
        let (given, _peer) = UnixStream::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        for given in [OwnedFd::from(given), OwnedFd::from(file)] {
            let _put = fd::put_at(0, &given);
            let message = foreign::block_on(async { stdin() })
                .unwrap_err()
                .to_string();
            assert!(message.contains("stdio::stdin"), "{message}");
            assert!(message.contains(file!()), "{message}");
        }
        runtime::block_on(async { stdio::stderr() }).unwrap();
    });
}
