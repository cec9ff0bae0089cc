//! Copying between two connections, which the kernel does by itself: byte-exact whatever happens.

use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream as StdStream};
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use std::thread;

use futures_io::AsyncRead;
use net::TcpStream;
use net::io::{copy, copy_bidirectional};
use runtime::Builder;
use runtime::task::JoinHandle;
use tests::apart::apart;
use tests::deadline::soon;
use tests::fd;
use tests::process::{default_signal, descriptor_limit, limit_descriptors, works};
use tests::skip;

use crate::{pair, pair_with_std, run};

/// Bytes of which none tells its place.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

type Copying = JoinHandle<std::io::Result<(u64, u64)>>;

/// Two peers, and a copy both ways between them.
async fn proxied() -> (StdStream, StdStream, Copying) {
    let (mut near, client) = pair_with_std().await;
    let (mut far, server) = pair_with_std().await;
    let copying = runtime::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
    (client, server, copying)
}

fn send_and_end(mut stream: StdStream, bytes: Vec<u8>) -> thread::JoinHandle<StdStream> {
    thread::spawn(move || {
        stream.write_all(&bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream
    })
}

fn receive(mut stream: StdStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before a reset counts too.
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

#[test]
fn much_goes_both_ways_at_once() {
    run(async || {
        let (client, server, copying) = proxied().await;
        let (question, answer) = (noise(1, 5_000_000), noise(2, 3_333_333));
        let received = [client.try_clone(), server.try_clone()].map(|it| receive(it.unwrap()));
        let _asked = send_and_end(client, question.clone());
        let _answered = send_and_end(server, answer.clone());
        assert_eq!(copying.await.unwrap().unwrap(), (5_000_000, 3_333_333));
        let [at_client, at_server] = received.map(|it| it.join().unwrap());
        assert!(at_client == answer && at_server == question);
    });
}

#[test]
fn many_copies_on_several_workers_do_not_mix() {
    soon(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(3)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut all = Vec::new();
            for round in 0..20 {
                let (client, server, copying) = proxied().await;
                let question = noise(round, 400_000);
                let at_server = receive(server.try_clone().unwrap());
                drop(send_and_end(client, question.clone()));
                server.shutdown(Shutdown::Write).unwrap();
                all.push((copying, at_server, question));
            }
            for (copying, at_server, question) in all {
                assert_eq!(copying.await.unwrap().unwrap(), (400_000, 0));
                assert!(at_server.join().unwrap() == question);
            }
        });
    });
}

#[test]
fn an_end_is_passed_on_and_the_other_way_goes_on() {
    run(async || {
        let (client, server, copying) = proxied().await;
        let question = noise(3, 1_000_000);
        let asked = send_and_end(client, question.clone());
        let at_server = receive(server.try_clone().unwrap());
        let answering = thread::spawn(move || {
            // Only after the question has ended.
            assert!(at_server.join().unwrap() == question);
            let answer = noise(4, 700_000);
            drop(send_and_end(server, answer.clone()).join().unwrap());
            answer
        });
        assert_eq!(copying.await.unwrap().unwrap(), (1_000_000, 700_000));
        let at_client = receive(asked.join().unwrap()).join().unwrap();
        assert!(at_client == answering.join().unwrap());
    });
}

#[test]
fn small_messages_are_not_held_back() {
    run(async || {
        let (mut client, mut server, copying) = proxied().await;
        let talking = thread::spawn(move || {
            let mut buffer = vec![0; 20_000];
            for size in [1, 100, 20_000, 1, 8192, 5, 8191, 8193, 1] {
                client.write_all(&buffer[..size]).unwrap();
                server.read_exact(&mut buffer[..size]).unwrap();
                server.write_all(&buffer[..size]).unwrap();
                client.read_exact(&mut buffer[..size]).unwrap();
            }
        });
        let (there, back) = copying.await.unwrap().unwrap();
        talking.join().unwrap();
        assert_eq!(there, back);
    });
}

