//! Records that notice damage.
//!
//! ```text
//! frame   marker F7 57 4B 72 | length u32 | checksum u32 | payload
//! ```
//!
//! Little endian; the checksum is the CRC-32 of salt, length and payload. The salt is the
//! file's own: without it, bytes that somebody had logged could pass for a record when
//! the reader looks for the next one behind a damaged place.

use std::ops::Range;

pub const MARKER: [u8; 4] = [0xf7, b'W', b'K', b'r'];
pub const HEADER_BYTES: usize = 12;

/// A larger length is damage, so that a flipped bit never asks for gigabytes.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// Appends `payload` in a frame. The payload is at most [`PAYLOAD_BYTES_MAX`] long.
pub fn push(out: &mut Vec<u8>, salt: u32, payload: &[u8]) {
    let len = u32::try_from(payload.len()).expect("payloads are limited to 64 MiB before they come here");
    out.reserve(HEADER_BYTES + payload.len());
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&checksum(salt, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

fn checksum(salt: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&(payload.len() as u32).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end before the frame does.
    Short,
    Damaged,
}

/// The payload of the frame at the start of `bytes`.
pub fn read(bytes: &[u8], salt: u32) -> Result<&[u8], Fault> {
    let marker_len = bytes.len().min(MARKER.len());
    if bytes[..marker_len] != MARKER[..marker_len] {
        return Err(Fault::Damaged);
    }
    let header = bytes.get(..HEADER_BYTES).ok_or(Fault::Short)?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let len = word(4) as usize;
    if len > PAYLOAD_BYTES_MAX {
        return Err(Fault::Damaged);
    }
    let payload = bytes.get(HEADER_BYTES..HEADER_BYTES + len).ok_or(Fault::Short)?;
    if checksum(salt, payload) == word(8) { Ok(payload) } else { Err(Fault::Damaged) }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Record {
        offset: usize,
        payload: &'a [u8],
    },
    /// Bytes that are no record although they should be.
    Damaged(Range<usize>),
    /// The last record was not finished, or was never written where the file was made
    /// longer for it: everything from here is what a crash leaves.
    Torn {
        offset: usize,
    },
}

/// All records from `start` on, and what lies between them.
pub fn scan(bytes: &[u8], start: usize, salt: u32) -> impl Iterator<Item = Piece<'_>> {
    let mut offset = start;
    std::iter::from_fn(move || {
        let rest = bytes.get(offset..).filter(|rest| !rest.is_empty())?;
        let here = offset;
        match read(rest, salt) {
            Ok(payload) => {
                offset += HEADER_BYTES + payload.len();
                Some(Piece::Record { offset: here, payload })
            }
            Err(fault) => {
                let next = next_frame(bytes, here + 1, salt);
                offset = next.unwrap_or(bytes.len());
                let is_tail = next.is_none();
                let is_blank = || rest.iter().all(|byte| *byte == 0);
                if is_tail && (fault == Fault::Short || is_blank()) {
                    Some(Piece::Torn { offset: here })
                } else {
                    Some(Piece::Damaged(here..offset))
                }
            }
        }
    })
}

fn next_frame(bytes: &[u8], from: usize, salt: u32) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let mut candidates = rest.windows(MARKER.len()).enumerate().filter(|(_, window)| *window == MARKER);
    candidates.find(|(at, _)| read(&rest[*at..], salt).is_ok()).map(|(at, _)| from + at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const SALT: u32 = 77;

    fn three_records() -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in [&b"one"[..], b"twotwo", b"three"] {
            push(&mut bytes, SALT, payload);
        }
        bytes
    }

    fn payloads(bytes: &[u8]) -> Vec<&[u8]> {
        scan(bytes, 0, SALT)
            .filter_map(|piece| match piece {
                Piece::Record { payload, .. } => Some(payload),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_torn_tail_says_at_which_byte() {
        let bytes = three_records();
        let third = 12 + 3 + 12 + 6;
        for end in third + 1..bytes.len() {
            let last = scan(&bytes[..end], 0, SALT).last().unwrap();
            assert_eq!(last, Piece::Torn { offset: third });
        }
    }

    #[test]
    fn a_file_that_only_grew_is_a_torn_tail() {
        let mut bytes = three_records();
        let end = bytes.len();
        bytes.extend([0; 40]);
        assert_eq!(scan(&bytes, 0, SALT).last().unwrap(), Piece::Torn { offset: end });
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_costs_one_record() {
        let bytes = three_records();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let found = payloads(&flipped);
            assert_eq!(found.len(), 2, "bit {bit}");
            assert!(found.iter().all(|payload| payloads(&bytes).contains(payload)));
        }
    }

    #[test]
    fn a_record_of_another_file_is_no_record() {
        let mut inner = Vec::new();
        push(&mut inner, SALT + 1, b"forged");
        let mut bytes = Vec::new();
        push(&mut bytes, SALT, &inner);
        bytes[0] ^= 1;
        assert!(payloads(&bytes).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let covered = scan(&bytes, 0, SALT).count();
            prop_assert!(covered <= bytes.len());
        }

        #[test]
        fn what_is_pushed_is_read(payloads_in in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8)) {
            let mut bytes = Vec::new();
            for payload in &payloads_in {
                push(&mut bytes, SALT, payload);
            }
            prop_assert_eq!(payloads(&bytes), payloads_in.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
}
