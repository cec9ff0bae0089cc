//! What stays behind: nothing, whatever becomes of clients, and nothing in children either.

use std::env;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream as StdStream;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::rc::Rc;

use net::io::copy_bidirectional;
use net::pipe::{self, OpenOptions};
use net::signal::{SignalKind, signal};
use net::stdio::{stderr, stdin, stdout};
use net::unix::{UnixSeqpacket, UnixSeqpacketListener};
use net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use runtime::Builder;
use runtime::io::AsyncFd;
use runtime::sync::watch;
use runtime::task::{JoinHandle, yield_now};
use runtime::time::{Duration, sleep, timeout};
use tests::apart::apart;
use tests::deadline::soon;
use tests::event::until;
use tests::fd;
use tests::flavours::flavours;
use tests::leaks::ALL_ARE_OURS;
use tests::place::{Place, abstract_name};
use tests::process::{Running, signal as send_signal, status};
use tests::skip;

use crate::{all_told, listen, pair, pair_with_std};

/// What a child has open that lists it itself.
fn inherited() -> Vec<String> {
    // `ls` has its three, and the folder that it reads.
    let mut command = Command::new("ls");
    let output = command.arg("/proc/self/fd").stdin(Stdio::null()).output();
    let listed = String::from_utf8(output.unwrap().stdout).unwrap();
    let others = listed
        .lines()
        .filter(|it| !["0", "1", "2", "3"].contains(it));
    others.map(str::to_owned).collect()
}

/// Something of each type, kept open.
async fn everything(place: &Place) -> Vec<Box<dyn std::any::Any>> {
    let mut all: Vec<Box<dyn std::any::Any>> = Vec::new();
    let (client, server) = pair().await;
    let (server, urgent) = server.with_urgent().unwrap();
    let (silent, _peer) = pair_with_std().await;
    all.push(Box::new((
        client.into_split(),
        server,
        urgent,
        silent,
        listen().await,
    )));
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    all.push(Box::new((udp, UnixDatagram::pair().unwrap())));

    let (name, packets) = (abstract_name(), abstract_name());
    let listener = UnixListener::bind(&name).unwrap();
    let connected = UnixStream::connect(&name).await.unwrap();
    all.push(Box::new((
        listener.accept().await.unwrap(),
        connected,
        listener,
    )));
    let listener = UnixSeqpacketListener::bind(&packets).unwrap();
    let connected = UnixSeqpacket::connect(&packets).await.unwrap();
    all.push(Box::new((
        listener.accept().await.unwrap(),
        connected,
        listener,
    )));
    all.push(Box::new((
        UnixDatagram::unbound().unwrap(),
        UnixDatagram::bind(abstract_name()).unwrap(),
    )));

    // Descriptors that were sent: over each kind of socket that can.
    let file = File::open("/dev/null").unwrap();
    let (one, other) = UnixStream::pair().unwrap();
    one.send_with_fds(b"x", &[file.as_fd(), file.as_fd()])
        .await
        .unwrap();
    let received = other.recv_with_fds(&mut [0; 1], 2).await.unwrap().1;
    assert_eq!(received.len(), 2);
    let (three, four) = UnixSeqpacket::pair().unwrap();
    three.send_with_fds(b"x", &[file.as_fd()]).await.unwrap();
    let more = four.recv_with_fds(&mut [0; 1], 1).await.unwrap().1;
    all.push(Box::new((file, one, other, received, three, four, more)));

    let fifo = place.file("fifo");
    fd::make_fifo(&fifo);
    let receiver = OpenOptions::new().open_receiver(&fifo).unwrap();
    let sender = OpenOptions::new().open_sender(&fifo).unwrap();
    all.push(Box::new((
        receiver,
        sender,
        pipe::pipe().unwrap(),
        pipe::packet_pipe().unwrap(),
    )));
    // They are opened anew, or duplicated.
    all.push(Box::new((
        stdin().unwrap(),
        stdout().unwrap(),
        stderr().unwrap(),
    )));
    all.push(Box::new(AsyncFd::new(fd::unix_pair().0).unwrap()));
    all
}

/// Bytes through the kernel, so that there are pipes of `copy`'s: while it goes on, and pooled.
async fn splice() -> JoinHandle<()> {
    let (near, mut far) = (pair_with_std().await, pair_with_std().await);
    let (mut one, mut other) = (near.0, far.0);
    let task = runtime::spawn(async move {
        let _ = copy_bidirectional(&mut one, &mut other).await;
    });
    let mut sender = near.1;
    let sends = std::thread::spawn(move || {
        sender.write_all(&[7; 4_000_000]).unwrap();
        sender
    });
    let mut received = vec![0; 4_000_000];
    let reads = runtime::task::spawn_blocking(move || {
        far.1.read_exact(&mut received).unwrap();
        far.1
    });
    drop((reads.await.unwrap(), sends.join().unwrap()));
    task
}

