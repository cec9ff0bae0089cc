//! The load generator against the servers of this crate, and against servers
//! that are wrong on purpose.
//!
//! The danger is a checker that never complains: it passes every server. So
//! half of the tests here are of servers that must fail. Nothing waits by the
//! clock: each step waits for its event, and gives up at a deadline.

use benches::sys;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

const FLOOR: &str = env!("CARGO_BIN_EXE_floor");
const THREADS: &str = env!("CARGO_BIN_EXE_threads");
const LOAD: &str = env!("CARGO_BIN_EXE_load");

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(command: &mut Command) -> Running {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running(piped.spawn().expect("the program is built"))
}

fn first_line(running: &mut Running) -> String {
    let stdout = running.0.stdout.take().expect("stdout is piped");
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("stdout is text");
    line
}

/// Starts a server on a free port and reads from its first line which.
fn serve(command: &mut Command) -> (Running, SocketAddr) {
    let mut server = start(command.args(["--addr", "127.0.0.1:0"]));
    let line = first_line(&mut server);
    let address = line
        .trim()
        .rsplit(' ')
        .next()
        .and_then(|word| word.parse().ok());
    let address = address.unwrap_or_else(|| panic!("no address in: {line:?}"));
    (server, address)
}

/// Runs the load and returns whether it was content, with all it said.
fn load(address: SocketAddr, options: &str) -> (bool, String) {
    let mut command = Command::new(LOAD);
    command.args(["--addr", &address.to_string(), "--stall", "20"]);
    let mut running = start(command.args(options.split_whitespace()));
    let status = sys::wait_exit(&mut running.0, DEADLINE).expect("the load can be waited for");
    let status = status.unwrap_or_else(|| panic!("load {options}: not done in {DEADLINE:?}"));
    let mut said = String::new();
    let mut stdout = running.0.stdout.take().expect("stdout is piped");
    stdout.read_to_string(&mut said).expect("stdout is text");
    let mut stderr = running.0.stderr.take().expect("stderr is piped");
    stderr.read_to_string(&mut said).expect("stderr is text");
    (status.success(), said)
}

fn figure(said: &str, key: &str) -> u64 {
    let mut pairs = said
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(name, _)| *name == key).map(|(_, value)| value);
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no number {key} in: {said}"))
}

#[test]
fn both_servers_echo_every_byte_of_every_shape_of_load() {
    for program in [FLOOR, THREADS] {
        let (_server, address) = serve(&mut Command::new(program));
        for (options, messages, connections) in [
            ("--connections 50 --messages 5000", 5000, 50),
            ("--size 1048576 --messages 20", 20, 1),
            ("--size 4096 --messages 300 --connections 3", 300, 3),
            ("--churn --connections 20 --messages 200", 200, 200),
            (
                "--pipeline 8 --connections 20 --messages 8001 --size 100",
                8001,
                20,
            ),
            ("--connections 40 --active 3 --messages 1000", 1000, 40),
            ("--rate 5000 --connections 10 --messages 1000", 1000, 10),
        ] {
            let (content, said) = load(address, options);
            assert!(content, "{program}, load {options}: {said}");
            assert_eq!(figure(&said, "messages"), messages, "{said}");
            assert_eq!(figure(&said, "connections"), connections, "{said}");
            assert_eq!(figure(&said, "errors"), 0, "{said}");
        }
    }
}

#[test]
fn held_connections_last_until_stdin_closes() {
    let (_server, address) = serve(&mut Command::new(FLOOR));
    let mut command = Command::new(LOAD);
    command.args([
        "--hold",
        "--connections",
        "30",
        "--addr",
        &address.to_string(),
    ]);
    let mut holder = start(&mut command);
    assert_eq!(first_line(&mut holder), "holding\n");
    assert!(holder.0.try_wait().expect("it can be asked").is_none());
    drop(holder.0.stdin.take());
    let status = sys::wait_exit(&mut holder.0, DEADLINE).expect("it can be waited for");
    assert!(
        status.is_some_and(|status| status.code().is_some()),
        "it still holds"
    );
}

#[test]
fn what_passes_before_the_gate_is_not_counted() {
    let (_server, address) = serve(&mut Command::new(FLOOR));
    let address = address.to_string();
    for (shape, connections) in [("--connections 30 --active 2 --hold", 30), ("--churn", 50)] {
        let mut command = Command::new(LOAD);
        command.args(["--gate", "--messages", "50", "--addr", &address]);
        let mut running = start(command.args(shape.split(' ')));
        let stdout = running.0.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some("ready"), "load {shape}");
        let mut stdin = running.0.stdin.take().expect("stdin is piped");
        stdin.write_all(b"\n").expect("the load reads it");
        drop(stdin);
        let report = lines.last().expect("the load reports");
        assert_eq!(figure(&report, "messages"), 50, "{report}");
        assert_eq!(figure(&report, "errors"), 0, "{report}");
        assert_eq!(figure(&report, "connections"), connections, "{report}");
    }
}

