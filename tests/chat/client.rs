//! A client that says lines, and waits for lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use tests::server::Server;

/// A connection by either door.
///
/// What std calls a TCP stream is a descriptor; its `read`, `write` and `shutdown` are those of any
/// stream socket.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    /// Comes in by TCP.
    pub(crate) fn new(server: &Server) -> Self {
        Self(BufReader::new(server.connect()))
    }

    /// Comes in by TCP, is in the lobby, and has this name.
    pub(crate) fn named(server: &Server, nick: &str) -> Self {
        let mut client = Self::new(server);
        client.say(&format!("/nick {nick}"));
        client.until(&format!("is now {nick}"));
        client
    }

    /// Comes in by the unix socket.
    pub(crate) fn local(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(TcpStream::from(OwnedFd::from(stream))))
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Says a line to the room and waits until it was said there.
    pub(crate) fn say_and_see(&mut self, line: &str) {
        self.say(line);
        self.until(line);
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let count = self.0.read_line(&mut line).unwrap();
        assert!(count > 0, "the server has ended the stream");
        assert_eq!(line.pop(), Some('\n'), "half a line: {line:?}");
        line
    }

    /// Reads until a line has this in it, and returns that line.
    pub(crate) fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The lines up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "half a line: {text:?}"
        );
        text.lines().map(str::to_owned).collect()
    }

    /// Reads some bytes, and does not look at them.
    pub(crate) fn swallow(&mut self, count: usize) -> std::io::Result<usize> {
        self.0.read(&mut vec![0; count])
    }

    /// Ends the side of this client.
    pub(crate) fn end(&self) {
        // The server may have ended everything already.
        let _ = self.0.get_ref().shutdown(Shutdown::Write);
    }

    /// The other half of the connection, for another thread.
    pub(crate) fn writer(&self) -> TcpStream {
        self.0.get_ref().try_clone().unwrap()
    }
}

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