#[test]
fn a_child_gets_none_of_all_descriptors_that_there_are() {
    if !ALL_ARE_OURS {
        return skip("what a child gets", "the sanitizer opens descriptors, too");
    }
    apart(|| {
        let (input, _writer) = fd::blocking_pipe();
        let _put = fd::put_at(0, &OwnedFd::from(input));
        // What this process was given itself.
        let outside = inherited();
        let signals = [SignalKind::user_defined1(), SignalKind::real_time(1)];
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let place = Place::new();
            let runtime = builder.signals(signals).build().unwrap();
            let before = fd::all_open();
            runtime.block_on(async {
                let all = everything(&place).await;
                let splicing = splice().await;
                timeout(Duration::from_millis(1), sleep(Duration::from_secs(1)))
                    .await
                    .unwrap_err();
                let opened = fd::opened_since(&before);
                assert!(opened.len() > 30, "{opened:?}");
                assert_eq!(inherited(), outside);
                drop(all);
                splicing.await.unwrap();
            });
        }
    });
}

/// The harness has threads that would get the signal. What a child sees of a stream that did open is
/// looked at by `tests/signals`.
#[test]
fn a_stream_of_signals_is_refused_and_leaves_nothing() {
    apart(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let before = fd::all_open();
            signal(SignalKind::user_defined2()).unwrap_err();
            assert_eq!(fd::all_open(), before);
        });
    });
}

/// The variable that tells a process of this test that it is the client, and of whom.
const SERVER: &str = "EDGEWAKE_TEST_SERVER";

/// Asks for ever, and reads what it is answered.
fn be_a_client(server: &str) {
    let mut stream = StdStream::connect(server).unwrap();
    let mut answer = vec![0; 100_000];
    loop {
        if stream
            .write_all(&[7; 100_000])
            .and_then(|()| stream.read_exact(&mut answer))
            .is_err()
        {
            return;
        }
    }
}

fn start_client(test: &str, server: &TcpListener) -> Running {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([test, "--exact", "--test-threads=1"])
        .stdout(Stdio::null());
    command.env(SERVER, server.local_addr().unwrap().to_string());
    Running(command.spawn().unwrap())
}

/// Answers one client until it goes, and counts the bytes.
async fn answer(stream: TcpStream, count: Rc<watch::Sender<u64>>) {
    let mut buffer = vec![0; 10_000];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        count.send_modify(|count| *count += read as u64);
    }
}

/// Waits until so many more bytes have gone.
async fn until_more(count: &watch::Sender<u64>) {
    let goal = *count.borrow() + 1_000_000;
    let mut seen = count.subscribe();
    seen.wait_for(|count| *count >= goal).await.unwrap();
}

#[test]
fn a_client_that_is_killed_reset_or_stopped_leaves_nothing_behind() {
    const TEST: &str =
        "nothing_left::a_client_that_is_killed_reset_or_stopped_leaves_nothing_behind";
    if let Ok(server) = env::var(SERVER) {
        return be_a_client(&server);
    }
    apart(|| {
        runtime::LocalRuntime::new().unwrap().block_on(async {
            let listener = listen().await;
            let count = Rc::new(watch::Sender::new(0));
            let metrics = || {
                let metrics = runtime::Handle::current().metrics();
                (metrics.registered_fds, metrics.alive_tasks)
            };
            let accept = async || listener.accept().await.unwrap().0;
            let serve = |stream| runtime::spawn_local(answer(stream, count.clone()));
            let before = (fd::all_open(), metrics().1);
            for _ in 0..3 {
                // Killed in the middle.
                let client = start_client(TEST, &listener);
                let session = serve(accept().await);
                until_more(&count).await;
                send_signal(client.0.id(), libc::SIGKILL);
                session.await.unwrap();
                drop(client);
                // Reset with something on the way.
                let mut client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
                let session = serve(accept().await);
                client.write_all(&[7; 1000]).unwrap();
                yield_now().await;
                fd::reset_on_close(&client);
                drop(client);
                session.await.unwrap();
                // Stopped for so long that the session waits, let go on, and killed.
                let client = start_client(TEST, &listener);
                let session = serve(accept().await);
                until_more(&count).await;
                send_signal(client.0.id(), libc::SIGSTOP);
                until(|| status(client.0.id(), "State").starts_with('T'));
                // Of what it had sent by then, there is nothing left to be told.
                let mut seen = 0;
                while *count.borrow() != seen {
                    seen = *count.borrow();
                    all_told().await;
                }
                assert!(!session.is_finished());
                send_signal(client.0.id(), libc::SIGCONT);
                until_more(&count).await;
                send_signal(client.0.id(), libc::SIGKILL);
                session.await.unwrap();
                drop(client);
                assert_eq!((fd::all_open(), metrics().1), before);
            }
            let (registered, _) = metrics();
            drop(listener);
            assert_eq!(metrics().0, registered - 1);
        });
    });
}

/// As `tests::leaks` asks of all tests of this binary together.
#[test]
fn all_that_was_opened_is_closed() {
    apart(|| {
        let before = fd::all_open();
        flavours(move |flavour| {
            for _ in 0..3 {
                let place = Place::new();
                flavour.block_on(async { drop(everything(&place).await) });
                // Nobody waits for a thread that was in a call that blocks.
                while fd::all_open() != before {
                    std::thread::yield_now();
                }
            }
        });
    });
}

#[test]
fn a_descriptor_that_was_inherited_would_be_seen() {
    soon(|| {
        let (reader, _writer) = fd::pipe();
        let number = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let mut command = Command::new("ls");
        command.arg("/proc/self/fd");
        // SAFETY: the closure makes one system call, as is allowed after a fork.
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(&mut command, move || fd::inherit(number))
        };
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(
            output.lines().any(|line| line == number.to_string()),
            "{output}"
        );
    });
}
