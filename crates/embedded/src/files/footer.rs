//! The first and the last bytes of a file.

use columns::Corrupt;
use columns::bytes::Cursor;
use disk::{ReadFile, read_twice};
use model::{TimeRange, Timestamp};

use super::{FileError, Span};
use crate::memtable::WalRange;
use crate::table::{Day, Table};

/// At the start, so that tools know what they see. The last byte is the format's version,
/// as in the footer.
pub const HEAD: [u8; 8] = *b"WKSEG\0\0\x02";
const VERSION: u32 = 2;
const TAIL: [u8; 4] = *b"WKse";

/// Kind and table, eight words, two halves; then version, checksum and the tail mark.
pub const FOOTER_BYTES: usize = 2 + 8 * 8 + 2 * 4 + 4 + 4 + 4;

const WHAT: &str = "a footer";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows.
    Segment = 1,
    /// Labels of streams.
    Labels = 2,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    pub kind: Kind,
    pub table: Table,
    pub day: Day,
    /// The WAL files that the rows came from. Zeros for labels: those are read by number.
    pub wal: WalRange,
    pub rows: u64,
    /// Of the rows; zeros for labels.
    pub times: TimeRange,
    /// Numbers of streams: those of the labels, or those that rows belong to. The end is
    /// not included.
    pub first_stream: u32,
    pub end_stream: u32,
    /// Where the directory of a segment is, or the labels.
    pub directory: Span,
}

impl Footer {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        out.extend([self.kind as u8, self.table.tag()]);
        let words = [
            self.day.0 as u64,
            self.wal.first,
            self.wal.last,
            self.rows,
            self.times.start.as_nanos() as u64,
            self.times.end.as_nanos() as u64,
            self.directory.offset,
            self.directory.bytes,
        ];
        words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        out.extend_from_slice(&self.first_stream.to_le_bytes());
        out.extend_from_slice(&self.end_stream.to_le_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out.extend_from_slice(&TAIL);
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FileError> {
        let (signed, end) = bytes.split_at_checked(FOOTER_BYTES - 8).ok_or(Corrupt(WHAT))?;
        let mut end = Cursor::new(end, WHAT);
        if end.half()? != crc32fast::hash(signed) || end.take(4)? != TAIL {
            return Err(Corrupt(WHAT).into());
        }
        let mut cursor = Cursor::new(signed, WHAT);
        let kind = match cursor.byte()? {
            1 => Kind::Segment,
            2 => Kind::Labels,
            _ => return Err(Corrupt(WHAT).into()),
        };
        let tag = cursor.byte()?;
        let table = Table::ALL.into_iter().find(|table| table.tag() == tag).ok_or(Corrupt(WHAT))?;
        let footer = Self {
            kind,
            table,
            day: Day(cursor.word()? as i64),
            wal: WalRange { first: cursor.word()?, last: cursor.word()? },
            rows: cursor.word()?,
            times: TimeRange::new(
                Timestamp::from_nanos(cursor.word()? as i64),
                Timestamp::from_nanos(cursor.word()? as i64),
            ),
            directory: Span { offset: cursor.word()?, bytes: cursor.word()? },
            first_stream: cursor.half()?,
            end_stream: cursor.half()?,
        };
        match cursor.half()? {
            VERSION => Ok(footer),
            version => Err(FileError::Version(version)),
        }
    }

    /// The footer at the end of an open file, and the size of the file.
    pub fn read(file: &dyn ReadFile) -> Result<(Self, u64), FileError> {
        let size = file.size()?;
        let mut head = [0; HEAD.len()];
        if size >= HEAD.len() as u64 {
            read_twice(file, 0, &mut head)?;
        }
        // The first version had a footer of another length.
        if head == *b"WKSEG\0\0\x01" {
            return Err(FileError::Version(1));
        }
        let start = size.checked_sub(FOOTER_BYTES as u64).ok_or(Corrupt(WHAT))?;
        let mut bytes = [0; FOOTER_BYTES];
        read_twice(file, start, &mut bytes)?;
        let footer = Self::decode(&bytes)?;
        let Span { offset, bytes } = footer.directory;
        let ends_at_footer = offset.checked_add(bytes) == Some(start);
        if head == HEAD && ends_at_footer { Ok((footer, size)) } else { Err(Corrupt(WHAT).into()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_footer_comes_back_and_every_flipped_bit_is_noticed() {
        let footer = Footer {
            kind: Kind::Segment,
            table: Table::Spans,
            day: Day(-3),
            wal: WalRange { first: 4, last: 9 },
            rows: 77,
            times: TimeRange::new(Timestamp::MIN, Timestamp::MAX),
            first_stream: 2,
            end_stream: 12,
            directory: Span { offset: 8, bytes: 100 },
        };
        let bytes = footer.encode();
        assert_eq!(bytes.len(), FOOTER_BYTES);
        assert_eq!(Footer::decode(&bytes).unwrap(), footer);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Footer::decode(&flipped).unwrap_err().is_damage(), "bit {bit}");
        }
    }
}
