//! The rooms, and who is in which: plain data, which somebody else locks.
//!
//! The danger in it is to let something grow for ever. A client is forgotten when it leaves, a room
//! when its last member does, and a history keeps so many bytes and no more. (A room that is handed
//! over to the next server waits there for its first member to come back; its last one takes it along.)

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::outbox::{Frame, Outbox};

/// All clients and all rooms.
#[derive(Debug)]
pub(crate) struct Rooms {
    pub(crate) clients: HashMap<Id, Client>,
    /// By their names in lower case: `Ann` is no disguise for `ann`.
    pub(crate) nicks: HashMap<String, Id>,
    rooms: HashMap<String, Room>,
    guests: u64,
    pub(crate) is_closed: bool,
}

/// A client's number. It keeps it when it takes another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(u64);

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) nick: String,
    pub(crate) room: Option<String>,
    pub(crate) outbox: Arc<Outbox>,
}

#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) members: Vec<Id>,
    history: VecDeque<Frame>,
    history_bytes: usize,
}

/// Why something is not done, to be told to whoever asked for it.
pub(crate) type Refusal = String;

impl Rooms {
    /// The lobby, with nobody in it.
    pub(crate) fn new() -> Self {
        Self {
            clients: HashMap::new(),
            nicks: HashMap::new(),
            rooms: HashMap::from([(LOBBY.to_owned(), Room::default())]),
            guests: 0,
            is_closed: false,
        }
    }

    pub(crate) fn refuse_if_closed(&self) -> Result<(), Refusal> {
        match self.is_closed {
            true => Err(String::from("the server is going down")),
            false => Ok(()),
        }
    }

    /// A new number, and a name that nobody has.
    pub(crate) fn guest(&mut self) -> (Id, String) {
        loop {
            self.guests += 1;
            let nick = format!("guest{}", self.guests);
            if !self.nicks.contains_key(&nick) {
                return (Id(self.guests), nick);
            }
        }
    }

    pub(crate) fn nick(&self, id: Id) -> Result<&str, Refusal> {
        let client = self.clients.get(&id).ok_or("you have gone already")?;
        Ok(&client.nick)
    }

    pub(crate) fn client(&mut self, id: Id) -> &mut Client {
        self.clients
            .get_mut(&id)
            .expect("a session leaves once, at its end")
    }

    pub(crate) fn join(&mut self, id: Id, name: &str) {
        let client = self.client(id);
        client.room = Some(name.to_owned());
        let frame = Frame::new(&format!("* {} has come in", client.nick));
        let outbox = client.outbox.clone();
        self.tell_room(name, &frame);
        let room = self.rooms.entry(name.to_owned()).or_default();
        let others = match room.members.len() {
            1 => String::from("1 other"),
            count => format!("{count} others"),
        };
        // In one frame, so that a history is seen whole or missed whole.
        let frame = Frame::new(&format!(
            "* you are in {name}, with {others}{}",
            room.retold()
        ));
        outbox.push(&frame);
        room.members.push(id);
    }

    /// Out of the room, which goes with its last member.
    pub(crate) fn part(&mut self, id: Id, how: &str) -> Option<String> {
        let client = self.clients.get_mut(&id)?;
        let name = client.room.take()?;
        let frame = Frame::new(&format!("* {} {how}", client.nick));
        let room = self.rooms.get_mut(&name)?;
        room.members.retain(|member| *member != id);
        if room.members.is_empty() && name != LOBBY {
            self.rooms.remove(&name);
        } else if !self.is_closed {
            self.tell_room(&name, &frame);
        }
        Some(name)
    }

    pub(crate) fn room_of(&self, id: Id) -> Result<(&str, &Room), Refusal> {
        let name = self
            .clients
            .get(&id)
            .and_then(|client| client.room.as_ref());
        let name = name.ok_or("you are in no room: /join one first")?;
        Ok((name, &self.rooms[name]))
    }

    pub(crate) fn tell_room(&self, name: &str, frame: &Frame) {
        let members = self.rooms.get(name).map(|room| &*room.members);
        for id in members.unwrap_or_default() {
            self.clients[id].outbox.push(frame);
        }
    }

    pub(crate) fn remember(&mut self, name: &str, frame: Frame) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.history_bytes += frame.bytes().len();
            room.history.push_back(frame);
            while room.history_bytes > HISTORY {
                let oldest = room.history.pop_front();
                room.history_bytes -= oldest.map_or(0, |frame| frame.bytes().len());
            }
        }
    }

    /// All rooms with their histories, for the next server: a line `#NAME`, and below it what was said
    /// there. The lobby is the first; what would be too much is left out.
    pub(crate) fn told(&self) -> String {
        let mut rooms: Vec<_> = self.rooms.iter().collect();
        rooms.sort_by_key(|(name, _)| *name != LOBBY);
        let mut told = String::new();
        for (name, room) in rooms {
            let next = format!("#{name}{}\n", room.retold());
            if (told.len() + next.len()) as u64 <= MOST_TOLD {
                told += &next;
            }
        }
        told
    }

    /// Takes over what the former server has told. A line that has no end was cut off.
    pub(crate) fn recall(&mut self, told: &str) {
        let mut name = LOBBY;
        for line in told.split_inclusive('\n') {
            match (line.strip_prefix('#'), line.strip_suffix('\n')) {
                (Some(room), Some(_)) => {
                    name = room.trim_end();
                    self.rooms.entry(name.to_owned()).or_default();
                }
                (None, Some(line)) => self.remember(name, Frame::new(line)),
                (_, None) => {}
            }
        }
    }
}

impl Room {
    /// The history as lines behind a first one.
    pub(crate) fn retold(&self) -> String {
        let lines = self.history.iter().map(|frame| frame.bytes());
        let lines: Vec<u8> = lines
            .flat_map(|line| [b"\n", line.trim_ascii_end()].concat())
            .collect();
        String::from_utf8_lossy(&lines).into_owned()
    }
}

/// Where everybody comes in. It has its history even when it is empty.
pub(crate) const LOBBY: &str = "lobby";
/// Of all rooms, to the next server; in bytes.
pub(crate) const MOST_TOLD: u64 = 1 << 20;
/// Of each room; in bytes.
const HISTORY: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_recalled_and_is_not_too_much() {
        let mut rooms = Rooms::new();
        let line = Frame::new(&format!("<ann> #{}", "x".repeat(1000)));
        let names = (0..100).map(|number| format!("room{number}"));
        for name in names.chain([LOBBY.to_owned()]) {
            rooms.rooms.entry(name.clone()).or_default();
            (0..15).for_each(|_| rooms.remember(&name, line.clone()));
        }
        let told = rooms.told();
        assert!(told.starts_with("#lobby\n<ann> #x"));
        assert!(told.len() as u64 <= MOST_TOLD && told.len() as u64 > MOST_TOLD / 2);
        let mut next = Rooms::new();
        next.recall(&told);
        assert_eq!(next.told().len(), told.len());
        assert_eq!(next.rooms[LOBBY].history.len(), 15);
    }

    #[test]
    fn a_line_without_an_end_is_not_recalled() {
        let mut rooms = Rooms::new();
        rooms.recall("#lobby\n<ann> one\n#attic\n<bob> two\n<bob> thr");
        assert_eq!(rooms.rooms[LOBBY].retold(), "\n<ann> one");
        assert_eq!(rooms.rooms["attic"].retold(), "\n<bob> two");
    }
}
