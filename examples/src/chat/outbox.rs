//! What is to be sent to one client, and has not been sent yet.
//!
//! Whoever speaks in a room puts a frame into everybody's outbox and goes on; each client's writer
//! takes it out at the pace of its own client. A frame is encoded once, and shared by all outboxes
//! that it is in.
//!
//! The danger is a client that does not read: its outbox would grow without end. So it has a bound,
//! counted in bytes, as a thousand messages may be little or much. What becomes of a frame that does
//! not fit is the [`Policy`]. Whatever it is, the client learns of it: a gap in what it reads is
//! told at the place where it is, or else it is the end.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::sync::Notify;

/// Some lines, encoded, with their ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame(Arc<[u8]>);

impl Frame {
    /// A line, or several.
    pub(crate) fn new(text: &str) -> Self {
        Self(format!("{text}\n").into_bytes().into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it takes to keep it: its bytes, its head, and its place in a queue that has just grown.
    pub(crate) fn cost(&self) -> usize {
        self.0.len() + OVERHEAD
    }
}

/// What becomes of a frame that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The speaker waits for room, but not for ever; then as with `Drop`.
    Wait,
    /// The client misses it, and is told how many it has missed.
    Drop,
    /// The client is disconnected.
    Kick,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wait => "wait",
            Self::Drop => "drop",
            Self::Kick => "kick",
        })
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "wait" => Ok(Self::Wait),
            "drop" => Ok(Self::Drop),
            "kick" => Ok(Self::Kick),
            other => Err(format!("a policy is wait, drop or kick, not `{other}`")),
        }
    }
}

/// The frames for one client, up to a bound.
#[derive(Debug)]
pub(crate) struct Outbox {
    policy: Policy,
    bound: usize,
    state: Mutex<State>,
    /// For the writer: there is something to write, or an end.
    filled: Notify,
    /// For speakers: some has been written, or there is an end.
    drained: Notify,
    /// For the reader: there is an end.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    /// What the frames cost, those included that are just being written.
    cost: usize,
    being_written: usize,
    /// How many frames did not fit since the last that did.
    missed: u64,
    /// Nobody waits for room until the outbox is empty.
    is_given_up: bool,
    /// Nothing comes behind what is there.
    has_ended: bool,
}

impl Outbox {
    pub(crate) fn new(policy: Policy, bound: usize) -> Self {
        Self {
            policy,
            bound,
            state: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
            ended: Notify::new(),
        }
    }

    /// Puts a frame in, if there is room for it. It does not wait, so a room can give one frame to
    /// all its members at one moment.
    pub(crate) fn push(&self, frame: &Frame) {
        let mut state = self.state();
        if state.has_ended {
            return;
        }
        if state.has_room(frame.cost(), self.bound) {
            state.tell_missed();
            state.push(frame.clone());
            drop(state);
            self.filled.notify_one();
        } else if self.policy == Policy::Kick {
            state.frames.clear();
            state.cost = state.being_written;
            self.finish(state, Some(&Frame::new(KICKED)));
        } else {
            state.missed += 1;
        }
    }

    /// Ends it, with last words that always have room. What is there is still written. The first end
    /// counts.
    pub(crate) fn end(&self, last_words: Option<&Frame>) {
        let state = self.state();
        if !state.has_ended {
            self.finish(state, last_words);
        }
    }

    fn finish(&self, mut state: MutexGuard<'_, State>, last_words: Option<&Frame>) {
        state.has_ended = true;
        state.tell_missed();
        if let Some(frame) = last_words {
            state.push(frame.clone());
        }
        drop(state);
        self.filled.notify_one();
        self.drained.notify_waiters();
        self.ended.notify_waiters();
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) {
        let ended = self.ended.notified();
        if !self.state().has_ended {
            ended.await;
        }
    }

    /// Whether a speaker should wait before a frame of this cost.
    pub(crate) fn is_worth_waiting_for(&self, cost: usize) -> bool {
        if self.policy != Policy::Wait {
            return false;
        }
        let state = self.state();
        !state.is_given_up && !state.has_ended && !state.has_room(cost, self.bound)
    }

