//! The proxy example in front of the echo server, each in a process of its own.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tests::deadline::{soon, within};
use tests::fd;
use tests::flavours::Flavour;
use tests::process::descriptors;
use tests::server::{Server, program};

fn proxy_to(server: &str) -> Server {
    Server::start(Command::new(program("proxy")).args(["--to", server]))
}

fn ping(stream: &mut TcpStream) {
    stream.write_all(b"hello").unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hello");
}

/// Both programs, built before the time for a test begins.
fn built(test: impl FnOnce() + Send + 'static) {
    within(Duration::from_secs(300), || {
        program("echo");
        program("proxy");
    });
    soon(test);
}

#[test]
fn what_a_client_sends_comes_back_through_it_whole() {
    built(|| {
        let echo = Server::echo(Flavour::Single);
        let proxy = proxy_to(&echo.address().to_string());
        let expected = format!(
            "proxy listening on {}, passing on to {}\n",
            proxy.address(),
            echo.address()
        );
        assert_eq!(proxy.first_line(), expected);
        let mut client = proxy.connect();
        ping(&mut client);

        let mut writer = client.try_clone().unwrap();
        let sent: Vec<u8> = (0..8_u32 << 20).map(|n| (n >> 7) as u8).collect();
        let expected = sent.clone();
        let sender = thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        sender.join().unwrap();
        assert!(back == expected);
    });
}

#[test]
fn a_client_that_goes_or_is_cut_off_leaves_nothing() {
    built(|| {
        let echo = Server::echo(Flavour::Single);
        let proxy = proxy_to(&echo.address().to_string());
        let before = descriptors(echo.pid());
        for round in 0..20 {
            let mut client = proxy.connect();
            ping(&mut client);
            if round % 2 == 0 {
                fd::reset_on_close(&client);
            }
        }
        while descriptors(echo.pid()) > before {
            thread::yield_now();
        }
    });
}

#[test]
fn a_server_that_is_not_there_costs_its_clients_and_nothing_else() {
    built(|| {
        // Bound, and nobody listens: so it stays refused.
        let nobody = net::TcpSocket::new_v4().unwrap();
        nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = nobody.local_addr().unwrap();
        let proxy = proxy_to(&address.to_string());
        for _ in 0..3 {
            let mut client = proxy.connect();
            // Closed, or reset if something was sent.
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        }
    });
}

#[test]
fn nobody_has_to_read_why_clients_are_turned_away() {
    built(|| {
        let (_reader, writer) = fd::pipe();
        let (mut filler, bytes) = (writer.try_clone().unwrap(), [0; 4096]);
        while filler.write(&bytes).is_ok() {}
        let mut command = Command::new(program("proxy"));
        // Nobody listens there.
        let proxy = Server::start(command.args(["--to", "127.0.0.1:1"]).stderr(writer));
        for _ in 0..20 {
            assert_eq!(proxy.connect().read(&mut [0]).unwrap_or(0), 0);
        }
    });
}
