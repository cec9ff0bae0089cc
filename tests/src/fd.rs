//! What tests do with descriptors that neither std nor the code under test offers.
//!
//! All of it is non-blocking and close-on-exec, as the runtime wants it, and panics when it fails:
//! that a test cannot do its own part is no result.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::ptr;

/// A pipe: the end to read, and the end to write.
pub fn pipe() -> (File, File) {
    pipe_with(0)
}

/// A pipe as programs are given one: in blocking mode.
pub fn blocking_pipe() -> (File, File) {
    let (reader, writer) = pipe();
    for end in [&reader, &writer] {
        // SAFETY: the call takes no pointer.
        check(unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFL, 0) });
    }
    (reader, writer)
}

/// A pipe in packet mode: each read returns what one write wrote, at most.
pub fn packet_pipe() -> (File, File) {
    pipe_with(libc::O_DIRECT)
}

fn pipe_with(flags: libc::c_int) -> (File, File) {
    let mut ends = [-1; 2];
    let flags = flags | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: `ends` has room for the two descriptors.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), flags) });
    // SAFETY: pipe2 has just made them, and nobody else owns them.
    let [reader, writer] = ends.map(|end| unsafe { File::from_raw_fd(end) });
    (reader, writer)
}

/// Makes a FIFO.
pub fn make_fifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path ends with a zero.
    check(unsafe { libc::mkfifo(path.as_ptr(), 0o600) });
}

/// Puts a descriptor in the place of one of the first three, until the answer is dropped.
pub fn put_at(number: RawFd, given: &OwnedFd) -> PutBack {
    // SAFETY: the call takes no pointer.
    let saved = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    check(saved);
    // SAFETY: the call takes no pointer.
    check(unsafe { libc::dup2(given.as_raw_fd(), number) });
    PutBack { number, saved }
}

/// Puts back what was there; see [`put_at`].
#[derive(Debug)]
pub struct PutBack {
    number: RawFd,
    saved: RawFd,
}

impl Drop for PutBack {
    fn drop(&mut self) {
        // SAFETY: the call takes no pointer.
        unsafe { libc::dup2(self.saved, self.number) };
        // SAFETY: the duplicate was made for this, and nobody else has it.
        unsafe { libc::close(self.saved) };
    }
}

/// A terminal: the side of the program that shows it, and the terminal.
pub fn terminal() -> (File, File) {
    let (mut master, mut terminal) = (-1, -1);
    let (name, settings, size) = (ptr::null_mut(), ptr::null(), ptr::null());
    let (one, other) = (&raw mut master, &raw mut terminal);
    // SAFETY: there is room for the two descriptors, and the rest is not asked for.
    check(unsafe { libc::openpty(one, other, name, settings, size) });
    // SAFETY: the call has just made them, and nobody else owns them.
    let [master, terminal] = [master, terminal].map(|fd| unsafe { File::from_raw_fd(fd) });
    (master, terminal)
}

/// Puts the writing end of a pipe into packet mode.
pub fn set_packets(file: impl AsFd) {
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: the call takes no pointer.
    check(unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_DIRECT) });
}

/// Whether an open file is in non-blocking mode.
pub fn is_nonblocking(fd: impl AsRawFd) -> bool {
    // SAFETY: the call takes no pointer.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    check(flags);
    flags & libc::O_NONBLOCK != 0
}

/// A connected pair of unix sockets.
pub fn unix_pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (one, other)
}

/// Connects a unix socket that has a name of its own, both abstract, and leaves it open.
pub fn connect_from(from: &SocketAddr, to: &SocketAddr) -> OwnedFd {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: the call takes no pointer.
    let fd = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    check(fd);
    // SAFETY: the descriptor was just made, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    type Call = unsafe extern "C" fn(RawFd, *const libc::sockaddr, libc::socklen_t) -> libc::c_int;
    let calls: [(&SocketAddr, Call); 2] = [(from, libc::bind), (to, libc::connect)];
    for (address, call) in calls {
        let name = address.as_abstract_name().unwrap();
        let mut raw = libc::sockaddr_un {
            sun_family: libc::AF_UNIX as libc::sa_family_t,
            sun_path: [0; 108],
        };
        for (to, from) in raw.sun_path.iter_mut().skip(1).zip(name) {
            *to = *from as libc::c_char;
        }
        let length = (mem::offset_of!(libc::sockaddr_un, sun_path) + 1 + name.len()) as u32;
        // SAFETY: either call reads as many bytes of the address as it is told, which are there.
        check(unsafe { call(fd, (&raw const raw).cast(), length) });
    }
    socket
}

/// Puts a descriptor of std's into the mode that the runtime wants.
pub fn set_nonblocking(file: impl AsFd) {
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: the call takes no pointer.
    check(unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) });
}

/// Plain `recv(2)` with flags.
///
/// # Errors
///
/// What it reports.
pub fn recv(socket: impl AsFd, buffer: &mut [u8], flags: libc::c_int) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the call writes into `buffer`, at most as much as it holds.
    let count = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), flags) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Plain `send(2)`, which raises no signal.
///
/// # Errors
///
/// What it reports.
pub fn send_plainly(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the call reads `bytes`.
    let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Sends bytes the last of which is urgent.
pub fn send_urgent(socket: impl AsFd, bytes: &[u8]) {
    let fd = socket.as_fd().as_raw_fd();
    let flags = libc::MSG_OOB | libc::MSG_NOSIGNAL;
    // SAFETY: the call reads `bytes`.
    let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) };
    assert_eq!(usize::try_from(sent).ok(), Some(bytes.len()));
}

