//! The system calls of this crate, each behind a small safe face.
//!
//! All of the crate's `unsafe` is in this folder. Descriptors are close-on-exec and non-blocking
//! from birth, no send raises `SIGPIPE`, and a call that a signal interrupts is made again here.

mod address;
mod call;
pub(crate) mod option;
mod socket;

pub(crate) use address::Address;
pub(crate) use socket::{
    accept, bind, connect, has_ended, is_readable, listen, local_address, peek, recv, recv_spare,
    recv_urgent, recv_vectored, send, send_urgent, send_vectored, tcp_socket, vectored_length,
};

/// What is known of an error number.
pub(crate) mod errno {
    pub(crate) use libc::{
        ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS,
        ENOMEM, ENONET, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM, EPROTO, ETIMEDOUT,
    };
}
