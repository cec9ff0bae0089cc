//! Socket addresses as the kernel has them.
//!
//! The danger is the layout: std's `SocketAddr` is not the kernel's, and programs that took one for
//! the other have broken. So they are converted field by field, and a `sockaddr_storage` has room
//! for all of them.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddr;

/// An address in the kernel's layout.
#[derive(Clone, Copy)]
pub struct Address {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl Address {
    /// Room for an address that the kernel is to write.
    pub(super) fn room() -> Self {
        // SAFETY: all zeroes is a valid storage: an address of no family.
        let storage = unsafe { MaybeUninit::<libc::sockaddr_storage>::zeroed().assume_init() };
        Self {
            storage,
            length: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
        }
    }

    pub(super) fn family(&self) -> libc::c_int {
        libc::c_int::from(self.storage.ss_family)
    }

    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(super) fn length(&self) -> libc::socklen_t {
        self.length
    }

    /// The two pointers through which a system call writes an address.
    pub(super) fn as_out(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        ((&raw mut self.storage).cast(), &raw mut self.length)
    }

    /// The address as it lies in memory.
    pub(super) fn storage(&self) -> libc::sockaddr_storage {
        self.storage
    }

    /// The address in std's type.
    pub(crate) fn to_std(self) -> io::Result<SocketAddr> {
        match self.family() {
            libc::AF_INET => {
                // SAFETY: the family says which layout the storage has, and it has room for all.
                let v4 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Ok(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let v6 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Ok(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            family => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the kernel gave an address of family {family}, which is not internet's"),
            )),
        }
    }
}

impl Address {
    /// The address in std's type, if it is one of a unix socket; else unnamed.
    ///
    /// A name of the full 108 bytes, which std cannot hold, counts as unnamed too: a peer that has
    /// chosen one must not be able to make an `accept` fail.
    pub(crate) fn to_unix(self) -> UnixAddr {
        let name = if self.family() == libc::AF_UNIX {
            self.name()
        } else {
            Vec::new()
        };
        let address = match name.split_first() {
            Some((0, name)) => UnixAddr::from_abstract_name(name),
            _ => {
                // The kernel counts the zero at the end of a path.
                let path = name.split(|byte| *byte == 0).next().unwrap_or_default();
                UnixAddr::from_pathname(OsStr::from_bytes(path))
            }
        };
        address.unwrap_or_else(|_| unnamed())
    }

    /// What stands behind the family, for as long as the address is.
    fn name(&self) -> Vec<u8> {
        // SAFETY: a storage has room for an address of every family, and any bytes are one of this.
        let unix = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_un>() };
        let length = (self.length as usize).saturating_sub(NAME_AT);
        let name = unix.sun_path.iter().take(length);
        name.map(|byte| *byte as u8).collect()
    }
}

impl From<&UnixAddr> for Address {
    fn from(address: &UnixAddr) -> Self {
        let mut unix = libc::sockaddr_un {
            sun_family: libc::AF_UNIX as libc::sa_family_t,
            sun_path: [0; NAME_ROOM],
        };
        // std has seen to it that there is room for the zero before a name, or after a path.
        let (at, name, extra) = match (address.as_abstract_name(), address.as_pathname()) {
            (Some(name), _) => (1, name, 1),
            (None, Some(path)) => (0, path.as_os_str().as_bytes(), 1),
            (None, None) => (0, &[][..], 0),
        };
        for (to, from) in unix.sun_path.iter_mut().skip(at).zip(name) {
            *to = *from as libc::c_char;
        }
        let mut this = Self::room();
        // SAFETY: a storage has room and alignment for every kind of address.
        unsafe {
            (&raw mut this.storage)
                .cast::<libc::sockaddr_un>()
                .write(unix)
        };
        this.length = (NAME_AT + name.len() + extra) as libc::socklen_t;
        this
    }
}

/// The address of a unix socket that has no name.
fn unnamed() -> UnixAddr {
    UnixAddr::from_pathname("").expect("std takes an empty path for no name")
}

/// Where the name begins.
const NAME_AT: usize = offset_of!(libc::sockaddr_un, sun_path);
/// How long a name may be.
const NAME_ROOM: usize = size_of::<libc::sockaddr_un>() - NAME_AT;

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let mut this = Self::room();
        let storage = &raw mut this.storage;
        match address {
            SocketAddr::V4(v4) => {
                let from = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(v4.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
                // SAFETY: a storage has room and alignment for every kind of address.
                unsafe { storage.cast::<libc::sockaddr_in>().write(from) };
                this.length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            }
            SocketAddr::V6(v6) => {
                let from = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: v6.ip().octets(),
                    },
                    sin6_scope_id: v6.scope_id(),
                };
                // SAFETY: as above.
                unsafe { storage.cast::<libc::sockaddr_in6>().write(from) };
                this.length = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            }
        }
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_went() {
        for text in [
            "127.0.0.1:7000",
            "0.0.0.0:0",
            "[::1]:65535",
            "[fe80::1%3]:80",
        ] {
            let address: SocketAddr = text.parse().expect("an address");
            let back = Address::from(address).to_std().expect("the address");
            assert_eq!(back, address);
        }
    }

    #[test]
    fn names_come_back_as_they_went() {
        for path in ["/run/socket", "relative", &"x".repeat(107)] {
            let address = UnixAddr::from_pathname(path).expect("a path");
            let back = Address::from(&address).to_unix();
            assert_eq!(back.as_pathname(), address.as_pathname());
        }
        for name in [&b"name"[..], b"", b"with\0zeroes\0", &[7; 107]] {
            let address = UnixAddr::from_abstract_name(name).expect("a name");
            let back = Address::from(&address).to_unix();
            assert_eq!(back.as_abstract_name(), Some(name));
        }
        assert!(Address::from(&unnamed()).to_unix().is_unnamed());
        assert!(Address::room().to_unix().is_unnamed());
    }
}