/// Sends bytes together with a descriptor (`SCM_RIGHTS`).
pub fn send_with_descriptor(socket: &UnixStream, bytes: &[u8], passed: BorrowedFd<'_>) {
    const SIZE: u32 = size_of::<RawFd>() as u32;
    // Aligned as the header in it must be.
    let mut control = [0_u64; 4];
    let mut slice = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: all zeroes is an empty message.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: it only computes.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(SIZE) } as _;
    assert!(message.msg_controllen as usize <= size_of_val(&control));
    // SAFETY: it only looks at the message.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: the message has room for one header, so it is not null.
    let header = unsafe { &mut *header };
    header.cmsg_level = libc::SOL_SOCKET;
    header.cmsg_type = libc::SCM_RIGHTS;
    // SAFETY: it only computes.
    header.cmsg_len = unsafe { libc::CMSG_LEN(SIZE) } as _;
    // SAFETY: the data of the header lies within `control`.
    let data = unsafe { libc::CMSG_DATA(header) }.cast::<RawFd>();
    // SAFETY: there is room for one descriptor, which need not be aligned.
    unsafe { data.write_unaligned(passed.as_raw_fd()) };
    // SAFETY: everything that the message points to lives across the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    assert_eq!(usize::try_from(sent).ok(), Some(bytes.len()));
}

/// Makes closing this socket cut its connection off with an RST.
pub fn reset_on_close(socket: impl AsFd) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let size = size_of_val(&linger) as libc::socklen_t;
    let (fd, value) = (socket.as_fd().as_raw_fd(), (&raw const linger).cast());
    // SAFETY: the call reads one `linger`.
    check(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, value, size) });
}

/// Whether something has come: for a listener, a connection.
pub fn is_readable(fd: impl AsFd) -> bool {
    let mut asked = libc::pollfd {
        fd: fd.as_fd().as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the call reads and writes one `pollfd`.
    let count = unsafe { libc::poll(&raw mut asked, 1, 0) };
    check(count);
    count > 0
}

/// Turns an option of sockets on, such as `SO_PASSCRED`.
///
/// # Errors
///
/// If this kernel does not know it.
pub fn turn_on(socket: impl AsFd, option: libc::c_int) -> io::Result<()> {
    let (fd, on) = (socket.as_fd().as_raw_fd(), 1_i32);
    let (value, size) = ((&raw const on).cast(), size_of_val(&on) as libc::socklen_t);
    // SAFETY: the call reads one `int`.
    match unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, option, value, size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes a listener useless: who accepts from it gets an error from now on.
pub fn shut(socket: impl AsFd) {
    // SAFETY: the call takes no pointer.
    check(unsafe { libc::shutdown(socket.as_fd().as_raw_fd(), libc::SHUT_RDWR) });
}

/// Makes a listener's queue as short as the kernel allows.
pub fn shorten_queue(listener: impl AsFd) {
    // SAFETY: the call takes no pointer.
    check(unsafe { libc::listen(listener.as_fd().as_raw_fd(), 0) });
}

/// Whether a program that this one starts gets the descriptor.
pub fn is_inherited(fd: RawFd) -> bool {
    // SAFETY: the call takes no pointer.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    check(flags);
    flags & libc::FD_CLOEXEC == 0
}

/// Whether reading and writing the descriptor never blocks.
pub fn never_blocks(fd: RawFd) -> bool {
    // SAFETY: the call takes no pointer.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    check(flags);
    flags & libc::O_NONBLOCK != 0
}

/// Lets the programs that this one starts have the descriptor. Safe to call after a fork.
///
/// # Errors
///
/// If it is not open.
pub fn inherit(fd: RawFd) -> io::Result<()> {
    // SAFETY: the call takes no pointer.
    match unsafe { libc::fcntl(fd, libc::F_SETFD, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The same open file under a number that is not below this one.
pub fn duplicate_from(lowest: RawFd, fd: &OwnedFd) -> OwnedFd {
    // SAFETY: the call takes no pointer.
    let number = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) };
    check(number);
    // SAFETY: the duplicate was made for this, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Makes the next program of this process have a descriptor, at a number. Safe to call after a fork.
///
/// # Errors
///
/// If there is no such number.
pub fn inherit_at(number: RawFd, fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: the call takes no pointer.
    unsafe { libc::dup2(fd.as_raw_fd(), number) };
    // It may have been there already.
    inherit(number)
}

/// Undoes [`inherit`].
///
/// # Errors
///
/// If it is not open.
pub fn keep(fd: RawFd) -> io::Result<()> {
    // SAFETY: the call takes no pointer.
    match unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// All descriptors of this process, in order.
pub fn all_open() -> Vec<RawFd> {
    let folder = fs::read_dir("/proc/self/fd").unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name());
    let mut numbers: Vec<RawFd> = names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect();
    // The folder itself was open too.
    // SAFETY: the call takes no pointer.
    numbers.retain(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0);
    numbers.sort_unstable();
    numbers
}

/// Descriptors that have been opened since.
pub fn opened_since(before: &[RawFd]) -> Vec<RawFd> {
    let mut now = all_open();
    now.retain(|fd| !before.contains(fd));
    now
}

fn check(returned: libc::c_int) {
    assert!(returned >= 0, "{}", io::Error::last_os_error());
}
