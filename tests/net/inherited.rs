//! Listeners that a process is started with. The process says to itself what it was started with: what
//! is open already may be meant, and must not be taken.

use std::env;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process;

use net::Inherited;
use net::unix::UnixSeqpacketListener;
use tests::apart::apart;
use tests::fd;
use tests::flavours::Flavour;
use tests::place::Place;

/// Makes it as it is in a process that was started with it.
fn given(listener: impl IntoRawFd) -> RawFd {
    let number = listener.into_raw_fd();
    fd::inherit(number).unwrap();
    number
}

fn set(variable: &str, value: impl ToString) {
    // SAFETY: no other test runs in this process, and nobody looks at its environment meanwhile.
    unsafe { env::set_var(variable, value.to_string()) };
}

/// Says that all numbers are meant, and does so truly, if this process was started with some.
fn mean_all(process: u32) {
    for number in fd::all_open().into_iter().filter(|it| *it > 2) {
        if fd::is_inherited(number) {
            fd::keep(number).unwrap();
        }
    }
    set("LISTEN_PID", process);
    set("LISTEN_FDS", 1000);
}

fn take() -> (Vec<net::TcpListener>, Vec<net::UnixListener>) {
    let Inherited { tcp, unix, .. } = Inherited::take().unwrap();
    (tcp, unix)
}

fn are_taken_once(flavour: Flavour) {
    mean_all(process::id());
    let place = Place::new();
    let path = place.file("door");
    let opened_here = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    given(tcp);
    given(UnixListener::bind(&path).unwrap());
    flavour.block_on(async {
        let (tcp, unix) = take();
        assert_eq!((tcp.len(), unix.len()), (1, 1));
        let numbers = [tcp[0].as_raw_fd(), unix[0].as_raw_fd()];
        assert!(!numbers.into_iter().any(fd::is_inherited));
        // Who waits for the one blocks nobody who waits for the other.
        let by_tcp = async { tcp[0].accept().await.unwrap() };
        let by_unix = async {
            UnixStream::connect(&path).unwrap();
            unix[0].accept().await.unwrap();
            TcpStream::connect(address).unwrap()
        };
        runtime::join!(by_tcp, by_unix);
        // Nor when they look as they did at first, as one does that is to be handed on to a child.
        fd::inherit(numbers[0]).unwrap();
        let (again, and_again) = take();
        assert!(again.is_empty() && and_again.is_empty());
    });
    assert!(opened_here.local_addr().is_ok());
}

#[test]
fn what_was_given_is_taken_once_and_nothing_else_is() {
    apart(|| are_taken_once(Flavour::Single));
}

#[test]
fn what_was_given_is_taken_once_by_workers() {
    apart(|| are_taken_once(Flavour::Steal));
}

#[test]
fn what_is_meant_for_another_process_is_left_to_it() {
    apart(|| {
        mean_all(process::id() + 1);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        fd::inherit(listener.as_raw_fd()).unwrap();
        runtime::block_on(async { assert!(take().0.is_empty()) });
        assert!(fd::is_inherited(listener.as_raw_fd()));
    });
}

/// What is said of something else, which is given beside a listener. Neither is left open.
fn said_of(other: impl IntoRawFd) -> String {
    mean_all(process::id());
    let other = given(other);
    let listener = given(TcpListener::bind("127.0.0.1:0").unwrap());
    let said = runtime::block_on(async { Inherited::take().unwrap_err().to_string() });
    let open = fd::all_open();
    assert!(!open.contains(&other) && !open.contains(&listener));
    assert!(said.starts_with(&format!("descriptor {other}, ")), "{said}");
    said
}

#[test]
fn what_is_no_listener_is_named() {
    apart(|| {
        let said = said_of(fd::pipe().0);
        assert!(said.contains("no listening stream socket"), "{said}");
    });
}

#[test]
fn what_listens_for_packets_is_no_stream() {
    apart(|| {
        let place = Place::new();
        let path = place.file("packets");
        let bind = async { UnixSeqpacketListener::bind(&path).unwrap().into_std() };
        let said = said_of(OwnedFd::from(runtime::block_on(bind)));
        assert!(said.contains("no listening stream socket"), "{said}");
    });
}

#[test]
fn what_cannot_be_taken_yet_can_be_taken_later() {
    apart(|| {
        mean_all(process::id());
        given(TcpListener::bind("127.0.0.1:0").unwrap());
        let said = Inherited::take().unwrap_err().to_string();
        let call = "Inherited::take was called at tests/net/inherited.rs:";
        assert!(said.starts_with(call), "{said}");
        set("LISTEN_FDS", "some");
        let said = runtime::block_on(async { Inherited::take().unwrap_err().to_string() });
        assert!(said.starts_with("LISTEN_FDS is \"some\""), "{said}");
        set("LISTEN_FDS", 1000);
        assert_eq!(runtime::block_on(async { take().0.len() }), 1);
    });
}
