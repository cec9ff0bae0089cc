//! What byte belongs at which offset of which connection.
//!
//! An echo server that mixes up two connections, repeats a buffer or drops a
//! chunk still returns plausible bytes. The danger is a pattern too regular to
//! notice: counting bytes repeat every 256, and every connection's look alike.
//! Here each eight bytes are a hash of the connection and of their place in
//! its stream, so bytes moved by any distance, or taken from any other
//! connection, differ from the expected ones in 255 places of 256.

/// The endless stream of bytes of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    seed: u64,
}

const WORD: usize = size_of::<u64>();

/// How many bytes are compared at a time: small enough for the stack, large
/// enough that the compare is one wide operation.
const BLOCK: usize = 256;

impl Pattern {
    /// The stream that belongs to connection number `connection`.
    pub fn of(connection: u64) -> Pattern {
        Pattern {
            seed: mix(connection.wrapping_add(1)),
        }
    }

    /// The byte at `offset`.
    pub fn byte(self, offset: u64) -> u8 {
        self.word(offset)[offset as usize % WORD]
    }

    /// Writes the bytes from `offset` on over all of `bytes`.
    pub fn fill(self, offset: u64, bytes: &mut [u8]) {
        let misaligned = (offset as usize).wrapping_neg() % WORD;
        let (head, aligned) = bytes.split_at_mut(misaligned.min(bytes.len()));
        for (place, byte) in (offset..).zip(head.iter_mut()) {
            *byte = self.byte(place);
        }
        let mut place = offset + head.len() as u64;
        let mut words = aligned.chunks_exact_mut(WORD);
        for word in &mut words {
            word.copy_from_slice(&self.word(place));
            place += WORD as u64;
        }
        let tail = words.into_remainder();
        let length = tail.len();
        tail.copy_from_slice(&self.word(place)[..length]);
    }

    /// The index in `bytes`, received from `offset` on, of the first byte that
    /// does not belong there.
    pub fn first_wrong(self, offset: u64, bytes: &[u8]) -> Option<usize> {
        let mut expected = [0; BLOCK];
        for (index, block) in bytes.chunks(BLOCK).enumerate() {
            let start = index * BLOCK;
            let expected = &mut expected[..block.len()];
            self.fill(offset + start as u64, expected);
            if block != expected {
                let within = block.iter().zip(expected).position(|(a, b)| a != b);
                return within.map(|within| start + within);
            }
        }
        None
    }

    /// The eight bytes that `offset` lies in.
    fn word(self, offset: u64) -> [u8; WORD] {
        mix(self.seed ^ (offset / WORD as u64)).to_le_bytes()
    }
}

/// The finalizer of SplitMix64: every input bit reaches every output bit.
fn mix(input: u64) -> u64 {
    let mut word = input.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_agrees_with_single_bytes_at_every_alignment() {
        let pattern = Pattern::of(7);
        for offset in 0..24 {
            for length in 0..40 {
                let mut bytes = vec![0; length];
                pattern.fill(offset, &mut bytes);
                let expected: Vec<u8> =
                    (offset..).take(length).map(|at| pattern.byte(at)).collect();
                assert_eq!(bytes, expected, "offset {offset}, length {length}");
                assert_eq!(pattern.first_wrong(offset, &bytes), None);
            }
        }
    }

    #[test]
    fn one_flipped_bit_is_found_where_it_is() {
        let pattern = Pattern::of(3);
        let mut bytes = vec![0; 1000];
        pattern.fill(13, &mut bytes);
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            assert_eq!(pattern.first_wrong(13, &bytes), Some(index));
            bytes[index] ^= 1;
        }
    }

    #[test]
    fn bytes_of_another_connection_or_place_are_wrong() {
        let mut bytes = [0; 64];
        for other in 1..2000 {
            Pattern::of(other).fill(0, &mut bytes);
            let wrong = Pattern::of(0).first_wrong(0, &bytes);
            assert!(wrong.is_some_and(|index| index < 8), "connection {other}");
            Pattern::of(0).fill(other, &mut bytes);
            let wrong = Pattern::of(0).first_wrong(0, &bytes);
            assert!(wrong.is_some_and(|index| index < 8), "moved by {other}");
        }
    }
}
