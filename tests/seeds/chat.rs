//! The chat server: one order of all that is said, the same for all, up to the goodbye.
//!
//! Some speak and read, some read late and little at a time, some quit or end their side, some cut
//! the connection off. The policy is drawn too, the outboxes are small or large, and the server may be
//! closed in the middle of everything. As each who comes in is told what was said before, all have
//! heard the same, from the first line on; one who has gone before the end has heard the beginning of
//! it; and one who has missed something was told so where it is, and how much at most.
//!
//! Half of them come through the doors; a kernel keeps more for each than is said here. So the others
//! have connections that hold little, and those of whom the policies speak are among them.

use std::cell::Cell;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as LocalAddr;
use std::process;
use std::rc::Rc;

use crate::servers::chat::{Connection, House, Limits, Policy, Settings};
use net::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, duplex};
use net::{TcpListener, TcpStream, UnixListener, UnixStream};
use runtime::sync::Notify;
use runtime::task::{spawn_local, yield_now};
use runtime::time::{Duration, sleep};
use tests::fd::reset_on_close;

use crate::numbers::Numbers;
use crate::seeds;

#[test]
fn all_hear_the_same_in_one_order_whatever_happens() {
    seeds(|seed| async move {
        let evening = Evening::new(seed);
        let heard = evening.talk().await;
        compare(&heard);
    });
}

/// One server, and those who come.
struct Evening {
    numbers: Numbers,
    seed: u64,
    house: House,
    /// Lines that each speaker says.
    lines: usize,
    /// The server is closed before all have said what they have to say.
    is_short: bool,
    /// How many have come in, and how many have nothing more to say, together.
    steps: Cell<usize>,
    one_more: Notify,
    /// Nobody comes in any more.
    is_closed: Cell<bool>,
}

/// What somebody has heard.
#[derive(Debug, Default)]
struct Heard {
    /// All that was said, and where something was missed.
    said: Vec<Said>,
    /// The last line of all.
    last: String,
    /// It wanted to hear the goodbye.
    stayed: bool,
    /// It was told what had been said before.
    came_in: bool,
    /// It has cut the connection off, or came too late: nothing is known of what it should have heard.
    is_nothing: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Line(String),
    Missed(usize),
}

/// How somebody leaves who has nothing more to say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Never,
    Quits,
    EndsItsSide,
    CutsItOff,
}

impl Evening {
    fn new(seed: u64) -> Rc<Self> {
        let numbers = Numbers::new(seed);
        let settings = Settings {
            policy: [Policy::Wait, Policy::Drop, Policy::Kick][numbers.below(3)],
            // What is said fits into a history, and that into an outbox.
            outbox: [18_000, 1 << 20][numbers.below(2)],
            clients: 100,
            limits: Limits {
                idle: Duration::from_secs(500),
                stall: Duration::from_secs(300),
            },
        };
        Rc::new(Self {
            house: House::new(settings),
            lines: 1 + numbers.below(250),
            is_short: numbers.below(3) == 0,
            numbers,
            seed,
            steps: Cell::new(0),
            is_closed: Cell::new(false),
            one_more: Notify::new(),
        })
    }

    /// From the opening of the doors to the end of the last client.
    async fn talk(self: &Rc<Self>) -> Vec<Heard> {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let name = format!("edgewake-chat-{}-{}", process::id(), self.seed);
        let local = LocalAddr::from_abstract_name(name).unwrap();
        let unix = UnixListener::bind_addr(&local).unwrap();
        let evening = self.clone();
        let doors = spawn_local(async move {
            runtime::select! {
                broken = evening.house.admit(tcp.incoming()) => broken.unwrap(),
                broken = evening.house.admit(unix.incoming()) => broken.unwrap(),
            }
        });
        let count = 1 + self.numbers.below(5);
        let clients: Vec<_> = (0..count)
            .map(|number| {
                let (evening, local) = (self.clone(), local.clone());
                spawn_local(async move {
                    match evening.numbers.below(4) {
                        0 => {
                            let stream = UnixStream::connect_addr(&local).await;
                            evening.client(number, stream).await
                        }
                        1 => {
                            let stream = TcpStream::connect(address).await;
                            // No connection is left to the kernel to wait for, ten thousand seeds long.
                            stream.iter().for_each(reset_on_close);
                            evening.client(number, stream).await
                        }
                        _ if evening.is_closed.get() => {
                            let closed = Err::<Narrow, _>(io::ErrorKind::ConnectionRefused.into());
                            evening.client(number, closed).await
                        }
                        _ => {
                            let (client, server) = narrow(1 + evening.numbers.below(3000));
                            evening.house.welcome(server);
                            evening.client(number, Ok(client)).await
                        }
                    }
                })
            })
            .collect();
        let until = if self.is_short { 1 } else { 2 * count };
        while self.steps.get() < until {
            self.one_more.notified().await;
        }
        self.is_closed.set(true);
        doors.abort();
        let _ = doors.await;
        let cut = self.house.close(Duration::from_secs(200)).await;
        assert_eq!(cut, 0, "somebody was cut off though all read");
        let mut heard = Vec::new();
        for client in clients {
            heard.push(client.await.unwrap());
        }
        heard
    }

