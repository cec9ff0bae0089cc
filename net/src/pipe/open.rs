//! Opening a FIFO.
//!
//! A reader need not wait for a writer: it opens, and reads when somebody comes. A writer without a
//! reader is refused, and nothing tells when a reader comes: who wants to wait tries again. The
//! danger is a path to something else: a regular file is never waited for, so it is asked what it is,
//! after it was opened and not before.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::path::Path;
use std::time::Duration;

use runtime::Handle;

use super::{Receiver, Sender};
use crate::error;
use crate::pause::Pauses;
use crate::sys::errno;
use crate::sys::file::{self, Access, Kind};

/// How to open a FIFO.
///
/// # Examples
///
/// ```no_run
/// use net::pipe::OpenOptions;
///
/// # async fn doc() -> std::io::Result<()> {
/// let receiver = OpenOptions::new().open_receiver("/run/example.fifo")?;
/// let mut buffer = [0; 4096];
/// loop {
///     match receiver.read(&mut buffer).await? {
///         0 => receiver.next_writer().await?,
///         count => println!("{}", String::from_utf8_lossy(&buffer[..count])),
///     }
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is opened before `open_receiver` or `open_sender`"]
pub struct OpenOptions {
    read_write: bool,
}

impl OpenOptions {
    /// For one direction, as it should be.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens both ends at once, which Linux allows: a receiver then never reads an end, as it is a
    /// writer itself, and a sender is not refused for want of a reader.
    pub fn read_write(mut self, on: bool) -> Self {
        self.read_write = on;
        self
    }

    /// Opens a FIFO to read. It does not wait for a writer.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; `InvalidInput` if it is no FIFO; and whatever `open(2)` reports.
    #[track_caller]
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        let fd = self.open(path.as_ref(), Access::Read)?;
        Receiver::over_at(fd, "pipe::OpenOptions::open_receiver", Location::caller())
    }

    /// Opens a FIFO to write.
    ///
    /// # Errors
    ///
    /// `ENXIO` if nobody reads it: [`connect_sender`](Self::connect_sender) waits for that. Outside
    /// of a runtime; `InvalidInput` if it is no FIFO; and whatever `open(2)` reports.
    #[track_caller]
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        let fd = self.open(path.as_ref(), Access::Write)?;
        Sender::over_at(fd, "pipe::OpenOptions::open_sender", Location::caller())
    }

    /// Opens a FIFO to write as soon as somebody reads it. The kernel does not tell when, so it tries
    /// again after a while.
    ///
    /// # Errors
    ///
    /// As [`open_sender`](Self::open_sender), but `ENXIO`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was opened.
    #[track_caller]
    pub fn connect_sender<P: AsRef<Path>>(
        &self,
        path: P,
    ) -> impl Future<Output = io::Result<Sender>> {
        const CALL: &str = "pipe::OpenOptions::connect_sender";
        let caller = Location::caller();
        async move {
            let runtime = Handle::try_current().map_err(|_| error::outside(CALL, caller))?;
            let mut pauses = Pauses::between(SHORTEST_PAUSE, LONGEST_PAUSE);
            loop {
                match self.open(path.as_ref(), Access::Write) {
                    Ok(fd) => return Sender::over_at(fd, CALL, caller),
                    Err(error) if error.raw_os_error() == Some(errno::ENXIO) => {
                        pauses.wait(&runtime).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<OwnedFd> {
        let access = if self.read_write {
            Access::Both
        } else {
            access
        };
        let fd = file::open(path, access)?;
        if file::kind(fd.as_fd())? != Kind::Pipe {
            return Err(error::invalid(format!(
                "{} is no FIFO: make one with mkfifo, or read a file in spawn_blocking",
                path.display()
            )));
        }
        Ok(fd)
    }
}

/// A reader that is being started is there soon.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// Opening a file so often costs nothing, and nobody waits long for who has waited long.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
