//! A thousand in a room.

use std::thread;
use std::time::Duration;

use tests::deadline::within;
use tests::flavours::flavours_within;
use tests::process::has_room_for;
use tests::server::program;
use tests::skip;

use crate::client::Client;
use crate::start;

const CROWD: usize = 1000;
const SPEAKERS: usize = 10;
const LINES: usize = 10;

#[test]
fn a_thousand_in_a_room_see_the_same_lines_in_the_same_order() {
    within(Duration::from_secs(600), || program("chat"));
    flavours_within(Duration::from_secs(120), |flavour| {
        if !has_room_for(2 * CROWD as u64 + 100) {
            return skip(
                "a thousand in a room",
                "the hard limit of descriptors is too low",
            );
        }
        let server = start(flavour, &[]);
        let mut crowd: Vec<Client> = (0..CROWD).map(|_| Client::new(&server)).collect();
        for client in &mut crowd {
            client.until("you are in lobby");
        }
        // All are in; now they speak at once.
        let mut mouths: Vec<_> = crowd[..SPEAKERS].iter().map(Client::writer).collect();
        let speakers = mouths.drain(..).enumerate().map(|(speaker, mut mouth)| {
            thread::spawn(move || {
                for line in 0..LINES {
                    let line = format!("{speaker} {line}\n");
                    std::io::Write::write_all(&mut mouth, line.as_bytes()).unwrap();
                }
            })
        });
        let speakers: Vec<_> = speakers.collect();
        speakers
            .into_iter()
            .for_each(|speaker| speaker.join().unwrap());
        let expected = heard(&mut crowd[0]);
        for speaker in 0..SPEAKERS {
            let theirs = expected.iter().filter_map(|line| {
                let (who, number) = line.split_once("> ")?.1.split_once(' ')?;
                (who == speaker.to_string()).then(|| number.parse().unwrap())
            });
            let theirs: Vec<usize> = theirs.collect();
            assert_eq!(
                theirs,
                (0..LINES).collect::<Vec<_>>(),
                "of speaker {speaker}"
            );
        }
        for client in &mut crowd[1..] {
            assert_eq!(heard(client), expected);
        }
        // And nothing came twice: what follows is the next line.
        crowd[0].say("the end");
        for client in &mut crowd {
            assert!(client.line().ends_with("> the end"));
        }
    });
}

/// All that was said, as one of them has heard it.
fn heard(client: &mut Client) -> Vec<String> {
    (0..SPEAKERS * LINES).map(|_| client.until("<")).collect()
}
