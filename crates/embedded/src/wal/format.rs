//! Names, headers and record kinds of WAL files.

use columns::Corrupt;
use columns::bytes::{Cursor, put_uint};

pub fn file_name(number: u64) -> String {
    format!("{number:08}.log")
}

pub fn file_number(name: &str) -> Option<u64> {
    name.strip_suffix(".log")?.parse().ok()
}

const MAGIC: [u8; 8] = *b"WKWAL\0\0\x02";
pub const HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 4;

/// The salt stands there twice: if a flipped bit hits one, the other still opens the
/// checksums of all records.
pub fn header(number: u64, salt: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&salt.to_le_bytes());
    out.extend_from_slice(&salt.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out
}

#[derive(Debug, PartialEq)]
pub enum Header {
    /// Nothing in this file can have been acknowledged: the header was not yet written.
    Unfinished,
    Whole {
        salt: u32,
    },
    /// One of these salts may still be right.
    Damaged {
        salts: [u32; 2],
    },
    /// Written by a program that we do not know.
    Unknown,
}

pub fn read_header(bytes: &[u8]) -> Header {
    let Some(header) = bytes.get(..HEADER_BYTES) else { return Header::Unfinished };
    if bytes.iter().all(|byte| *byte == 0) {
        return Header::Unfinished;
    }
    let half = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let is_whole = crc32fast::hash(&header[..HEADER_BYTES - 4]) == half(24);
    match (is_whole, header[..8] == MAGIC) {
        (true, true) => Header::Whole { salt: half(16) },
        (true, false) => Header::Unknown,
        (false, _) => Header::Damaged { salts: [half(16), half(20)] },
    }
}

/// First byte of each record.
pub const BATCHES: u8 = 1;
pub const CUTS: u8 = 2;

/// A file that was given up after a failed write or sync, and how many of its bytes were
/// acknowledged. What comes after them was answered with an error and must not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub file: u64,
    pub acknowledged_bytes: u64,
}

pub fn encode_cuts(cuts: &[Cut]) -> Vec<u8> {
    let mut out = vec![CUTS];
    put_uint(&mut out, cuts.len() as u64);
    for cut in cuts {
        put_uint(&mut out, cut.file);
        put_uint(&mut out, cut.acknowledged_bytes);
    }
    out
}

pub fn decode_cuts(payload: &[u8]) -> Result<Vec<Cut>, Corrupt> {
    let mut cursor = Cursor::new(payload, "a list of cuts");
    (0..cursor.count()?)
        .map(|_| Ok(Cut { file: cursor.uint()?, acknowledged_bytes: cursor.uint()? }))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_header_with_any_flipped_bit_still_offers_the_salt() {
        let header = header(12, 0xdead_beef);
        assert_eq!(read_header(&header), Header::Whole { salt: 0xdead_beef });
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = header.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Header::Damaged { salts } = read_header(&flipped) else { panic!("bit {bit} is not noticed") };
            assert!(salts.contains(&0xdead_beef));
        }
    }

    #[test]
    fn cuts_come_back() {
        let cuts = [Cut { file: 3, acknowledged_bytes: 0 }, Cut { file: 300, acknowledged_bytes: 99 }];
        assert_eq!(decode_cuts(&encode_cuts(&cuts)[1..]).unwrap(), cuts);
    }

    #[test]
    fn names_sort_as_numbers_do() {
        assert_eq!(file_name(12), "00000012.log");
        assert_eq!(file_number("00000012.log"), Some(12));
        assert_eq!(file_number("notes.txt"), None);
    }
}