#[test]
fn a_reader_that_takes_its_time_gets_it_all() {
    run(async || {
        let (client, mut server, copying) = proxied().await;
        let question = noise(5, 8_000_000);
        let _asked = send_and_end(client, question.clone());
        let slowly = thread::spawn(move || {
            let (mut all, mut some) = (Vec::new(), vec![0; 50_001]);
            loop {
                match server.read(&mut some).unwrap() {
                    0 => return all,
                    count => all.extend_from_slice(&some[..count]),
                }
                thread::yield_now();
            }
        });
        assert_eq!(copying.await.unwrap().unwrap().0, 8_000_000);
        assert!(slowly.join().unwrap() == question);
    });
}

/// Splice finds nothing at the place of an urgent byte, or an end, though there is more behind it.
#[test]
fn an_urgent_byte_in_the_middle_stops_nothing() {
    run(async || {
        for parts in [[100_000, 100_000], [100_000, 1], [0, 100_000]] {
            let (mut client, server, copying) = proxied().await;
            let at_server = receive(server);
            let question = noise(6, parts[0] + parts[1]);
            let sent = question.clone();
            let asking = thread::spawn(move || {
                client.write_all(&sent[..parts[0]]).unwrap();
                fd::send_urgent(&client, b"!");
                client.write_all(&sent[parts[0]..]).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                client
            });
            let (there, _) = copying.await.unwrap().unwrap();
            drop(asking.join().unwrap());
            // The urgent byte itself is no part of the stream.
            assert_eq!(there, question.len() as u64);
            assert!(at_server.join().unwrap() == question);
        }
    });
}

/// All is there before the copy begins, so no event will come to help.
#[test]
fn what_lies_behind_an_urgent_byte_is_not_waited_for() {
    run(async || {
        let (near, mut client) = pair_with_std().await;
        let (far, mut server) = pair_with_std().await;
        let question = noise(12, 100_000);
        client.write_all(&question[..99_000]).unwrap();
        fd::send_urgent(&client, b"!");
        client.write_all(&question[99_000..]).unwrap();
        while near.info().unwrap().bytes_received() < 100_001 {
            runtime::task::yield_now().await;
        }
        let copying = runtime::spawn(async move { copy(&mut &near, &mut &far).await });
        let receiving = thread::spawn(move || {
            let mut all = vec![0; 100_000];
            server.read_exact(&mut all).unwrap();
            (server, all)
        });
        while !receiving.is_finished() {
            runtime::task::yield_now().await;
        }
        assert!(receiving.join().unwrap().1 == question);
        drop(client);
        assert_eq!(copying.await.unwrap().unwrap(), 100_000);
    });
}

/// Whatever is cut off when: what arrives is the beginning of what was sent, and nothing else.
#[test]
fn resets_and_ends_at_random_corrupt_nothing() {
    run(async || {
        for round in 0..60_u64 {
            let (client, server, copying) = proxied().await;
            let dice = noise(round + 100, 4);
            let question = noise(round, (usize::from(dice[0]) + 1) * 4001);
            let answer = noise(round + 1000, (usize::from(dice[1]) + 1) * 3001);
            let [at_client, at_server] =
                [client.try_clone(), server.try_clone()].map(|it| receive(it.unwrap()));
            let cut = |stream: StdStream, bytes: Vec<u8>, die: u8| {
                thread::spawn(move || {
                    let stop = if die % 3 == 0 {
                        bytes.len() / 2
                    } else {
                        bytes.len()
                    };
                    let mut stream = stream;
                    let _ = stream.write_all(&bytes[..stop]);
                    if die % 3 == 0 {
                        fd::reset_on_close(&stream);
                    }
                    if die % 3 != 1 {
                        let _ = stream.shutdown(Shutdown::Both);
                    } else {
                        let _ = stream.shutdown(Shutdown::Write);
                    }
                })
            };
            let threads = [
                cut(client, question.clone(), dice[2]),
                cut(server, answer.clone(), dice[3]),
            ];
            let outcome = copying.await.unwrap();
            threads.into_iter().for_each(|it| it.join().unwrap());
            let (at_client, at_server) = (at_client.join().unwrap(), at_server.join().unwrap());
            assert!(answer.starts_with(&at_client), "round {round}");
            assert!(question.starts_with(&at_server), "round {round}");
            if dice[2] % 3 == 1 && dice[3] % 3 == 1 {
                outcome.unwrap();
                assert!(at_client == answer && at_server == question);
            }
        }
    });
}

