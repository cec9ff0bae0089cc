//! Addresses to bind and to connect to, and names for them.
//!
//! A numeric address costs nothing. A name has to be looked up, and the only way to do it as the
//! rest of the system does, with its files and its servers, is a call that blocks, for many seconds
//! if the network is down. So it is made on the runtime's threads for such calls; nobody waits for it
//! at the end of a runtime, and one that nobody waits for any more and that has not begun does not
//! begin.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::panic::{Location, resume_unwind};
use std::vec;

use runtime::Handle;
use runtime::task::{JoinHandle, consume_budget};

use self::sealed::Target;
use crate::error;

/// What can be turned into socket addresses: an address, several, or a name with a port.
///
/// Names are those of the system: of `/etc/hosts`, of the servers for names, of whatever else it is
/// told to ask. A text such as `"127.0.0.1:7000"` or `"[::1]:7000"` is not looked up.
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
///     TcpListener::bind("localhost:0").await?;
///     TcpListener::bind(("localhost", 0)).await?;
///     Ok(())
/// })
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no address",
    note = "an address is a SocketAddr, several of them, a text with a port such as \
            \"localhost:7000\", or a name or address with a port such as (\"localhost\", 7000)"
)]
pub trait ToSocketAddrs: sealed::Sealed {}

mod sealed {
    use std::io;
    use std::net::SocketAddr;

    pub trait Sealed {
        fn target(&self) -> io::Result<Target>;
    }

    /// What was meant.
    #[derive(Debug)]
    pub enum Target {
        Address(SocketAddr),
        /// To be tried in this order.
        Addresses(Vec<SocketAddr>),
        Name(String, u16),
    }
}

/// Looks up a name, and returns its addresses, the preferred ones first.
///
/// # Errors
///
/// `InvalidInput` if the text is neither an address nor a name with a port; if there is no such
/// name, or nobody answers who knows; outside of a runtime.
///
/// # Panics
///
/// If the system makes no more threads.
///
/// # Cancel safety
///
/// If the future is dropped before it is done, a lookup that has begun goes on in its thread, and
/// what it finds is dropped.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     for address in net::lookup_host("localhost:80").await? {
///         assert!(address.ip().is_loopback());
///     }
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn lookup_host<A: ToSocketAddrs>(
    host: A,
) -> impl Future<Output = io::Result<vec::IntoIter<SocketAddr>>> {
    let found = resolve(host, "lookup_host", Location::caller());
    async move { found.await.map(Vec::into_iter) }
}

/// The addresses of what was meant. `call` is what the user called, and `caller` from where.
pub(crate) fn resolve<A: ToSocketAddrs>(
    address: A,
    call: &'static str,
    caller: &'static Location<'static>,
) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + use<A> {
    // At once, so that the future holds no `A`, which need not be `Send`.
    let target = address.target();
    drop(address);
    async move {
        // A number needs no wait, and who binds or asks in a loop must not stop the others.
        consume_budget().await;
        match target? {
            Target::Address(address) => Ok(vec![address]),
            Target::Addresses(addresses) => Ok(addresses),
            Target::Name(name, port) => {
                let runtime = Handle::try_current().map_err(|_| error::outside(call, caller))?;
                look_up(&runtime, name, port).await.map(interleave)
            }
        }
    }
}

/// The first of the addresses. One that is given costs no allocation: it is asked for with each
/// datagram.
pub(crate) fn resolve_first<A: ToSocketAddrs>(
    address: A,
    call: &'static str,
    caller: &'static Location<'static>,
) -> impl Future<Output = io::Result<SocketAddr>> + use<A> {
    let one = match address.target() {
        Ok(Target::Address(one)) => Ok(one),
        _ => Err(resolve(address, call, caller)),
    };
    async move {
        match one {
            Ok(one) => Ok(one),
            Err(several) => several.await?.first().copied().ok_or_else(no_address),
        }
    }
}

async fn look_up(runtime: &Handle, name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let asked = name.clone();
    let mut lookup = Lookup(runtime.spawn_blocking(move || {
        let found = std::net::ToSocketAddrs::to_socket_addrs(&(asked.as_str(), port))?;
        io::Result::Ok(found.collect())
    }));
    let found: io::Result<Vec<SocketAddr>> = match (&mut lookup.0).await {
        Ok(found) => found,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => {
            return Err(io::Error::other(
                "runtime shut down while a name was looked up",
            ));
        }
    };
    found.map_err(|error| io::Error::new(error.kind(), format!("cannot look up `{name}`: {error}")))
}

