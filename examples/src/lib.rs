//! What the programs of this package share: [`program`] is how they start.
//!
//! Each program is what stands in its own file, or folder, and what it takes from here: who builds one
//! of them waits for no other.

pub mod program;
