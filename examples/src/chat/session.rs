//! One client, from its greeting to its end.
//!
//! A session is a scope of two: the reader does what the client asks for, the writer sends what is in
//! its outbox. However it ends, it ends through the outbox: whoever ends it says why in there, the
//! reader stops, and the writer sends what is left and ends the stream.
//!
//! The danger is the very end. If a connection is closed while something that came is unread, the
//! kernel cuts it off, and what the client has not got by then is lost, the goodbye first. So the
//! reader goes on to take what comes, and throws it away, until the client ends its side too, or
//! a moment has passed.
//!
//! And a client may be slow in two ways. One that says nothing for long is ended. One that reads so
//! slowly that a batch is not gone within the deadline is cut off, however many bytes of it it took:
//! else a byte an hour would keep it.

use std::io::IoSlice;
use std::sync::Arc;

use net::codec::Framed;
use net::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use runtime::sync::CancellationToken;
use runtime::task::{scope, yield_now};
use runtime::time::{Duration, timeout};

use super::hall::Hall;
use super::lines::{LONGEST, Line, Lines};
use super::outbox::{Frame, Outbox};
use super::request::{HELP, Request};
use super::rooms::{Id, Refusal};
use super::settings::Settings;

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For its next line.
    pub idle: Duration,
    /// To read what is written at once.
    pub stall: Duration,
}

/// The client has gone, or was cut off: nothing is left to be told to it.
#[derive(Debug)]
struct Gone;

/// Serves a client over the two halves of its connection.
pub(crate) async fn serve<R, W>(reader: R, writer: W, hall: Arc<Hall>, settings: Settings)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let limits = settings.limits;
    let (id, outbox) = hall.enter(settings.policy, settings.outbox);
    let _leaves = Leaves { hall: &hall, id };
    let session = Session {
        id,
        hall: &hall,
        outbox: &outbox,
        idle: limits.idle,
    };
    // The error is the client's going, in the middle of something: that is no news for others.
    let _ = scope(|tasks| {
        let (outbox, session) = (outbox.clone(), &session);
        async move {
            let stop = tasks.token().clone();
            let heard = stop.child_token();
            tasks.spawn(write(
                writer,
                outbox,
                limits.stall,
                stop.clone(),
                heard.clone(),
            ));
            stop.run_until_cancelled(session.read(reader)).await;
            heard.cancel();
            Ok::<_, Gone>(())
        }
    })
    .await;
}

/// Tells one who is not let in why. It may have spoken already, and that is thrown away, as at the end
/// of a session.
pub(crate) async fn turn_away(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    why: &[u8],
) {
    let told = async {
        writer.write_all(why).await?;
        writer.close().await?;
        take_rest(&mut reader).await;
        std::io::Result::Ok(())
    };
    // One who has gone needs to be told nothing.
    let _ = timeout(LINGER, told).await;
}

/// Takes what still comes, and throws it away.
async fn take_rest(reader: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 1024];
    while let Ok(1..) = reader.read(&mut rest).await {}
}

/// Takes the client out of the hall, also when the session is cut.
struct Leaves<'a> {
    hall: &'a Hall,
    id: Id,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.hall.leave(self.id);
    }
}

struct Session<'a> {
    id: Id,
    hall: &'a Hall,
    outbox: &'a Outbox,
    idle: Duration,
}

impl Session<'_> {
    /// Does what the client asks for until the session ends, and then takes what still comes.
    async fn read(&self, reader: impl AsyncRead + Unpin) {
        let mut lines = Framed::new(reader, Lines::default());
        runtime::select! {
            biased;
            () = self.outbox.ended() => {}
            words = self.serve(&mut lines) => self.outbox.end(words.as_ref()),
        }
        self.hall.leave(self.id);
        take_rest(lines.get_mut()).await;
    }

    /// Does what the client asks for; returns the last words for it, if there are any.
    async fn serve(&self, lines: &mut Framed<impl AsyncRead + Unpin, Lines>) -> Option<Frame> {
        loop {
            let Ok(line) = timeout(self.idle, lines.next()).await else {
                return Some(Frame::new("* you said nothing for too long; goodbye"));
            };
            // At its end, or reset: then the writer will find out.
            let line = line?.ok()?;
            // Who speaks faster than it reads, or asks and does not read, waits; and nobody else.
            self.outbox.room_for(ROOM).await;
            match self.obey(line).await {
                Ok(true) => {}
                Ok(false) => return Some(Frame::new("* goodbye")),
                Err(refusal) => self.answer(&format!("* not done: {refusal}")),
            }
            // What one client sends at once, a thousand others have to read.
            yield_now().await;
        }
    }

    /// Does what one line asks for. False if that is to end.
    async fn obey(&self, line: Line) -> Result<bool, Refusal> {
        let line = match line {
            Line::Text(line) => line,
            Line::TooLong => return Err(format!("a line has {LONGEST} bytes at most")),
            Line::NotText => return Err(String::from("a line is text in UTF-8")),
        };
        let (hall, id) = (self.hall, self.id);
        match Request::parse(&line)? {
            Request::Say(text) => hall.say(id, &text).await?,
            Request::Help => self.answer(HELP),
            Request::Nick(nick) => hall.rename(id, &nick)?,
            Request::Join(room) => hall.join(id, &room)?,
            Request::Part => hall.part(id)?,
            Request::Who => hall.who(id)?,
            Request::Msg { to, text } => hall.message(id, &to, &text).await?,
            Request::History => hall.history(id)?,
            Request::Quit => return Ok(false),
            Request::Nothing => {}
        }
        Ok(true)
    }

    fn answer(&self, text: &str) {
        self.outbox.push(&Frame::new(text));
    }
}

/// Sends what is in the outbox until its end, and ends the stream; then waits a moment until the
/// client was `heard` to its end, and stops the session.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    outbox: Arc<Outbox>,
    stall: Duration,
    stop: CancellationToken,
    heard: CancellationToken,
) -> Result<(), Gone> {
    while let Some(Some(batch)) = stop.run_until_cancelled(outbox.next()).await {
        let written = timeout(stall, write_batch(&mut writer, &batch));
        match stop.run_until_cancelled(written).await {
            Some(Ok(Ok(()))) => {}
            _ => return Err(Gone),
        }
    }
    writer.close().await.map_err(|_| Gone)?;
    let _ = timeout(LINGER, heard.cancelled()).await;
    stop.cancel();
    Ok(())
}

/// Writes all of it, with as few calls as possible.
async fn write_batch(
    writer: &mut (impl AsyncWrite + Unpin),
    batch: &[Frame],
) -> std::io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|f| IoSlice::new(f.bytes())).collect();
    let mut left = &mut slices[..];
    while !left.is_empty() {
        match writer.write_vectored(left).await? {
            0 => return Err(std::io::ErrorKind::WriteZero.into()),
            count => IoSlice::advance_slices(&mut left, count),
        }
    }
    Ok(())
}

/// More than what comes of one line, be it a history.
pub(super) const ROOM: usize = 32 * 1024;
/// For a client to end its side when we have ended ours.
const LINGER: Duration = Duration::from_secs(2);
