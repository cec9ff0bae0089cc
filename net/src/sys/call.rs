//! The two system calls of every message, without a detour.
//!
//! In a process with threads the C library makes `recv` and `send` cancellation points: two atomic
//! operations and some forty instructions round each call, for `pthread_cancel(3)`, which Rust programs
//! cannot use. On a message that costs our own code some three hundred instructions this shows. So
//! these two calls are made directly on the two processors that most servers have; on any other, and
//! for the thread sanitizer, which must see them, the C library's `syscall(2)` makes them.
//!
//! The danger is the kernel's calling convention, by which a register may be overwritten that the
//! compiler uses. It is written down once a processor, below, as `syscall(2)` has it: the number, six
//! arguments, and a result that is negative for an error.

#![allow(unsafe_code)]

use std::io;

use runtime::io::Portion;

/// What a call says: a count, or the number of an error, turned negative.
pub(super) type Returned = isize;

/// `recvfrom(2)` without an address.
///
/// # Safety
///
/// There is room for `room` bytes at `into`.
#[inline(always)]
pub(super) unsafe fn recv(fd: i32, into: *mut u8, room: usize, flags: i32) -> Returned {
    let arguments = [fd as usize, into.expose_provenance(), room, flags as usize];
    // SAFETY: the caller's promise; the last two arguments, null, ask for no address.
    unsafe { call(libc::SYS_recvfrom as usize, arguments) }
}

/// `sendto(2)` without an address.
///
/// # Safety
///
/// There are `count` bytes at `from`.
#[inline(always)]
pub(super) unsafe fn send(fd: i32, from: *const u8, count: usize, flags: i32) -> Returned {
    let arguments = [fd as usize, from.expose_provenance(), count, flags as usize];
    // SAFETY: the caller's promise; the last two arguments are no address, of no length.
    unsafe { call(libc::SYS_sendto as usize, arguments) }
}

/// Makes a call again for as long as a signal interrupts it, or `portion` says so.
#[inline(always)]
pub(super) fn retry(portion: Portion, mut call: impl FnMut() -> Returned) -> io::Result<usize> {
    const INTERRUPTED: Returned = -(libc::EINTR as Returned);
    let mut interruptions = portion.interruptions();
    loop {
        let returned = match interruptions {
            0 => call(),
            _ => INTERRUPTED,
        };
        interruptions = interruptions.saturating_sub(1);
        match returned {
            count @ 0.. => return Ok(count as usize),
            INTERRUPTED => {}
            error => return Err(io::Error::from_raw_os_error(-error as i32)),
        }
    }
}

#[cfg(all(target_arch = "x86_64", not(tsan)))]
#[inline(always)]
unsafe fn call(number: usize, [a, b, c, d]: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the convention of x86-64: `rcx` and `r11` are overwritten, the stack is not touched, and
    // what the call does to memory is the caller's promise.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") 0_usize,
            in("r9") 0_usize,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

#[cfg(all(target_arch = "aarch64", not(tsan)))]
#[inline(always)]
unsafe fn call(number: usize, [a, b, c, d]: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the convention of AArch64: nothing but `x0` is overwritten, the stack is not touched,
    // and what the call does to memory is the caller's promise.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a as isize => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            in("x4") 0_usize,
            in("x5") 0_usize,
            options(nostack),
        );
    }
    result
}

#[cfg(any(tsan, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
unsafe fn call(number: usize, [a, b, c, d]: [usize; 4]) -> isize {
    // SAFETY: the caller's promise.
    let result = unsafe { libc::syscall(number as libc::c_long, a, b, c, d, 0_usize, 0_usize) };
    match result {
        0.. => result as isize,
        // SAFETY: the address of this thread's error number is always good.
        _ => -(unsafe { *libc::__errno_location() } as isize),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn bytes_go_both_ways_and_errors_have_their_numbers() {
        let (mut ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        ours.set_nonblocking(true).expect("a mode");
        let fd = ours.as_raw_fd();
        let mut buffer = [0; 8];
        // SAFETY: `buffer` has eight bytes.
        let mut read = || unsafe { recv(fd, buffer.as_mut_ptr(), 8, 0) };
        assert_eq!(read(), -(libc::EAGAIN as isize));
        theirs.write_all(b"abc").expect("a write");
        assert_eq!(read(), 3);
        assert_eq!(&buffer[..3], b"abc");
        // SAFETY: there are two bytes.
        assert_eq!(unsafe { send(fd, b"de".as_ptr(), 2, 0) }, 2);
        theirs.read_exact(&mut buffer[..2]).expect("two bytes");
        assert_eq!(&buffer[..2], b"de");
        // SAFETY: no descriptor, so nothing is read.
        let refused = unsafe { send(-1, b"".as_ptr(), 0, 0) };
        assert_eq!(refused, -(libc::EBADF as isize));
        ours.flush().expect("nothing to do");
    }
}
