//! The system calls of this crate, each behind a small safe face.
//!
//! All of the crate's `unsafe` is in this folder. Descriptors are close-on-exec and non-blocking
//! from birth, no send raises `SIGPIPE`, and a call that a signal interrupts is made again here.

mod address;
mod call;
mod socket;

pub(crate) use address::Address;
pub(crate) use socket::{
    accept, connect, is_readable, listen, peek, recv, recv_vectored, send, send_vectored, set_flag,
    tcp_socket, vectored_length,
};

/// What is known of an error number.
pub(crate) mod errno {
    pub(crate) use libc::{
        ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS,
        ENOMEM, ENONET, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM, EPROTO, ETIMEDOUT,
    };
}

/// The options of a socket that are yes or no.
pub(crate) mod option {
    pub(crate) const REUSE_ADDRESS: (i32, i32) = (libc::SOL_SOCKET, libc::SO_REUSEADDR);
    pub(crate) const NO_DELAY: (i32, i32) = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
}