/// A lookup that nobody waits for need not begin.
struct Lookup(JoinHandle<io::Result<Vec<SocketAddr>>>);

impl Drop for Lookup {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Deals the addresses out so that the two versions of IP take turns, each in its order: if one of
/// them does not work here, only every second try is in vain. (RFC 8305, section 4.)
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv4) else {
        return addresses;
    };
    let count = addresses.len();
    let (preferred, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == first);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        all.extend(preferred.next());
        all.extend(others.next());
    }
    all
}

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
    error::invalid("there is no address to try")
}

impl ToSocketAddrs for str {}

impl sealed::Sealed for str {
    fn target(&self) -> io::Result<Target> {
        if let Ok(address) = self.parse() {
            return Ok(Target::Address(address));
        }
        let (name, port) = self.rsplit_once(':').ok_or_else(|| no_target(self))?;
        let port = port.parse().map_err(|_| no_target(self))?;
        if !may_be_name(name) {
            return Err(no_target(self));
        }
        Ok(Target::Name(name.to_owned(), port))
    }
}

impl ToSocketAddrs for (&str, u16) {}

impl sealed::Sealed for (&str, u16) {
    fn target(&self) -> io::Result<Target> {
        let (name, port) = *self;
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(Target::Address(SocketAddr::new(address, port)));
        }
        if !may_be_name(name) {
            return Err(no_target(name));
        }
        Ok(Target::Name(name.to_owned(), port))
    }
}

impl ToSocketAddrs for (String, u16) {}

impl sealed::Sealed for (String, u16) {
    fn target(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).target()
    }
}

impl ToSocketAddrs for String {}

impl sealed::Sealed for String {
    fn target(&self) -> io::Result<Target> {
        self.as_str().target()
    }
}

impl ToSocketAddrs for [SocketAddr] {}

impl sealed::Sealed for [SocketAddr] {
    fn target(&self) -> io::Result<Target> {
        Ok(Target::Addresses(self.to_vec()))
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {}

impl sealed::Sealed for Vec<SocketAddr> {
    fn target(&self) -> io::Result<Target> {
        self.as_slice().target()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}

impl<T: sealed::Sealed + ?Sized> sealed::Sealed for &T {
    fn target(&self) -> io::Result<Target> {
        (**self).target()
    }
}

/// Everything that is one address already.
macro_rules! one_address {
    ($($kind:ty),*) => {$(
        impl ToSocketAddrs for $kind {}

        impl sealed::Sealed for $kind {
            fn target(&self) -> io::Result<Target> {
                Ok(Target::Address(SocketAddr::from(*self)))
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

/// An address with a slip in it must not be asked for on the network: no name ends in a number, and
/// none has colons or brackets.
fn may_be_name(text: &str) -> bool {
    let last = text.trim_end_matches('.').rsplit('.').next();
    let ends_in_number = last.is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    !ends_in_number
        && !text.contains([':', '[', ']', '/', '\0'])
        && !text.contains(char::is_whitespace)
}

fn no_target(text: &str) -> io::Error {
    error::invalid(format!(
        "`{text}` is neither an address and a port, such as 127.0.0.1:7000 or [::1]:7000, nor a name \
         and a port, such as localhost:7000"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_ip_take_turns_the_preferred_one_first() {
        let address = |text: &&str| text.parse::<SocketAddr>().expect("an address");
        for (given, expected) in [
            (&[][..], &[][..]),
            (&["1.0.0.1:1"], &["1.0.0.1:1"]),
            (
                &["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"],
                &["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"],
            ),
            (
                &["1.0.0.1:1", "[::1]:1", "[::2]:1", "[::3]:1"],
                &["1.0.0.1:1", "[::1]:1", "[::2]:1", "[::3]:1"],
            ),
        ] {
            let given = given.iter().map(address).collect();
            let expected: Vec<_> = expected.iter().map(address).collect();
            assert_eq!(interleave(given), expected);
        }
    }

    #[test]
    fn only_what_may_be_a_name_is_one() {
        for name in [
            "localhost",
            "a.example",
            "a.example.",
            "3com.example",
            "x",
            "ä.example",
        ] {
            assert!(may_be_name(name), "{name}");
        }
        for no_name in ["", "300.0.0.1", "1", "::1", "[::1]", "a b", "a/b", "x.1."] {
            assert!(!may_be_name(no_name), "{no_name}");
        }
    }
}
