//! What is known of a signal that has come.

use std::ffi::c_int;

use super::SignalKind;
use crate::sys::signal::RawInfo;

/// A signal that has come: which, from whom, and with what value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigInfo {
    /// Its number.
    pub signo: c_int,
    /// How it was sent: 0 by `kill(2)`, -1 by [`sigqueue`](super::sigqueue), positive by the kernel;
    /// see `sigaction(2)`.
    pub code: c_int,
    /// The process that has sent it, or the child that it is about; 0 if it came from a terminal.
    pub pid: u32,
    /// The user of that process.
    pub uid: u32,
    /// The value that was sent with it; 0 if there was none.
    pub value: i32,
}

impl SigInfo {
    pub(super) fn of(raw: &RawInfo) -> Self {
        Self {
            signo: raw.ssi_signo as c_int,
            code: raw.ssi_code,
            pid: raw.ssi_pid,
            uid: raw.ssi_uid,
            value: raw.ssi_int,
        }
    }

    /// Which signal it is.
    pub fn kind(&self) -> SignalKind {
        SignalKind::from_raw(self.signo)
    }
}
