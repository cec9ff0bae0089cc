//! Addresses to bind and to connect to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// What can be turned into socket addresses.
///
/// Numeric addresses, in all the forms that std takes. Names are not looked up (that would block
/// the thread): [`std::net::ToSocketAddrs`] does so, in a closure of `spawn_blocking`.
///
/// # Examples
///
/// ```
/// use net::TcpListener;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     TcpListener::bind("127.0.0.1:0").await?;
///     TcpListener::bind((std::net::Ipv6Addr::LOCALHOST, 0)).await?;
///     let error = TcpListener::bind("localhost:0").await.unwrap_err();
///     assert!(error.to_string().contains("localhost:0"));
///     Ok(())
/// })
/// # }
/// ```
#[diagnostic::on_unimplemented(
    note = "addresses are numeric here: names are not looked up; see `net::ToSocketAddrs`"
)]
pub trait ToSocketAddrs: sealed::Sealed {
    /// The addresses, to be tried in this order.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the text is not an address.
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>>;
}

mod sealed {
    pub trait Sealed {}
}

impl ToSocketAddrs for str {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        match self.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "`{self}` is not a numeric address and port, such as 127.0.0.1:7000 or \
                     [::1]:7000; names are not looked up here: resolve it with \
                     std::net::ToSocketAddrs in spawn_blocking, and pass the SocketAddr"
                ),
            )),
        }
    }
}

impl ToSocketAddrs for String {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        self.as_str().to_socket_addrs()
    }
}

impl ToSocketAddrs for [SocketAddr] {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        (**self).to_socket_addrs()
    }
}

impl sealed::Sealed for str {}
impl sealed::Sealed for String {}
impl sealed::Sealed for [SocketAddr] {}
impl<T: sealed::Sealed + ?Sized> sealed::Sealed for &T {}

/// Everything that is one address already.
macro_rules! one_address {
    ($($kind:ty),*) => {$(
        impl sealed::Sealed for $kind {}
        impl ToSocketAddrs for $kind {
            fn to_socket_addrs(&self) -> io::Result<Vec<SocketAddr>> {
                Ok(vec![SocketAddr::from(*self)])
            }
        }
    )*};
}

one_address!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

/// Tries the addresses in turn; the last error if none will do.
pub(crate) fn first_that_works<R>(
    addresses: Vec<SocketAddr>,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<R>,
) -> io::Result<R> {
    let mut last = None;
    for address in addresses {
        match attempt(address) {
            Ok(done) => return Ok(done),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(no_address))
}

pub(crate) fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "there is no address to try")
}