    /// One client, from its coming to its going.
    async fn client(self: &Rc<Self>, number: usize, stream: io::Result<impl Connection>) -> Heard {
        let Ok(stream) = stream else {
            assert!(self.is_short, "not let in: {:?}", stream.err());
            return Heard {
                is_nothing: true,
                ..Heard::default()
            };
        };
        let leaves = match self.numbers.below(6) {
            0 => Leaves::Quits,
            1 => Leaves::EndsItsSide,
            2 => Leaves::CutsItOff,
            _ => Leaves::Never,
        };
        let (reader, writer) = stream.into_halves();
        let speaking = spawn_local(self.clone().speak(number, writer, leaves));
        let mut heard = Heard {
            stayed: leaves == Leaves::Never,
            is_nothing: leaves == Leaves::CutsItOff,
            ..Heard::default()
        };
        if self.numbers.below(2) == 0 {
            // Late: the others have long said much.
            sleep(Duration::from_millis(self.numbers.below(20_000) as u64)).await;
        }
        match heard.is_nothing {
            // The reader goes at once, and the writer when it has spoken.
            true => {
                drop(reader);
                self.step();
            }
            false => self.listen(reader, &mut heard).await,
        }
        drop(speaking.await.unwrap());
        heard
    }

    /// Says all lines, and gives the way back by which they went.
    async fn speak<W: AsyncWrite + Unpin>(
        self: Rc<Self>,
        number: usize,
        mut writer: W,
        leaves: Leaves,
    ) -> W {
        // That the server has gone is no error: it was closed, or has kicked this one.
        let _ = writer
            .write_all(format!("/nick c{number}\n").as_bytes())
            .await;
        for line in 0..self.lines {
            let filler = "x".repeat(self.numbers.below(3));
            let end = ["\n", "\r\n", "\n/who\n"][self.numbers.below(3)];
            let text = format!("{line} {filler}{end}");
            if writer.write_all(text.as_bytes()).await.is_err() {
                break;
            }
            if self.numbers.below(4) == 0 {
                yield_now().await;
            }
        }
        let _ = match leaves {
            Leaves::Quits => writer.write_all(b"/quit\n").await,
            Leaves::EndsItsSide => writer.close().await,
            Leaves::Never | Leaves::CutsItOff => Ok(()),
        };
        self.step();
        writer
    }

    fn step(&self) {
        self.steps.set(self.steps.get() + 1);
        self.one_more.notify_one();
    }

    /// Hears everything up to the end of the stream.
    async fn listen(&self, reader: impl AsyncRead + Unpin, heard: &mut Heard) {
        let mut reader = BufReader::with_capacity(1 + self.numbers.below(3000), reader);
        let mut line = String::new();
        loop {
            line.clear();
            match reader.read_line(&mut line).await {
                Ok(0) => break,
                Ok(_) => {}
                // Only one who was never let in.
                Err(error) if heard.last.is_empty() => {
                    assert!(self.is_short, "{error}");
                    break;
                }
                Err(error) => panic!("{error}, behind {:?}", heard.last),
            }
            assert_eq!(line.pop(), Some('\n'), "half a line: {line:?}");
            if heard.last.is_empty() {
                self.step();
            }
            heard.hears(&line);
            if self.numbers.below(50) == 0 {
                sleep(Duration::from_millis(self.numbers.below(2000) as u64)).await;
            }
        }
        if !heard.came_in {
            assert!(self.is_short && heard.said.is_empty(), "it was not let in");
            heard.is_nothing = true;
        }
    }
}

