//! What can be done in the rooms, and the order in which it is done.
//!
//! Everything that is said passes one lock, and under it a frame goes into the outbox of each who is
//! to see it. So there is one order of everything, the same for all: whoever is in a room sees each
//! line once, and one who comes in sees it either in the history or after it. The end of the server
//! is a place in that order too: what was said before it is delivered, what comes after is refused.
//!
//! The danger would be to wait under the lock. Nothing here does; an outbox takes a frame or does
//! not, at once. Who has to wait for a slow client ([`Policy::Wait`]) does so outside, and then looks
//! again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::time::{Duration, Instant, timeout_at};

use super::outbox::{Frame, Outbox, Policy};
use super::rooms::{Client, Id, LOBBY, Refusal, Rooms};

/// All rooms of the server.
#[derive(Debug)]
pub(crate) struct Hall {
    state: Mutex<Rooms>,
}

impl Hall {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(Rooms::new()),
        }
    }

    /// Lets a client in, into the lobby; so much is kept for it if it does not read.
    pub(crate) fn enter(&self, policy: Policy, bound: usize) -> (Id, Arc<Outbox>) {
        let outbox = Arc::new(Outbox::new(policy, bound));
        let mut state = self.state();
        let (id, nick) = state.guest();
        state.nicks.insert(nick.clone(), id);
        outbox.push(&Frame::new(&format!("* welcome, {nick}; see /help")));
        let client = Client {
            nick,
            room: None,
            outbox: outbox.clone(),
        };
        state.clients.insert(id, client);
        if state.is_closed {
            outbox.end(Some(&goodbye()));
        } else {
            state.join(id, LOBBY);
        }
        (id, outbox)
    }

    /// Forgets a client.
    pub(crate) fn leave(&self, id: Id) {
        let mut state = self.state();
        state.part(id, "has gone");
        if let Some(client) = state.clients.remove(&id) {
            state.nicks.remove(&client.nick.to_lowercase());
        }
    }

    /// Ends everything: what comes from now on is refused, and everybody is told goodbye. Returns what
    /// there is to be told to the next server: later, rooms have gone with those who were in them.
    pub(crate) fn close(&self) -> String {
        let mut state = self.state();
        state.is_closed = true;
        for client in state.clients.values() {
            client.outbox.end(Some(&goodbye()));
        }
        state.told()
    }

    /// Takes over what the former server has told.
    pub(crate) fn recall(&self, told: &str) {
        self.state().recall(told);
    }

    /// Says something to the client's room; the speaker sees it too, which is how it knows.
    pub(crate) async fn say(&self, id: Id, text: &str) -> Result<(), Refusal> {
        let mut patience = Patience::default();
        while let Some(slow) = self.try_to_say(id, text)? {
            patience.wait(&slow).await;
        }
        Ok(())
    }

    /// Says something to one person; the speaker sees it too.
    pub(crate) async fn message(&self, id: Id, to: &str, text: &str) -> Result<(), Refusal> {
        let mut patience = Patience::default();
        while let Some(slow) = self.try_to_message(id, to, text)? {
            patience.wait(&slow).await;
        }
        Ok(())
    }

    /// Says it to all, or to none because of one who is slow.
    fn try_to_say(&self, id: Id, text: &str) -> Result<Option<Slow>, Refusal> {
        let mut state = self.state();
        state.refuse_if_closed()?;
        let (name, room) = state.room_of(id)?;
        let frame = Frame::new(&format!("<{}> {text}", state.clients[&id].nick));
        let slow = slow(&state, &room.members, &frame);
        if slow.is_none() {
            let name = name.to_owned();
            state.tell_room(&name, &frame);
            state.remember(&name, frame);
        }
        Ok(slow)
    }

    fn try_to_message(&self, id: Id, to: &str, text: &str) -> Result<Option<Slow>, Refusal> {
        let state = self.state();
        state.refuse_if_closed()?;
        let Some(&other) = state.nicks.get(&to.to_lowercase()) else {
            return Err(format!("nobody here is called {to}"));
        };
        let frame = Frame::new(&format!("[{} to {to}] {text}", state.nick(id)?));
        let slow = slow(&state, &[id, other], &frame);
        if slow.is_none() {
            state.clients[&id].outbox.push(&frame);
            if other != id {
                state.clients[&other].outbox.push(&frame);
            }
        }
        Ok(slow)
    }

    /// Gives the client another name.
    pub(crate) fn rename(&self, id: Id, nick: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        state.refuse_if_closed()?;
        let key = nick.to_lowercase();
        if state.nicks.get(&key).is_some_and(|other| *other != id) {
            return Err(format!("somebody else is called {nick}"));
        }
        let client = state.client(id);
        let former = std::mem::replace(&mut client.nick, nick.to_owned());
        let frame = Frame::new(&format!("* {former} is now {nick}"));
        let room = client.room.clone();
        state.nicks.remove(&former.to_lowercase());
        state.nicks.insert(key, id);
        match room {
            Some(room) => state.tell_room(&room, &frame),
            None => state.clients[&id].outbox.push(&frame),
        }
        Ok(())
    }

    /// Brings the client into a room, out of the one where it is.
    pub(crate) fn join(&self, id: Id, room: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        state.refuse_if_closed()?;
        let room = room.to_lowercase();
        if state.clients[&id].room.as_ref() == Some(&room) {
            return Err(format!("you are in {room}"));
        }
        state.part(id, "has left");
        state.join(id, &room);
        Ok(())
    }

    /// Brings the client out of its room.
    pub(crate) fn part(&self, id: Id) -> Result<(), Refusal> {
        let mut state = self.state();
        state.refuse_if_closed()?;
        match state.part(id, "has left") {
            Some(room) => {
                let frame = Frame::new(&format!("* you have left {room}"));
                state.clients[&id].outbox.push(&frame);
                Ok(())
            }
            None => Err(String::from("you are in no room")),
        }
    }

    /// Tells the client who is in its room.
    pub(crate) fn who(&self, id: Id) -> Result<(), Refusal> {
        let state = self.state();
        let (name, room) = state.room_of(id)?;
        let nicks = room.members.iter().map(|id| &*state.clients[id].nick);
        let nicks: Vec<&str> = nicks.collect();
        let frame = Frame::new(&format!("* in {name}: {}", nicks.join(", ")));
        state.clients[&id].outbox.push(&frame);
        Ok(())
    }

    /// Tells the client what was said in its room.
    pub(crate) fn history(&self, id: Id) -> Result<(), Refusal> {
        let state = self.state();
        let (name, room) = state.room_of(id)?;
        let frame = Frame::new(&format!("* lately in {name}:{}", room.retold()));
        state.clients[&id].outbox.push(&frame);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, Rooms> {
        // A panic in here would be a bug of one session; the others go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client that has no room for a frame of this cost.
struct Slow {
    outbox: Arc<Outbox>,
    cost: usize,
}

/// The first of them for whom a speaker should wait.
fn slow(state: &Rooms, members: &[Id], frame: &Frame) -> Option<Slow> {
    let cost = frame.cost();
    let mut outboxes = members.iter().map(|id| &state.clients[id].outbox);
    let outbox = outboxes.find(|outbox| outbox.is_worth_waiting_for(cost))?;
    Some(Slow {
        outbox: outbox.clone(),
        cost,
    })
}

/// How long one line may still wait.
#[derive(Default)]
struct Patience {
    until: Option<Instant>,
}

impl Patience {
    /// Waits for a slow client. If that takes too long, nobody waits for it until it has read.
    async fn wait(&mut self, slow: &Slow) {
        let until = *self.until.get_or_insert_with(|| Instant::now() + PATIENCE);
        let room = timeout_at(until, slow.outbox.room_for(slow.cost));
        if room.await.is_err() {
            slow.outbox.give_up();
        }
    }
}

fn goodbye() -> Frame {
    Frame::new("* the server is going down: nothing is said from now on; goodbye")
}

/// What a speaker bears for all slow clients together, for one line.
const PATIENCE: Duration = Duration::from_secs(5);
