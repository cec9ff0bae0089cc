//! Standard input, output and error.
//!
//! The danger is the mode. Whether calls block belongs to the open file, and that is shared with the
//! shell, with the other programs of a pipeline and with our children: who makes standard input
//! non-blocking makes *their* reads fail, even after he has ended. So what we were given stays as it
//! is. A terminal or a pipe is opened anew, by its name in `/proc/self/fd`, which makes an open file
//! of our own, in the mode that we want. A socket cannot be opened anew, but can be asked at each call
//! not to block. These are waited for like anything else here, and no thread stands behind them.
//!
//! What is left cannot be waited for: a file, `/dev/null`, another user's terminal that we may not
//! open, a pipe that is at its end already. It is read and written on a thread of the runtime's
//! blocking pool. That thread may sit in its read for ever, and a runtime that ends leaves it alone.

mod input;
mod output;
mod source;
mod threads;

pub use input::{Stdin, stdin};
pub use output::{Stderr, Stdout, stderr, stdout};