/// A connection that holds so many bytes each way.
struct Narrow {
    reader: DuplexStream,
    writer: DuplexStream,
}

/// Both ends of one.
fn narrow(capacity: usize) -> (Narrow, Narrow) {
    let (there, back) = (duplex(capacity), duplex(capacity));
    let end = |reader, writer| Narrow { reader, writer };
    (end(back.1, there.0), end(there.1, back.0))
}

impl Connection for Narrow {
    type Reader = DuplexStream;
    type Writer = DuplexStream;

    fn into_halves(self) -> (DuplexStream, DuplexStream) {
        (self.reader, self.writer)
    }
}

impl Heard {
    fn hears(&mut self, line: &str) {
        if let Some(count) = line.strip_prefix("* you missed ") {
            self.said.push(Said::Missed(count.parse().unwrap()));
        } else if line.starts_with('<') {
            self.said.push(Said::Line(line.to_owned()));
        }
        self.came_in |= line.starts_with("* you are in lobby");

        self.last = line.to_owned();
    }

    /// It has missed nothing up to its end.
    fn is_whole(&self) -> bool {
        !self.said.iter().any(|it| matches!(it, Said::Missed(_)))
    }

    fn ended_with_the_server(&self) -> bool {
        self.last == GOODBYE
    }
}

fn compare(heard: &[Heard]) {
    let heard: Vec<&Heard> = heard.iter().filter(|it| !it.is_nothing).collect();
    for it in &heard {
        let ends = [GOODBYE, KICKED, "* goodbye"];
        let has_ended_well = ends.contains(&&*it.last) || !it.stayed;
        assert!(has_ended_well, "an end without a word: {:?}", it.last);
        assert!(
            !it.stayed || it.last != "* goodbye",
            "nobody has asked for it"
        );
    }
    // One who has heard everything: with it all others are compared.
    let all = heard
        .iter()
        .find(|it| it.is_whole() && it.ended_with_the_server());
    let Some(all) = all else { return };
    let lines: Vec<&str> = all.said.iter().map(Said::line).collect();
    for speaker in 0.. {
        let prefix = format!("<c{speaker}> ");
        let theirs = lines.iter().filter_map(|line| line.strip_prefix(&prefix));
        let count = theirs.clone().count();
        if count == 0 && speaker > 5 {
            break;
        }
        for (expected, text) in theirs.enumerate() {
            let number = text.split(' ').next().unwrap();
            assert_eq!(number.parse(), Ok(expected), "of speaker {speaker}");
        }
    }
    heard.iter().for_each(|it| is_part_of(it, &lines));
}

impl Said {
    fn line(&self) -> &str {
        match self {
            Self::Line(line) => line,
            Self::Missed(_) => "",
        }
    }
}

/// What it has heard are these lines without a gap, but for gaps that were told.
fn is_part_of(heard: &Heard, lines: &[&str]) {
    let (mut next, mut may_skip) = (0, 0);
    for said in &heard.said {
        match said {
            // What was missed may also have been somebody's coming or going.
            Said::Missed(count) => may_skip += count,
            Said::Line(line) => {
                let rest = &lines[next..];
                let skipped = rest.iter().position(|it| it == line);
                let skipped = skipped.unwrap_or_else(|| panic!("twice, or out of order: {line}"));
                assert!(skipped <= may_skip, "a gap of {skipped}, before {line}");
                (next, may_skip) = (next + skipped + 1, 0);
            }
        }
    }
    if heard.ended_with_the_server() {
        let skipped = lines.len() - next;
        assert!(
            skipped <= may_skip,
            "the last {skipped} are missing: {heard:#?} {lines:#?}"
        );
    }
}

const GOODBYE: &str = "* the server is going down: nothing is said from now on; goodbye";
const KICKED: &str = "* you are disconnected: you did not read, and too much was waiting for you";