#[test]
fn a_reset_is_an_error_of_the_copy() {
    run(async || {
        let (mut client, server, copying) = proxied().await;
        let reading = receive(server);
        client.write_all(&noise(7, 100_000)).unwrap();
        fd::reset_on_close(&client);
        drop(client);
        let error = copying.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        reading.join().unwrap();
    });
}

#[test]
fn halves_and_references_are_streams_too() {
    run(async || {
        let (near, client) = pair_with_std().await;
        let (far, server) = pair_with_std().await;
        let (mut reader, _keep) = near.into_split();
        let (_also, mut writer) = far.into_split();
        let question = noise(8, 1_000_000);
        let _asked = send_and_end(client, question.clone());
        let at_server = receive(server);
        let copied = copy(&mut reader, &mut writer).await.unwrap();
        assert_eq!(copied, 1_000_000);
        drop(writer);
        assert!(at_server.join().unwrap() == question);
    });
}

/// Passes everything on to a stream, and changes every byte.
struct Changed(TcpStream);

impl AsyncRead for Changed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let read = Pin::new(&mut self.0).poll_read(context, slice);
        if let Poll::Ready(Ok(count)) = read {
            slice[..count].iter_mut().for_each(|byte| *byte ^= 0x55);
        }
        read
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &mut [std::io::IoSliceMut<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_read_vectored(context, slices)
    }
}

#[test]
fn what_is_wrapped_round_a_stream_is_not_gone_round() {
    run(async || {
        let (near, client) = pair_with_std().await;
        let (mut far, server) = pair_with_std().await;
        let question = noise(9, 500_000);
        let _asked = send_and_end(client, question.clone());
        let at_server = receive(server);
        copy(&mut Changed(near), &mut far).await.unwrap();
        drop(far);
        let expected: Vec<u8> = question.iter().map(|byte| byte ^ 0x55).collect();
        assert!(at_server.join().unwrap() == expected);
    });
}

#[test]
fn no_buffers_are_no_bytes() {
    use net::io::AsyncWriteExt;
    run(async || {
        let (client, server) = pair().await;
        assert_eq!((&mut &client).write_vectored(&[]).await.unwrap(), 0);
        client.write_all(b"x").await.unwrap();
        let mut server = &server;
        let read = std::future::poll_fn(|context| {
            Pin::new(&mut server).poll_read_vectored(context, &mut [])
        });
        assert_eq!(read.await.unwrap(), 0);
    });
}

/// A copy needs a pipe for splicing, and can do without.
#[test]
fn without_descriptors_it_is_copied_all_the_same() {
    apart(|| {
        runtime::block_on(async {
            let (client, server, copying) = proxied().await;
            let at_server = receive(server);
            let hard = descriptor_limit().1;
            limit_descriptors(fd::all_open().len() as u64, hard).unwrap();
            let question = noise(10, 1_000_000);
            let asked = send_and_end(client, question.clone());
            drop(asked.join().unwrap());
            assert_eq!(copying.await.unwrap().unwrap().0, 1_000_000);
            assert!(at_server.join().unwrap() == question);
        });
    });
}

