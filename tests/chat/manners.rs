//! Clients that go away, or send what is no line. The others must not notice more than that.

use std::io::Write;
use std::process::{Command, Stdio};

use tests::event::until;
use tests::process::{Running, descriptors, signal};
use tests::server::program;

use crate::client::Client;
use crate::{chat, start};

#[test]
fn telnet_and_nc_are_both_understood() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        ann.send(b"one\r\ntwo\n\r\n\n   \r\nthr");
        ann.send(b"ee\r");
        ann.send(b"\n");
        assert_eq!(
            [ann.line(), ann.line(), ann.line()],
            ["<ann> one", "<ann> two", "<ann> three"]
        );
    });
}

#[test]
fn what_is_no_line_is_refused_and_the_next_is_not() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        ann.say(&"x".repeat(1024));
        assert_eq!(ann.line(), format!("<ann> {}", "x".repeat(1024)));
        ann.say(&"x".repeat(1025));
        assert_eq!(ann.line(), "* not done: a line has 1024 bytes at most");
        ann.send(&vec![b'x'; 4 << 20]);
        assert_eq!(ann.line(), "* not done: a line has 1024 bytes at most");
        ann.send(b"\n\xff\xf4\xff\xfd\x06\n");
        assert_eq!(ann.line(), "* not done: a line is text in UTF-8");
        ann.say("\u{1b}[31mred\u{7}");
        assert_eq!(ann.line(), "<ann> [31mred");
    });
}

#[test]
fn who_ends_its_side_is_answered_before_the_end() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        let mut bob = Client::named(&server, "bob");
        // The last line has no end.
        bob.send(b"hello\n/who");
        bob.end();
        assert_eq!(bob.rest(), ["<bob> hello", "* in lobby: ann, bob"]);
        assert_eq!(ann.until("<bob>"), "<bob> hello");
        assert_eq!(ann.line(), "* bob has gone");
    });
}

#[test]
fn a_client_that_is_killed_is_missed_by_nobody_else() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        let before = descriptors(server.pid());
        let mut program = Command::new(program("chat_client"));
        program.args(["--addr", &server.address().to_string()]);
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = Running(program.spawn().unwrap());
        let input = client.0.stdin.as_mut().unwrap();
        input.write_all(b"/nick bob\nhello\n").unwrap();
        assert_eq!(ann.until("<bob>"), "<bob> hello");
        signal(client.0.id(), libc::SIGKILL);
        assert_eq!(ann.line(), "* bob has gone");
        ann.say_and_see("still here");
        until(|| descriptors(server.pid()) == before);
    });
}

#[test]
fn the_client_prints_what_it_hears_until_the_server_has_answered_everything() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut program = Command::new(program("chat_client"));
        program.args(["--addr", &server.address().to_string()]);
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = program.spawn().unwrap();
        let mut input = client.stdin.take().unwrap();
        input.write_all(b"/nick ann\nhello\n").unwrap();
        drop(input);
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.ends_with("* guest1 is now ann\n<ann> hello\n"),
            "{said}"
        );
    });
}

#[test]
fn who_comes_when_all_places_are_taken_is_told() {
    chat(|flavour| {
        let server = start(flavour, &["--clients", "2"]);
        let _ann = Client::named(&server, "ann");
        let bob = Client::named(&server, "bob");
        let mut eve = Client::new(&server);
        assert_eq!(eve.rest(), ["* all places are taken: come again later"]);
        drop(bob);
        until(|| Client::new(&server).line().starts_with("* welcome"));
    });
}

/// A connection that is closed with something unread is reset, and what was said to its client may be lost
/// with it.
#[test]
fn who_is_turned_away_is_told_why_though_it_has_spoken() {
    chat(|flavour| {
        let server = start(flavour, &["--clients", "1"]);
        let mut ann = Client::named(&server, "ann");
        let before = descriptors(server.pid());
        signal(server.pid(), libc::SIGSTOP);
        let mut others: Vec<Client> = (0..100).map(|_| Client::new(&server)).collect();
        others.iter_mut().for_each(|it| it.say("/nick bob\nhello"));
        signal(server.pid(), libc::SIGCONT);
        for other in &mut others {
            assert_eq!(other.rest(), ["* all places are taken: come again later"]);
        }
        drop(others);
        ann.say_and_see("nobody was disturbed");
        until(|| descriptors(server.pid()) == before);
    });
}

#[test]
fn who_goes_on_speaking_when_it_has_said_goodbye_hears_goodbye() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::new(&server);
        ann.until("you are in lobby");
        ann.say(&format!("/quit{}", "\none more".repeat(10_000)));
        assert_eq!(ann.rest(), ["* goodbye"]);
    });
}

#[test]
fn who_is_turned_away_and_stays_is_closed_after_a_moment() {
    chat(|flavour| {
        let server = start(flavour, &["--clients", "1"]);
        let _ann = Client::named(&server, "ann");
        let before = descriptors(server.pid());
        let mut eve = Client::new(&server);
        assert_eq!(eve.rest(), ["* all places are taken: come again later"]);
        let mut mouth = eve.writer();
        until(|| mouth.write_all(b"let me in\n").is_err());
        until(|| descriptors(server.pid()) == before);
    });
}

#[test]
fn who_says_nothing_for_long_is_ended() {
    chat(|flavour| {
        let server = start(flavour, &["--idle", "1"]);
        let mut ann = Client::new(&server);
        ann.until("you are in lobby");
        assert_eq!(ann.rest(), ["* you said nothing for too long; goodbye"]);
    });
}
