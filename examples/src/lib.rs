//! The two servers that are more than a page, [`echo`] and [`chat`], and what all programs share:
//! [`program`] is how they start.
//!
//! They are a library so that tests can also run them inside a runtime of their own, under a seed and
//! on paused time. The programs of the same names are one line each.

pub mod chat;
pub mod echo;
pub mod program;