/// A process that has not been told to ignore the signal would be ended by it.
#[test]
fn a_peer_that_has_gone_raises_no_signal() {
    apart(|| {
        default_signal(libc::SIGPIPE);
        runtime::block_on(async {
            let (near, client) = pair_with_std().await;
            let (far, server) = pair_with_std().await;
            drop(server);
            let mut file = std::fs::File::open("/proc/self/exe").unwrap();
            let sending = thread::spawn(move || {
                let mut client = client;
                // No signal for this thread either.
                while fd::send_plainly(&client, &[7; 65536]).is_ok() {}
                let _ = client.flush();
            });
            copy(&mut &near, &mut &far).await.unwrap_err();
            far.send_file(&file, 0, 1000).await.unwrap_err();
            drop((near, far));
            sending.join().unwrap();
            file.read_exact(&mut [0; 4]).unwrap();
        });
    });
}

/// A pipe is two descriptors: connections that are idle have none.
#[test]
fn idle_copies_keep_no_pipes() {
    apart(|| {
        runtime::block_on(async {
            let mut kept = Vec::new();
            for round in 0..40 {
                let (mut client, mut server, copying) = proxied().await;
                let question = noise(round, 200_000);
                let expected = question.clone();
                let asking = thread::spawn(move || {
                    client.write_all(&question).unwrap();
                    client
                });
                let receiving = thread::spawn(move || {
                    let mut all = vec![0; 200_000];
                    server.read_exact(&mut all).unwrap();
                    (server, all)
                });
                while !receiving.is_finished() {
                    runtime::task::yield_now().await;
                }
                let (server, all) = receiving.join().unwrap();
                assert!(all == expected);
                kept.push((asking.join().unwrap(), server, copying));
            }
            runtime::task::yield_now().await;
            // Four sockets each; the pool; what every process and runtime has.
            let open = fd::all_open().len();
            assert!(open < 40 * 4 + 2 * 16 + 16, "{open} descriptors");
        });
    });
}

#[test]
fn a_file_is_sent_from_any_place_to_its_end() {
    run(async || {
        let path = env::temp_dir().join(format!("edgewake-send-{}", std::process::id()));
        let content = noise(11, 1_000_003);
        std::fs::write(&path, &content).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (stream, peer) = pair_with_std().await;
        let at_peer = receive(peer);
        assert_eq!(stream.send_file(&file, 3, 4).await.unwrap(), 4);
        let mut sent = 7;
        loop {
            match stream.send_file(&file, sent, usize::MAX).await.unwrap() {
                0 => break,
                count => sent += count as u64,
            }
        }
        drop(stream);
        assert!(at_peer.join().unwrap() == content[3..]);
    });
}

/// The tracer runs this same test, and writes down what it calls.
#[test]
fn the_kernel_is_seen_to_move_the_bytes() {
    const MARK: &str = "EDGEWAKE_TEST_TRACED";
    const NAME: &str = "splicing::the_kernel_is_seen_to_move_the_bytes";
    if env::var_os(MARK).is_some() {
        return much_goes_both_ways_at_once();
    }
    if !works("strace", &["-o", "/dev/null", "true"]) {
        return skip("seeing splice", "strace is not installed, or may not trace");
    }
    soon(|| {
        let report = env::temp_dir().join(format!("edgewake-splice-{}", std::process::id()));
        let status = Command::new("strace")
            .args(["-f", "-e", "trace=splice,recvfrom", "-o"])
            .arg(&report)
            .arg(env::current_exe().unwrap())
            .args([NAME, "--exact", "--test-threads=1"])
            .env(MARK, "1")
            // The leak sanitizer is a tracer, too, and there can be only one.
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .output()
            .unwrap()
            .status;
        assert!(status.success());
        let trace = std::fs::read_to_string(&report).unwrap();
        std::fs::remove_file(&report).unwrap();
        let returned =
            |line: &str| -> Option<u64> { line.rsplit(" = ").next()?.trim().parse().ok() };
        let splices = trace.lines().filter(|line| line.contains("splice"));
        assert!(!trace.contains("SPLICE_F_MORE"));
        let moved: u64 = splices.filter_map(returned).sum();
        // Once into a pipe, and once out of it; the first read of each way is a plain one.
        assert!(moved > 2 * 7_500_000, "{moved} bytes");
    });
}
