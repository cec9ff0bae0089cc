//! Lines as they come from `nc`, from telnet, and from people who send something else.
//!
//! A line ends with a line feed, with or without a carriage return before it. The danger is a line
//! without an end: it is not kept, whatever its length. Its beginning is refused, the rest of it is
//! passed over as it comes, and the next line is as good as any.

use std::io;

use net::codec::Decoder;
use net::io::Buffer;

/// A line as it came, or why it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Text(String),
    TooLong,
    NotText,
}

/// Finds the lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// So much of the buffer is known to hold no line feed.
    searched: usize,
    /// In the middle of a line that was refused.
    passes_over: bool,
}

impl Decoder for Lines {
    type Item = Line;

    fn decode(&mut self, buffer: &mut Buffer) -> io::Result<Option<Line>> {
        loop {
            let found = buffer[self.searched..].iter().position(|b| *b == b'\n');
            let Some(feed) = found.map(|at| self.searched + at) else {
                return Ok(self.without_end(buffer));
            };
            let line = (!self.passes_over).then(|| line(&buffer[..feed]));
            buffer.consume(feed + 1);
            (self.searched, self.passes_over) = (0, false);
            if line.is_some() {
                return Ok(line);
            }
        }
    }

    /// The last line may do without an end: `printf hello | nc` has none.
    fn decode_end(&mut self, buffer: &mut Buffer) -> io::Result<Option<Line>> {
        if let Some(line) = self.decode(buffer)? {
            return Ok(Some(line));
        }
        let rest = (!buffer.is_empty()).then(|| line(buffer));
        buffer.consume(buffer.len());
        self.searched = 0;
        Ok(rest)
    }
}

impl Lines {
    fn without_end(&mut self, buffer: &mut Buffer) -> Option<Line> {
        self.searched = buffer.len();
        // One more: it may be the carriage return.
        let is_too_long = buffer.len() > LONGEST + 1;
        if !self.passes_over && !is_too_long {
            return None;
        }
        buffer.consume(buffer.len());
        self.searched = 0;
        let refused = (!self.passes_over).then_some(Line::TooLong);
        self.passes_over = true;
        refused
    }
}

fn line(bytes: &[u8]) -> Line {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.len() > LONGEST {
        return Line::TooLong;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Line::Text(text.to_owned()),
        Err(_) => Line::NotText,
    }
}

/// A paragraph; in bytes.
pub(crate) const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use net::codec::Framed;

    use super::*;

    /// What is found when the bytes come in pieces of each size.
    fn lines(bytes: &[u8]) -> Vec<Line> {
        let whole = in_pieces(bytes, bytes.len().max(1));
        for size in [1, 2, 3, 1000] {
            assert_eq!(in_pieces(bytes, size), whole, "{size} at a time");
        }
        whole
    }

    fn in_pieces(bytes: &[u8], size: usize) -> Vec<Line> {
        runtime::block_on(async {
            let (mut writer, reader) = net::io::duplex(size);
            let bytes = bytes.to_vec();
            runtime::spawn(
                async move { net::io::AsyncWriteExt::write_all(&mut writer, &bytes).await },
            );
            let mut framed = Framed::new(reader, Lines::default());
            let mut found = Vec::new();
            while let Some(line) = framed.next().await {
                found.push(line.unwrap());
            }
            found
        })
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn both_ends_of_a_line_are_one() {
        let expected = [text("a"), text("b"), text(""), text("c\rd"), text("e")];
        assert_eq!(lines(b"a\nb\r\n\nc\rd\r\ne"), expected);
    }

    #[test]
    fn the_longest_line_fits_and_one_more_byte_does_not() {
        let longest = "x".repeat(LONGEST);
        let crowd = format!("{longest}\n{longest}\r\n{longest}y\nnext\n{longest}");
        let expected = [
            text(&longest),
            text(&longest),
            Line::TooLong,
            text("next"),
            text(&longest),
        ];
        assert_eq!(lines(crowd.as_bytes()), expected);
    }

    #[test]
    fn a_line_without_an_end_is_refused_once_and_not_kept() {
        let mut endless = vec![b'x'; 100 * LONGEST];
        assert_eq!(lines(&endless), [Line::TooLong]);
        endless.extend(b"\nnext\n");
        assert_eq!(lines(&endless), [Line::TooLong, text("next")]);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_and_the_next_line_is_not() {
        assert_eq!(lines(b"\xff\xf4\nhello\n"), [Line::NotText, text("hello")]);
    }
}
