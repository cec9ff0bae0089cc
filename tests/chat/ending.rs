//! How the server ends, and what becomes of what was said by then.

use std::io::{BufRead, Write};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tests::event::until;
use tests::flavours::Flavour;
use tests::place::Place;
use tests::process::signal;
use tests::server::Server;

use crate::client::Client;
use crate::{chat, start};

const GOODBYE: &str = "* the server is going down: nothing is said from now on; goodbye";

fn exit_code(server: &mut Server) -> Option<i32> {
    server.process().0.wait().unwrap().code()
}

#[test]
fn everybody_is_told_goodbye_and_the_server_ends_well() {
    chat(|flavour| {
        for kind in [libc::SIGTERM, libc::SIGINT] {
            let mut server = start(flavour, &[]);
            let mut ann = Client::named(&server, "ann");
            let mut bob = Client::new(&server);
            bob.until("you are in lobby");
            signal(server.pid(), kind);
            assert_eq!(ann.rest(), ["* guest2 has come in", GOODBYE]);
            assert_eq!(bob.rest(), [GOODBYE]);
            drop((ann, bob));
            assert_eq!(exit_code(&mut server), Some(0));
        }
    });
}

/// They are connected, as far as they know, but nobody has accepted them yet. (Who comes in the moment
/// in which a door is closed is reset: the kernel has no way to close one without its queue.)
#[test]
fn those_who_are_still_in_the_queue_are_told_goodbye_too() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("chat");
        let mut server = start(flavour, &["--unix", path.to_str().unwrap()]);
        Client::new(&server).until("you are in lobby");
        signal(server.pid(), libc::SIGSTOP);
        let by_tcp = (0..200).map(|_| Client::new(&server));
        let mut clients: Vec<Client> = by_tcp.collect();
        clients.extend((0..100).map(|_| Client::local(&path)));
        clients.iter_mut().for_each(|client| client.say("hello"));
        signal(server.pid(), libc::SIGTERM);
        signal(server.pid(), libc::SIGCONT);
        for mut client in clients {
            assert_eq!(client.rest().last().unwrap(), GOODBYE);
        }
        assert_eq!(exit_code(&mut server), Some(0));
    });
}

/// Everybody speaks as fast as it can while the server is told to end. What one has heard all have
/// heard, whole; and of each speaker a first part was accepted, without a gap.
#[test]
fn on_a_busy_server_each_line_is_delivered_to_all_or_to_nobody() {
    const CLIENTS: usize = 20;
    chat(|flavour| {
        let mut server = start(flavour, &["--policy", "wait"]);
        let clients: Vec<Client> = (0..CLIENTS)
            .map(|number| Client::named(&server, &format!("c{number}")))
            .collect();
        let heard = Arc::new(AtomicUsize::new(0));
        let speakers: Vec<_> = clients.iter().map(|it| speak(it.writer())).collect();
        let listeners = clients.into_iter().map(|client| {
            let heard = heard.clone();
            thread::spawn(move || listen(client, &heard))
        });
        let listeners: Vec<_> = listeners.collect();
        until(|| heard.load(Ordering::Relaxed) > 100 * CLIENTS);
        signal(server.pid(), libc::SIGTERM);
        let heard: Vec<_> = listeners.into_iter().map(|it| it.join().unwrap()).collect();
        assert_eq!(exit_code(&mut server), Some(0));
        speakers.into_iter().for_each(|it| it.join().unwrap());
        for lines in &heard {
            assert_eq!(lines.len(), heard[0].len());
            assert!(*lines == heard[0], "they have heard different things");
        }
        for speaker in 0..CLIENTS {
            let prefix = format!("<c{speaker}> ");
            let numbers = heard[0]
                .iter()
                .filter_map(|line| line.strip_prefix(&prefix));
            for (expected, number) in numbers.enumerate() {
                assert_eq!(number, expected.to_string());
            }
        }
    });
}

/// Says numbers until nobody listens any more.
fn speak(mut mouth: std::net::TcpStream) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for number in 0.. {
            if mouth.write_all(format!("{number}\n").as_bytes()).is_err() {
                return;
            }
        }
    })
}

/// All that was said up to the goodbye, which is the last line.
fn listen(mut client: Client, heard: &AtomicUsize) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let line = client.line();
        if line == GOODBYE {
            break;
        }
        if line.starts_with('<') {
            heard.fetch_add(1, Ordering::Relaxed);
            said.push(line);
        }
    }
    assert_eq!(client.rest(), [""; 0]);
    client.end();
    said
}

#[test]
fn the_end_waits_for_one_who_does_not_read_but_not_for_ever() {
    chat(|flavour| {
        let mut server = start(flavour, &["--grace", "1"]);
        let (mut speaker, stalled) = speaker_and_stalled(&server);
        signal(server.pid(), libc::SIGTERM);
        speaker.until(GOODBYE);
        drop(speaker);
        assert_eq!(exit_code(&mut server), Some(0));
        drop(stalled);
    });
}

#[test]
fn a_second_signal_ends_it_at_once() {
    chat(|flavour| {
        let mut server = start(flavour, &["--grace", "1000"]);
        let (mut speaker, stalled) = speaker_and_stalled(&server);
        signal(server.pid(), libc::SIGTERM);
        speaker.until(GOODBYE);
        signal(server.pid(), libc::SIGTERM);
        let status = server.process().0.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGTERM));
        drop(stalled);
    });
}

/// One whose outbox is full, and another.
fn speaker_and_stalled(server: &Server) -> (Client, Client) {
    let stalled = Client::named(server, "stalled");
    let mut speaker = Client::named(server, "speaker");
    for _ in 0..3000 {
        speaker.say_and_see(&"x".repeat(1000));
    }
    (speaker, stalled)
}

#[test]
fn the_file_of_the_second_door_goes_with_the_server_and_is_replaced_after_a_crash() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("chat");
        let arguments = ["--unix", path.to_str().unwrap()];
        let mut server = start(flavour, &arguments);
        signal(server.pid(), libc::SIGKILL);
        server.process().0.wait().unwrap();
        assert!(path.exists());

        let mut server = start(flavour, &arguments);
        let mut ann = Client::local(&path);
        ann.until("you are in lobby");
        refused(flavour, &arguments);
        // Nobody has come in meanwhile.
        ann.say("hello");
        assert_eq!(ann.line(), "<guest1> hello");
        drop(ann);
        signal(server.pid(), libc::SIGTERM);
        assert_eq!(exit_code(&mut server), Some(0));
        assert!(!path.exists());
    });
}

#[test]
fn a_file_that_another_server_has_put_in_the_place_is_left_alone() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("chat");
        let arguments = ["--unix", path.to_str().unwrap()];
        let mut former = start(flavour, &arguments);
        std::fs::rename(&path, place.file("former")).unwrap();
        let _next = start(flavour, &arguments);
        signal(former.pid(), libc::SIGTERM);
        assert_eq!(exit_code(&mut former), Some(0));
        Client::local(&path).until("you are in lobby");
    });
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("letters");
        std::fs::write(&path, "dear").unwrap();
        refused(flavour, &["--unix", path.to_str().unwrap()]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear");
    });
}

/// A server at a place that is taken says so.
fn refused(flavour: Flavour, arguments: &[&str]) {
    let mut command = crate::command(flavour, arguments);
    let output = command.args(["--addr", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = output.stderr.lines().next().unwrap().unwrap();
    assert!(said.contains("--unix"), "{said}");
}
