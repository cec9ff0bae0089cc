//! Are we still in the process that made the runtime?
//!
//! A forked child shares the parent's epoll: if it went on using the runtime it would change the
//! parent's registrations and steal its events. A process number could tell, but asking for it is
//! a system call. Instead one page of memory is marked with `madvise(MADV_WIPEONFORK)`: the kernel
//! hands the child a page of zeroes in its place, and looking is one load.
//!
//! A child may well build a runtime of its own. It then writes its process number into the wiped
//! word, so that what it inherited stays foreign to it.

#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::primitive::OnceLock;

/// Tells the process that made it from its forked children.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForkMark {
    word: &'static AtomicU32,
    maker: u32,
}

impl ForkMark {
    /// Marks this process. One page is mapped at the first call and kept for ever.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        static WORD: OnceLock<&'static AtomicU32> = OnceLock::new();
        let word = match WORD.get() {
            Some(word) => word,
            None => {
                let fresh = wiped_page()?;
                WORD.get_or_init(|| fresh)
            }
        };
        // Relaxed throughout: only a fork changes the word behind our back, and a fresh child has
        // a single thread.
        if word.load(Ordering::Relaxed) == WIPED {
            word.store(std::process::id(), Ordering::Relaxed);
        }
        let maker = word.load(Ordering::Relaxed);
        Ok(Self { word, maker })
    }

    /// Whether this is a child of the process that made the mark.
    #[inline]
    pub(crate) fn is_child(self) -> bool {
        self.word.load(Ordering::Relaxed) != self.maker
    }
}

fn wiped_page() -> io::Result<&'static AtomicU32> {
    // SAFETY: sysconf takes no pointer.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    // SAFETY: a fresh private anonymous mapping touches no memory that anybody has.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // Kernels before 4.14 lack the advice; there a child is not told apart.
    // SAFETY: the range is exactly the page just mapped.
    unsafe { libc::madvise(page, size, libc::MADV_WIPEONFORK) };
    // SAFETY: the page is mapped for ever, zeroed, aligned, and only ever seen as this atomic.
    Ok(unsafe { &*page.cast::<AtomicU32>() })
}

const WIPED: u32 = 0;
