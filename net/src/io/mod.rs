//! Reading and writing byte streams of any kind.
//!
//! The traits are those of the `futures-io` crate, so what is written for them works with our
//! streams, and the other way round. [`AsyncReadExt`], [`AsyncBufReadExt`] and [`AsyncWriteExt`] add
//! the methods that code uses; [`BufReader`] and [`BufWriter`] make few system calls of many small
//! reads and writes; [`copy`] and [`copy_bidirectional`] move everything from one stream to another;
//! [`duplex`] is a connection without a socket.
//!
//! # What is lost when a future is dropped
//!
//! A future may be dropped before it is done: by a timeout, by `select!`, with its task. What it has
//! read by then must be somewhere. Each method says so under "Cancel safety"; the rule behind it is:
//!
//! - One read or one write ([`read`](AsyncReadExt::read), [`write`](AsyncWriteExt::write)) has
//!   either happened or not.
//! - What reads into a buffer that outlives it keeps all bytes there:
//!   [`read_to_end`](AsyncReadExt::read_to_end) and [`read_until`](AsyncBufReadExt::read_until) in
//!   the caller's vector, [`Lines`] in itself. Call it again, and it goes on.
//! - [`BufReader`] and [`BufWriter`] have methods of their own that take all or nothing:
//!   [`BufReader::read_exact`], [`BufReader::read_line`], [`BufWriter::write_all`].
//! - What fills a plain slice or a plain number cannot say how far it came. On a `BufReader`, wait
//!   with [`BufReader::fill_to`] first: then it does not wait.
//!
//! # One task a direction
//!
//! The functions of the traits remember the task that called them, and of several the latest. So of a
//! stream one task reads through them, and one writes. Where several tasks read from one socket or
//! pipe, or write to it, they use its own methods, by which all who wait are woken.

mod adapters;
mod buf_read;
mod buf_reader;
mod buf_writer;
mod buffer;
mod copy;
mod duplex;
mod read;
mod splice;
mod write;

pub use adapters::{Chain, Take};
pub use buf_read::{AsyncBufReadExt, Lines};
pub use buf_reader::BufReader;
pub use buf_writer::BufWriter;
pub use buffer::Buffer;
pub use copy::{copy, copy_bidirectional};
pub use duplex::{DuplexStream, duplex};
pub use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
pub use read::AsyncReadExt;
pub use write::AsyncWriteExt;
