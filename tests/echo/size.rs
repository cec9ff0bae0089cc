//! How large the program is.
//!
//! A size grows by itself: each type that a generic function is compiled for, each report that
//! nothing can leave out. What is loaded of the file counts, not what it says to debuggers. Compilers
//! differ by some hundredths, so there is room for that and for a little more; who needs the room
//! moves the limit, and says so in the README.

use std::fs;

use tests::server::program;

#[test]
fn the_server_is_not_much_larger_than_it_was() {
    let loaded = loaded(&fs::read(program("echo")).unwrap());
    // Less would be another file, or another reading of it.
    assert!((100_000..MOST).contains(&loaded), "{loaded} bytes");
}

/// So many bytes of an ELF file of 64 bits become memory; see `elf(5)`.
fn loaded(file: &[u8]) -> u64 {
    assert_eq!(file[..5], *b"\x7fELF\x02");
    let number = |at: usize, size: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&file[at..at + size]);
        u64::from_le_bytes(bytes)
    };
    let (first, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let headers = (0..count).map(|index| (first + index * size) as usize);
    let is_loaded = |header: &usize| number(*header, 4) == 1;
    headers.filter(is_loaded).map(|at| number(at + 32, 8)).sum()
}

/// A tenth more than it has now.
const MOST: u64 = 900_000;