#[test]
fn a_half_closed_peer_gets_the_rest_back() {
    let (_server, address) = serve(&mut Command::new(FLOOR));
    let mut stream = client(address);
    let mut writer = stream.try_clone().expect("a descriptor is free");
    let bytes: Vec<u8> = (0..8 << 20).map(|index: u32| (index >> 8) as u8).collect();
    let expected = bytes.clone();
    // Far more than the sockets hold, so that the server must wait for room.
    let sender = thread::spawn(move || {
        writer.write_all(&bytes)?;
        writer.shutdown(Shutdown::Write)
    });
    let mut received = Vec::new();
    stream
        .read_to_end(&mut received)
        .expect("the stream ends well");
    assert!(received == expected, "{} bytes came back", received.len());
    sender
        .join()
        .expect("no panic")
        .expect("everything was taken");
}

#[test]
fn the_floor_recovers_from_a_want_of_descriptors() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 12; exec \"$@\"", "sh", FLOOR]);
    let (_server, address) = serve(&mut command);
    let clients: Vec<TcpStream> = (0..30).map(|_| client(address)).collect();
    // No more than 12 get in. Each that leaves makes room for one more, whose
    // edge at the listener was spent long ago.
    for mut stream in clients {
        ping(&mut stream);
    }
}

fn client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("the timeout is not zero");
    stream
}

fn ping(stream: &mut TcpStream) {
    stream.write_all(b"x").expect("the connection is open");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("the byte comes back");
    assert_eq!(&byte, b"x");
}

#[test]
fn a_taken_port_is_named() {
    let (_server, address) = serve(&mut Command::new(FLOOR));
    for program in [FLOOR, THREADS] {
        let mut second = start(Command::new(program).args(["--addr", &address.to_string()]));
        let status = sys::wait_exit(&mut second.0, DEADLINE).expect("it can be waited for");
        assert_eq!(status.and_then(|status| status.code()), Some(1));
        let mut said = String::new();
        let mut stderr = second.0.stderr.take().expect("stderr is piped");
        stderr.read_to_string(&mut said).expect("stderr is text");
        assert!(said.contains(&address.to_string()), "{said}");
    }
}

/// Changes what two connections sent and says how much of it to return.
type Spoil = fn(&mut [[u8; 64]; 2]) -> usize;

/// A server that takes two connections, reads 64 bytes of each, and answers
/// with what `spoil` makes of them.
fn wrong_server(spoil: Spoil) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let mut streams = [(); 2].map(|()| listener.accept().expect("two clients come").0);
        let mut messages = [[0; 64]; 2];
        for (stream, message) in streams.iter_mut().zip(&mut messages) {
            stream
                .read_exact(message)
                .expect("the client sends a message");
        }
        let length = spoil(&mut messages);
        for (stream, message) in streams.iter_mut().zip(&messages) {
            // The client may have seen enough and gone.
            drop(stream.write_all(&message[..length]));
        }
        if length == 64 {
            // An end of the stream now would be a second fault.
            drop(streams[0].read(&mut [0]));
        }
    });
    address
}

#[test]
fn a_wrong_server_is_caught_and_the_place_named() {
    let spoilt: [(Spoil, &str); 3] = [
        (flip_a_bit, "connection 1: wrong byte at offset 41"),
        (mix_up, "wrong byte at offset 0: "),
        (cut_short, "unexpected end of stream at offset 63 of 64"),
    ];
    for (spoil, complaint) in spoilt {
        let address = wrong_server(spoil);
        let (content, said) = load(address, "--connections 2 --messages 2");
        assert!(!content && said.contains(complaint), "{said}");
        assert_eq!(figure(&said, "errors"), 1);
    }
    let (_, said) = load(wrong_server(mix_up), "--connections 2 --messages 2");
    assert!(said.contains("it belongs to connection"), "{said}");
}

fn flip_a_bit(messages: &mut [[u8; 64]; 2]) -> usize {
    messages[1][41] ^= 4;
    64
}

fn mix_up(messages: &mut [[u8; 64]; 2]) -> usize {
    messages.swap(0, 1);
    64
}

fn cut_short(_: &mut [[u8; 64]; 2]) -> usize {
    63
}

#[test]
fn a_silent_server_is_caught() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (content, said) = load(address, "--connections 2 --messages 2 --stall 0.1");
    assert!(
        !content && said.contains("fell silent at offset 0 of 64 sent"),
        "{said}"
    );
}

#[test]
fn no_server_is_told_after_the_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let (content, said) = load(address, "--wait 0.1");
    assert!(
        !content && said.contains("connection 0: connect to"),
        "{said}"
    );
}
