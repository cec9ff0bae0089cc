//! A descriptor that is always ready.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};

/// An eventfd which counts down by one a read, from more than can be read while a test lasts.
#[derive(Debug)]
pub struct Endless(File);

impl Endless {
    /// A descriptor in non-blocking mode.
    ///
    /// # Panics
    ///
    /// If the process has no descriptors left.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        // SAFETY: the call takes no pointer.
        let fd = unsafe { libc::eventfd(u32::MAX, libc::EFD_SEMAPHORE | libc::EFD_NONBLOCK) };
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        // SAFETY: the descriptor was just made, and nobody else has it.
        Self(unsafe { File::from_raw_fd(fd) })
    }

    /// Reads, and succeeds.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn read(&self) -> io::Result<usize> {
        (&self.0).read(&mut [0; 8])
    }

    /// Writes, and succeeds.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn write(&self) -> io::Result<usize> {
        // To add nothing always fits.
        (&self.0).write(&0_u64.to_ne_bytes())
    }
}

impl AsFd for Endless {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
