//! A channel from many senders to one receiver.
//!
//! [`channel`] has room for so many messages; who sends into a full one waits, so a slow receiver
//! slows its senders, which is nearly always what one wants. [`unbounded_channel`] never lets anybody
//! wait, and takes memory instead.
//!
//! The channel ends from either side. When the last sender has gone, the receiver gets what is there,
//! then `None`. When the receiver has gone, or has closed the channel, sending fails and gives the
//! message back.

mod bounded;
pub mod error;
mod permit;
mod receiver;
mod returned;
mod shared;
mod unbounded;

pub use self::bounded::{Sender, WeakSender, channel};
pub use self::permit::{OwnedPermit, Permit, PermitIterator};
pub use self::receiver::Receiver;
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};
