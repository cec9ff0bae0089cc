//! The system calls of this crate, each behind a small safe face.
//!
//! All of the crate's `unsafe` is in this folder. Descriptors are close-on-exec and non-blocking
//! from birth, no send raises `SIGPIPE`, and a call that a signal interrupts is made again here.

mod address;
mod call;
mod control;
mod datagram;
pub(crate) mod file;
mod identity;
mod inherited;
pub(crate) mod multicast;
pub(crate) mod option;
pub(crate) mod packet;
pub(crate) mod pipe;
mod rights;
pub(crate) mod signal;
mod socket;
mod splice;
mod unix;

pub(crate) use address::Address;
pub(crate) use datagram::{connect_now, peek_from, recv_from, send_to, udp_socket};
pub(crate) use identity::is_same;
pub(crate) use inherited::{descriptor_limit, own};
pub(crate) use rights::{Delivery, Loss, MOST_FDS, recv_with_fds, send_with_fds};
pub(crate) use socket::{
    accept, bind, connect, has_ended, is_readable, is_writable, listen, local_address, peek,
    peer_address, recv, recv_now, recv_portion, recv_spare, recv_urgent, recv_vectored,
    recv_vectored_portion, send, send_now, send_portion, send_urgent, send_vectored,
    send_vectored_portion, shutdown, tcp_socket, vectored_length,
};
pub(crate) use splice::{Pipe, ignores_broken_pipes, send_file, splice};
pub(crate) use unix::{Carries, peer_credentials, unix_pair, unix_socket};

/// What is known of an error number.
pub(crate) mod errno {
    pub(crate) use libc::{
        EAGAIN, ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EINVAL, EMFILE, ENETDOWN, ENETUNREACH,
        ENFILE, ENOBUFS, ENOMEM, ENONET, ENOPROTOOPT, ENOSYS, ENOTCONN, ENXIO, EOPNOTSUPP, EPERM,
        EPROTO, ETIMEDOUT,
    };
}
