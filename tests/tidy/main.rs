//! Placeholder.


