//! What a line asks for.
//!
//! A line that begins with a slash is a command, any other is said to the room. The danger is in
//! what is passed on: a control character would be a command to somebody else's terminal, and a name
//! with a space or a bracket in it could pretend to be another's line. So the first are taken out,
//! and the second are refused.

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Say(String),
    Help,
    Nick(String),
    Join(String),
    Part,
    Who,
    Msg { to: String, text: String },
    History,
    Quit,
    Nothing,
}

pub(crate) const HELP: &str = "\
* any other line is said to your room
* /help             this
* /nick NAME        another name for you
* /join ROOM        into a room; it is made if there is none
* /part             out of it
* /who              who is in it
* /msg NAME TEXT    to one person, wherever that is
* /history          what was said in your room lately
* /quit             goodbye";

impl Request {
    /// What the line asks for.
    ///
    /// # Errors
    ///
    /// Why it is refused, to be told to whoever sent it.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let line: String = line.chars().map(printable).collect();
        let line = line.trim();
        if line.is_empty() {
            return Ok(Self::Nothing);
        }
        let Some(command) = line.strip_prefix('/') else {
            return Ok(Self::Say(line.to_owned()));
        };
        let (command, rest) = first_word(command);
        match (command, rest) {
            ("help", "") => Ok(Self::Help),
            ("part", "") => Ok(Self::Part),
            ("who", "") => Ok(Self::Who),
            ("history", "") => Ok(Self::History),
            ("quit", "") => Ok(Self::Quit),
            ("nick", name) => Ok(Self::Nick(checked("/nick NAME", name)?)),
            ("join", name) => Ok(Self::Join(checked("/join ROOM", name)?)),
            ("msg", rest) => message(rest),
            ("help" | "part" | "who" | "history" | "quit", _) => {
                Err(format!("/{command} takes nothing behind it"))
            }
            _ => Err(format!("there is no /{command}: see /help")),
        }
    }
}

/// A tab is a space; what else controls a terminal is nothing that people write.
fn printable(character: char) -> char {
    match character.is_control() {
        true => ' ',
        false => character,
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn message(rest: &str) -> Result<Request, String> {
    let (name, text) = first_word(rest);
    if text.is_empty() {
        return Err(String::from("/msg takes a name and a text: /msg NAME TEXT"));
    }
    Ok(Request::Msg {
        to: checked("/msg NAME TEXT", name)?,
        text: text.to_owned(),
    })
}

/// A name that cannot be taken for anything else.
fn checked(usage: &str, name: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    match name.chars().count() {
        1..=LONGEST_NAME if name.chars().all(is_plain) => Ok(name.to_owned()),
        _ => Err(format!(
            "{usage}: a name is 1 to {LONGEST_NAME} letters, digits, - or _"
        )),
    }
}

/// In characters.
const LONGEST_NAME: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        Request::parse(line).expect_err(line)
    }

    #[test]
    fn commands_are_understood() {
        let ann = || String::from("ann");
        for (line, expected) in [
            ("/help", Request::Help),
            ("/nick ann", Request::Nick(ann())),
            ("/join   ann ", Request::Join(ann())),
            ("/part", Request::Part),
            ("/who ", Request::Who),
            ("/history", Request::History),
            ("/quit", Request::Quit),
            ("", Request::Nothing),
            (" \t ", Request::Nothing),
            ("/nick Zo\u{eb}", Request::Nick(String::from("Zo\u{eb}"))),
        ] {
            assert_eq!(Request::parse(line), Ok(expected), "{line}");
        }
        let expected = Request::Msg {
            to: ann(),
            text: String::from("two  words"),
        };
        assert_eq!(Request::parse("/msg ann  two  words"), Ok(expected));
    }

    #[test]
    fn other_lines_are_said() {
        for line in ["hello", "what is 1/2?", "a /quit inside"] {
            assert_eq!(Request::parse(line), Ok(Request::Say(line.to_owned())));
        }
    }

    #[test]
    fn what_would_move_a_cursor_is_taken_out() {
        let said = Request::parse("\u{1b}[2Jred\u{9b}\ralert\u{7}").unwrap();
        assert_eq!(said, Request::Say(String::from("[2Jred  alert")));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_cure() {
        assert!(refused("/dance").contains("/help"));
        assert!(refused("/quit now").contains("/quit"));
        for line in ["/nick", "/nick two words", "/nick <ann>", "/join *"] {
            assert!(refused(line).contains("letters"), "{line}");
        }
        assert!(refused(&format!("/nick {}", "n".repeat(21))).contains("20"));
        assert!(refused("/msg ann").contains("/msg NAME TEXT"));
    }
}