    /// Waits until there is room, or an end.
    pub(crate) async fn room_for(&self, cost: usize) {
        loop {
            let drained = self.drained.notified();
            if !self.lacks_room_for(cost) {
                return;
            }
            drained.await;
        }
    }

    fn lacks_room_for(&self, cost: usize) -> bool {
        let state = self.state();
        !state.has_ended && !state.has_room(cost, self.bound)
    }

    /// Lets nobody wait for this client any more, until it has read everything.
    pub(crate) fn give_up(&self) {
        self.state().is_given_up = true;
        self.drained.notify_waiters();
    }

    /// The next frames to write: some, but not more than is sensible at once. `None` at the end.
    ///
    /// Asking says that the former ones are written.
    pub(crate) async fn next(&self) -> Option<Vec<Frame>> {
        self.written();
        loop {
            if let Some(next) = self.next_now() {
                return next;
            }
            // A notice between the look and here is kept.
            self.filled.notified().await;
        }
    }

    /// As [`next`](Self::next), or `None` if there is nothing yet.
    fn next_now(&self) -> Option<Option<Vec<Frame>>> {
        let mut state = self.state();
        if state.frames.is_empty() {
            state.tell_missed();
        }
        match state.frames.is_empty() {
            false => Some(Some(state.take_batch())),
            true if state.has_ended => Some(None),
            true => None,
        }
    }

    fn written(&self) {
        let mut state = self.state();
        let written = mem::take(&mut state.being_written);
        state.cost -= written;
        if state.cost == 0 {
            state.is_given_up = false;
        }
        drop(state);
        if written > 0 {
            self.drained.notify_waiters();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One frame always fits, however long it is.
    fn has_room(&self, cost: usize, bound: usize) -> bool {
        // Who misses some misses more, until the outbox is half empty: one gap is told, and not one
        // for each frame that happens to find room.
        let bound = match self.missed {
            0 => bound,
            _ => bound / 2,
        };
        self.cost == 0 || self.cost + cost <= bound
    }

    fn push(&mut self, frame: Frame) {
        self.cost += frame.cost();
        self.frames.push_back(frame);
    }

    fn tell_missed(&mut self) {
        match mem::take(&mut self.missed) {
            0 => {}
            missed => self.push(Frame::new(&format!("* you missed {missed}"))),
        }
    }

    fn take_batch(&mut self) -> Vec<Frame> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(frame) = self.frames.front() {
            bytes += frame.bytes().len();
            if !batch.is_empty() && (bytes > BATCH_BYTES || batch.len() == BATCH_FRAMES) {
                break;
            }
            self.being_written += frame.cost();
            batch.extend(self.frames.pop_front());
        }
        if self.frames.is_empty() {
            // A crowd that was stalled once need not keep room for ever.
            self.frames.shrink_to(BATCH_FRAMES);
        }
        batch
    }
}

/// Said to one who is disconnected by the policy.
const KICKED: &str = "* you are disconnected: you did not read, and too much was waiting for you";
/// The head of a shared slice, the allocator's own, and a place in a queue that doubles.
const OVERHEAD: usize = 64;
/// Has to be written within the deadline for writing, so not too much; and as few calls as possible.
const BATCH_BYTES: usize = 64 * 1024;
const BATCH_FRAMES: usize = 64;

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    /// Room for four frames such as these.
    const BOUND: usize = 4 * (OVERHEAD + 2);

    fn frame(number: usize) -> Frame {
        Frame::new(&number.to_string())
    }

    fn outbox(policy: Policy) -> Outbox {
        Outbox::new(policy, BOUND)
    }

