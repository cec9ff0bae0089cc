//! A file to a socket, without a copy in between.
//!
//! The danger is the disk: what is not in the page cache is read while the call lasts, and holds up
//! the worker, as any use of a file does. So one call asks for a limited number of bytes, few enough
//! for the other tasks to have their turn.

use std::fs::File;
use std::future::Future;
use std::io;
use std::net::TcpStream as StdStream;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use super::TcpStream;
use crate::sys::{self, errno};

impl TcpStream {
    /// Writes bytes of a file from `offset` on, `most` of them at most, as many as there is room
    /// for; or waits until there is room. 0 is the end of the file.
    ///
    /// They do not leave the kernel (`sendfile(2)`) where that can be. The file's own position is
    /// neither used nor moved.
    ///
    /// # Errors
    ///
    /// Whatever `sendfile(2)` reports, but "would block" and "interrupted"; never a signal.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::fs::File;
    /// use net::TcpStream;
    ///
    /// async fn send(stream: &TcpStream, file: &File) -> std::io::Result<()> {
    ///     let mut sent = 0;
    ///     loop {
    ///         match stream.send_file(file, sent, usize::MAX).await? {
    ///             0 => return Ok(()),
    ///             count => sent += count as u64,
    ///         }
    ///     }
    /// }
    /// # let _ = send;
    /// ```
    pub fn send_file(
        &self,
        file: &File,
        offset: u64,
        most: usize,
    ) -> impl Future<Output = io::Result<usize>> {
        let most = most.min(MOST);
        self.io
            .write_with(move |socket| send(socket, file, offset, most))
    }
}

fn send(socket: &StdStream, file: &File, offset: u64, most: usize) -> io::Result<usize> {
    // sendfile cannot be told to keep SIGPIPE to itself.
    if sys::ignores_broken_pipes() {
        match sys::send_file(socket.as_fd(), file.as_fd(), offset, most) {
            // Not every kind of file has pages to send.
            Err(error) if error.raw_os_error() == Some(errno::EINVAL) => {}
            sent => return sent,
        }
    }
    let mut bytes = vec![0; most];
    let count = file.read_at(&mut bytes, offset)?;
    match count {
        0 => Ok(0),
        count => sys::send(socket.as_fd(), &bytes[..count]),
    }
}

/// A tenth of a millisecond or so, from the page cache.
const MOST: usize = 256 * 1024;
