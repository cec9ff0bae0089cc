//! Control messages: what travels beside the bytes of a message.
//!
//! See `cmsg(3)`. Each is a header (length, level, kind) and data, padded to a word. C reads them by
//! casting pointers into the buffer; here the buffer is bytes, read and written by position, so
//! that a length that lies, whoever wrote it, ends the reading and nothing else. The layout is the
//! kernel's, which is the same for every C library.

/// Room for control messages, `N` bytes of it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Control<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Control<N> {
    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; N],
            used: 0,
        }
    }

    /// Appends a message. False if there is no room for it.
    pub(crate) fn push(&mut self, level: i32, kind: i32, data: &[u8]) -> bool {
        let start = self.used;
        let length = HEADER + data.len();
        let end = start + padded(length);
        if end > N {
            return false;
        }
        let (level, kind) = (level.to_ne_bytes(), kind.to_ne_bytes());
        self.bytes[start..start + WORD].copy_from_slice(&length.to_ne_bytes());
        self.bytes[start + WORD..start + WORD + 4].copy_from_slice(&level);
        self.bytes[start + WORD + 4..start + HEADER].copy_from_slice(&kind);
        self.bytes[start + HEADER..start + length].copy_from_slice(data);
        self.used = end;
        true
    }

    /// What was appended.
    pub(crate) fn written(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// All of the room, for the kernel to write to.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// The messages in the bytes that the kernel wrote: level, kind, data.
pub(crate) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from_ne_bytes(part(bytes, 0)?);
        let level = i32::from_ne_bytes(part(bytes, WORD)?);
        let kind = i32::from_ne_bytes(part(bytes, WORD + 4)?);
        let data = bytes.get(HEADER..length)?;
        bytes = bytes.get(padded(length)..).unwrap_or_default();
        Some((level, kind, data))
    })
}

/// `SIZE` bytes from a position on, if there are as many.
pub(crate) fn part<const SIZE: usize>(bytes: &[u8], at: usize) -> Option<[u8; SIZE]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// How much room a message with so much data takes, without the padding after it.
pub(crate) const fn length_of(data: usize) -> usize {
    HEADER + data
}

/// And with the padding, before another one.
pub(crate) const fn space_of(data: usize) -> usize {
    padded(length_of(data))
}

const fn padded(length: usize) -> usize {
    length.next_multiple_of(WORD)
}

const WORD: usize = size_of::<usize>();
/// The length, and two `int`.
const HEADER: usize = WORD + 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_were_put_in() {
        let mut control = Control::<128>::new();
        assert!(control.push(1, 2, &[3; 4]));
        assert!(control.push(-5, 6, &[]));
        assert!(control.push(7, 8, &[9; 17]));
        let read: Vec<_> = messages(control.written()).collect();
        let expected: [(i32, i32, &[u8]); 3] = [(1, 2, &[3; 4]), (-5, 6, &[]), (7, 8, &[9; 17])];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_does_not_fit_is_not_put_in() {
        let mut control = Control::<{ 2 * HEADER }>::new();
        assert!(control.push(1, 1, &[]));
        assert!(!control.push(2, 2, &[0]));
        assert!(control.push(3, 3, &[]));
        assert_eq!(messages(control.written()).count(), 2);
    }

    #[test]
    fn a_length_that_lies_ends_the_reading() {
        for lie in [0, 1, HEADER - 1, HEADER + 9, usize::MAX - 3, usize::MAX] {
            let mut control = Control::<64>::new();
            assert!(control.push(1, 2, &[3; 8]));
            control.bytes[..WORD].copy_from_slice(&lie.to_ne_bytes());
            assert_eq!(messages(control.written()).count(), 0, "{lie}");
        }
        for cut in 0..HEADER + 8 {
            let mut control = Control::<64>::new();
            assert!(control.push(1, 2, &[3; 8]));
            assert_eq!(messages(&control.written()[..cut]).count(), 0, "{cut}");
        }
    }

    #[test]
    fn the_layout_is_that_of_the_c_library() {
        assert_eq!(HEADER, size_of::<libc::cmsghdr>());
        assert_eq!(std::mem::offset_of!(libc::cmsghdr, cmsg_level), WORD);
        assert_eq!(std::mem::offset_of!(libc::cmsghdr, cmsg_type), WORD + 4);
    }
}