    fn text(batch: &[Frame]) -> String {
        let bytes: Vec<u8> = batch
            .iter()
            .flat_map(|frame| frame.bytes().to_vec())
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    /// What the writer gets now, if it gets something.
    fn taken(outbox: &Outbox) -> Option<String> {
        let next = runtime::block_on(async {
            let mut next = pin!(outbox.next());
            poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await
        });
        match next {
            Poll::Ready(Some(batch)) => Some(text(&batch)),
            _ => None,
        }
    }

    fn has_ended(outbox: &Outbox) -> bool {
        runtime::block_on(outbox.next()).is_none()
    }

    #[test]
    fn what_is_put_in_comes_out_in_order() {
        let outbox = outbox(Policy::Drop);
        assert_eq!(taken(&outbox), None);
        (1..=3).for_each(|n| outbox.push(&frame(n)));
        assert_eq!(taken(&outbox).unwrap(), "1\n2\n3\n");
        assert_eq!(taken(&outbox), None);
    }

    #[test]
    fn a_gap_is_told_once_at_its_place() {
        let outbox = outbox(Policy::Drop);
        (1..=9).for_each(|n| outbox.push(&frame(n)));
        assert_eq!(taken(&outbox).unwrap(), "1\n2\n3\n4\n");
        // What is being written still counts.
        outbox.push(&frame(9));
        assert_eq!(taken(&outbox).unwrap(), "* you missed 6\n");
        outbox.push(&frame(5));
        assert_eq!(taken(&outbox).unwrap(), "5\n");
    }

    #[test]
    fn a_gap_stands_before_what_follows_it() {
        let outbox = Outbox::new(Policy::Drop, 2 * (OVERHEAD + 100));
        let long = Frame::new(&"x".repeat(150));
        outbox.push(&long);
        outbox.push(&long);
        assert_eq!(taken(&outbox).unwrap(), text(&[long]));
        runtime::block_on(async {
            // Written; then there is room, before the writer looks.
            outbox.written();
        });
        outbox.push(&frame(1));
        assert_eq!(taken(&outbox).unwrap(), "* you missed 1\n1\n");
    }

    #[test]
    fn one_frame_fits_however_long_it_is() {
        let outbox = outbox(Policy::Drop);
        let long = Frame::new(&"x".repeat(10 * BOUND));
        outbox.push(&long);
        outbox.push(&frame(1));
        assert_eq!(taken(&outbox).unwrap(), text(&[long]));
        assert_eq!(taken(&outbox).unwrap(), "* you missed 1\n");
    }

    #[test]
    fn who_is_kicked_gets_the_reason_and_nothing_else() {
        let outbox = outbox(Policy::Kick);
        (1..=9).for_each(|n| outbox.push(&frame(n)));
        assert!(
            taken(&outbox)
                .unwrap()
                .starts_with("* you are disconnected")
        );
        assert!(has_ended(&outbox));
    }

    #[test]
    fn last_words_have_room_and_nothing_comes_behind_them() {
        let outbox = outbox(Policy::Drop);
        (1..=5).for_each(|n| outbox.push(&frame(n)));
        outbox.end(Some(&Frame::new("bye")));
        outbox.end(Some(&Frame::new("bye again")));
        outbox.push(&frame(6));
        assert_eq!(taken(&outbox).unwrap(), "1\n2\n3\n4\n* you missed 1\nbye\n");
        assert!(has_ended(&outbox));
        runtime::block_on(outbox.ended());
        runtime::block_on(outbox.room_for(10 * BOUND));
    }

    #[test]
    fn nobody_waits_for_one_who_was_given_up_until_it_has_read() {
        let outbox = outbox(Policy::Wait);
        let cost = frame(1).cost();
        (1..=4).for_each(|n| outbox.push(&frame(n)));
        assert!(outbox.is_worth_waiting_for(cost));
        outbox.give_up();
        assert!(!outbox.is_worth_waiting_for(cost));
        taken(&outbox).unwrap();
        assert_eq!(taken(&outbox), None);
        (1..=4).for_each(|n| outbox.push(&frame(n)));
        assert!(outbox.is_worth_waiting_for(cost));
    }

    #[test]
    fn a_batch_is_not_more_than_a_slow_client_reads_in_time() {
        let outbox = Outbox::new(Policy::Drop, 1 << 30);
        let frame = Frame::new(&"x".repeat(1000));
        (0..1000).for_each(|_| outbox.push(&frame));
        let mut batches = 0;
        while let Some(batch) = taken(&outbox) {
            assert!(batch.len() <= BATCH_BYTES);
            batches += 1;
        }
        assert!((16..=20).contains(&batches), "{batches}");
    }
}
