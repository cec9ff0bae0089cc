//! A socket that listens.
//!
//! It is edge-triggered as everything here, which says "there are connections" once for many: each
//! `accept` leaves the readiness as it is, until one would block. The danger is in the price of that
//! one; how it is mostly avoided is told at [`Queue::accept`].

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use runtime::Handle;
use runtime::io::{FdKind, Interest};

use super::{Accepts, Incoming, Listener, sealed};
use crate::socket::sealed::{Name, State};
use crate::socket::{Kind, Socket};
use crate::sys::{self, Address, option};

/// A socket that listens.
pub trait Listens: Kind + crate::socket::sealed::Kind<State = Accepting> {
    /// What it accepts.
    type Connection: Kind<Address = Self::Address> + crate::socket::sealed::Kind<State = ()>;
}

/// A connection, and the address of who has connected.
type Accepted<S> = (Socket<<S as Listens>::Connection>, <S as Kind>::Address);

/// # Accepting
impl<S: Listens> Socket<S> {
    /// Accepts the next connection.
    ///
    /// A server that is to survive everything uses [`incoming`](Self::incoming): many errors here
    /// concern one connection only, or pass.
    ///
    /// # Errors
    ///
    /// Whatever `accept(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no connection was accepted.
    pub fn accept(&self) -> impl Future<Output = io::Result<Accepted<S>>> + '_ {
        self.io
            .async_io(Interest::READABLE, |listener| self.accept_now(listener))
    }

    /// One step of [`accept`](Self::accept), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted<S>>> {
        self.io.poll_io(context, Interest::READABLE, |listener| {
            self.accept_now(listener)
        })
    }

    /// Accepts connections for ever, whatever happens to any of them.
    pub fn incoming(&self) -> Incoming<'_, Self> {
        Incoming::new(self)
    }

    fn accept_now(&self, listener: &S) -> io::Result<Accepted<S>> {
        let (socket, peer) = self.state.queue.accept(listener)?;
        let io = self.io.lazy_like(socket.into(), self.state.accepts);
        Ok((Socket { io, state: () }, S::Address::from_kernel(peer)?))
    }
}

impl<S: Listens> Listener for Socket<S> {
    type Connection = Socket<S::Connection>;
    type Address = S::Address;

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted<S>>> {
        self.poll_accept(context)
    }

    fn accepts(&self) -> Accepts<'_, Self::Connection, S::Address> {
        let mut waiting = None;
        Box::new(move |context| {
            let accept = waiting.get_or_insert_with(|| self.accept());
            let accepted = ready!(Pin::new(accept).poll(context));
            waiting = None;
            Poll::Ready(accepted)
        })
    }
}

impl<S: Listens> sealed::Sealed for Socket<S> {
    fn runtime(&self) -> &Handle {
        &self.state.runtime
    }
}

/// What is remembered of a listener.
#[derive(Debug)]
pub struct Accepting {
    queue: Queue,
    /// What short reads of an accepted connection prove.
    accepts: FdKind,
    /// In which pauses run.
    runtime: Handle,
}

impl State for Accepting {
    fn of(listener: BorrowedFd<'_>) -> io::Result<Self> {
        // Asked here once, for all that it accepts: a listener that was given may be of any protocol
        // with such addresses, SCTP or one that is yet to come.
        let accepts = match option::is_tcp(listener) {
            Ok(true) => FdKind::TcpStream,
            Ok(false) | Err(_) => FdKind::Other,
        };
        Ok(Self {
            queue: Queue::default(),
            accepts,
            runtime: Handle::try_current().map_err(io::Error::other)?,
        })
    }
}

/// What a listener knows of its queue.
#[derive(Debug, Default)]
struct Queue {
    /// A connection was accepted since the last look at the queue: look before the next `accept`.
    look_first: AtomicBool,
}

impl Queue {
    /// Takes a connection from the listener's queue.
    ///
    /// The kernel makes the new socket *before* it looks for a connection, so an `accept` that finds
    /// none costs eighteen times a look. After each connection the queue is therefore looked at
    /// before the next `accept`, and the one that would find nothing is never made.
    fn accept(&self, listener: impl AsFd) -> io::Result<(OwnedFd, Address)> {
        // Relaxed: a hint. Whether it is right or not, nothing but a call is saved or lost.
        if self.look_first.swap(false, Ordering::Relaxed) && !sys::is_readable(listener.as_fd())? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let accepted = sys::accept(listener.as_fd())?;
        self.look_first.store(true, Ordering::Relaxed);
        Ok(accepted)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};

    use super::*;

    /// What short reads prove of what this one accepts, once std takes it for a listener of TCP.
    fn accepts(listener: impl Into<OwnedFd>) -> FdKind {
        let listener = TcpListener::from(listener.into());
        let accepts = async { Socket::from_std(listener).unwrap().state.accepts };
        runtime::block_on(accepts)
    }

    #[test]
    fn only_short_reads_of_what_is_tcp_are_trusted() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(accepts(tcp), FdKind::TcpStream);
        let name = format!("edgewake-short-reads-{}", std::process::id());
        let name = SocketAddr::from_abstract_name(name).unwrap();
        let other = UnixListener::bind_addr(&name).unwrap();
        assert_eq!(accepts(other), FdKind::Other);
    }
}
