//! What a client may ask for.

use tests::place::Place;

use crate::client::Client;
use crate::{chat, start};

#[test]
fn a_newcomer_is_greeted_and_is_in_the_lobby() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut first = Client::new(&server);
        assert_eq!(first.line(), "* welcome, guest1; see /help");
        assert_eq!(first.line(), "* you are in lobby, with 0 others");
        let mut second = Client::new(&server);
        assert_eq!(second.line(), "* welcome, guest2; see /help");
        assert_eq!(second.line(), "* you are in lobby, with 1 other");
        assert_eq!(first.line(), "* guest2 has come in");
    });
}

#[test]
fn a_line_is_said_to_the_room_and_to_nobody_else() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        let mut bob = Client::named(&server, "bob");
        let mut eve = Client::named(&server, "eve");
        eve.say("/join attic");
        eve.until("you are in attic");
        ann.say("hello, bob");
        assert_eq!(ann.until("<"), "<ann> hello, bob");
        assert_eq!(bob.until("<"), "<ann> hello, bob");
        eve.say("hello, attic");
        assert_eq!(eve.until("<"), "<eve> hello, attic");
        ann.say("/part");
        assert_eq!(ann.line(), "* you have left lobby");
        ann.say("anybody?");
        assert_eq!(
            ann.line(),
            "* not done: you are in no room: /join one first"
        );
        assert_eq!(bob.line(), "* ann has left");
    });
}

#[test]
fn names_are_taken_once_whatever_their_case() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        let mut bob = Client::named(&server, "bob");
        for taken in ["ann", "Ann", "ANN"] {
            bob.say(&format!("/nick {taken}"));
            assert_eq!(
                bob.line(),
                format!("* not done: somebody else is called {taken}")
            );
        }
        bob.say("/nick two words");
        assert!(bob.line().contains("letters, digits"));
        // One's own in other letters is no other's.
        ann.until("is now bob");
        ann.say("/nick Ann");
        assert_eq!(bob.line(), "* ann is now Ann");
        drop(ann);
        assert_eq!(bob.line(), "* Ann has gone");
        bob.say("/nick ann");
        assert_eq!(bob.line(), "* bob is now ann");
    });
}

#[test]
fn who_is_in_the_room_is_told() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        let mut bob = Client::named(&server, "bob");
        bob.say("/who");
        assert_eq!(bob.line(), "* in lobby: ann, bob");
        bob.say("/join attic");
        bob.until("you are in attic");
        bob.say("/who");
        assert_eq!(bob.line(), "* in attic: bob");
        ann.say("/who");
        assert_eq!(ann.until("* in"), "* in lobby: ann");
    });
}

#[test]
fn a_message_is_for_one_person_in_whatever_room() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        let mut bob = Client::named(&server, "bob");
        let mut eve = Client::named(&server, "eve");
        bob.say("/join attic");
        bob.until("you are in attic");
        ann.say("/msg Bob only for you");
        assert_eq!(ann.until("["), "[ann to Bob] only for you");
        assert_eq!(bob.line(), "[ann to Bob] only for you");
        ann.say("/msg ann to myself");
        assert_eq!(ann.line(), "[ann to ann] to myself");
        ann.say("/msg nobody hello");
        assert_eq!(ann.line(), "* not done: nobody here is called nobody");
        ann.say("for all");
        assert_eq!(eve.until("has left"), "* bob has left");
        assert_eq!(eve.line(), "<ann> for all");
    });
}

#[test]
fn who_comes_in_sees_what_was_said_once() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        ann.say_and_see("one");
        ann.say_and_see("two");
        let mut bob = Client::new(&server);
        bob.until("you are in lobby");
        assert_eq!(bob.line(), "<ann> one");
        assert_eq!(bob.line(), "<ann> two");
        ann.say_and_see("three");
        assert_eq!(bob.line(), "<ann> three");
        bob.say("/history");
        assert_eq!(bob.line(), "* lately in lobby:");
        assert_eq!(
            [bob.line(), bob.line(), bob.line()],
            ["<ann> one", "<ann> two", "<ann> three"]
        );
    });
}

#[test]
fn a_history_is_short_and_a_room_goes_with_its_last_member() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        ann.say("/join attic");
        ann.until("you are in attic");
        for number in 0..100 {
            ann.say_and_see(&format!("{number} {}", "x".repeat(990)));
        }
        let mut bob = Client::new(&server);
        bob.say("/join attic");
        bob.until("you are in attic");
        let first = bob.line();
        assert!(first.starts_with("<ann> 84 "), "{first}");
        assert!(bob.until("<ann> 99 ").ends_with('x'));
        ann.say("/part");
        bob.until("ann has left");
        bob.say("/part");
        bob.until("you have left attic");
        bob.say("/join attic");
        assert_eq!(bob.line(), "* you are in attic, with 0 others");
        bob.say("/history");
        assert_eq!(bob.line(), "* lately in attic:");
        bob.say("/who");
        assert!(bob.line().starts_with("* in attic"));
    });
}

#[test]
fn help_names_every_command_and_quit_says_goodbye() {
    chat(|flavour| {
        let server = start(flavour, &[]);
        let mut ann = Client::named(&server, "ann");
        let mut bob = Client::named(&server, "bob");
        bob.say("/help");
        for command in [
            "/help", "/nick", "/join", "/part", "/who", "/msg", "/history", "/quit",
        ] {
            bob.until(command);
        }
        bob.say("/dance");
        assert_eq!(bob.line(), "* not done: there is no /dance: see /help");
        bob.say("/quit");
        assert_eq!(bob.rest(), ["* goodbye"]);
        assert_eq!(ann.until("has gone"), "* bob has gone");
    });
}

#[test]
fn both_doors_lead_into_the_same_rooms() {
    chat(|flavour| {
        let place = Place::new();
        let path = place.file("chat");
        let server = start(flavour, &["--unix", path.to_str().unwrap()]);
        let mut ann = Client::named(&server, "ann");
        let mut bob = Client::local(&path);
        bob.say("/nick bob");
        bob.until("is now bob");
        bob.say("through the wall");
        assert_eq!(ann.until("<"), "<bob> through the wall");
        ann.say_and_see("come in");
        assert_eq!(bob.until("<ann>"), "<ann> come in");
    });
}
