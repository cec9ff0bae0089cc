//! The system calls of this crate, each behind a small safe face.
//!
//! All of the crate's `unsafe` is in this folder. Descriptors are close-on-exec and non-blocking
//! from birth, no send raises `SIGPIPE`, and a call that a signal interrupts is made again here.

mod address;
mod call;
mod identity;
pub(crate) mod option;
pub(crate) mod signal;
mod socket;
mod splice;

pub(crate) use address::Address;
pub(crate) use identity::is_same;
pub(crate) use socket::{
    accept, bind, connect, has_ended, is_readable, listen, local_address, peek, recv, recv_spare,
    recv_urgent, recv_vectored, send, send_urgent, send_vectored, tcp_socket, vectored_length,
};
pub(crate) use splice::{Pipe, ignores_broken_pipes, send_file, splice};

/// What is known of an error number.
pub(crate) mod errno {
    pub(crate) use libc::{
        EAGAIN, ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EINVAL, EMFILE, ENETDOWN, ENETUNREACH,
        ENFILE, ENOBUFS, ENOMEM, ENONET, ENOPROTOOPT, ENOSYS, ENOTCONN, EOPNOTSUPP, EPERM, EPROTO,
        ETIMEDOUT,
    };
}
