//! The first and the last bytes of a segment.

use disk::DiskError;
use model::Timestamp;

use super::file::SegmentError;
use crate::encoding::{Corrupt, Cursor};
use crate::memtable::WalRange;
use crate::table::{Day, Table};

/// At the start, so that tools know what they see.
pub const HEAD: [u8; 8] = *b"WKSEG\0\0\x01";
const VERSION: u32 = 1;
const TAIL: [u8; 4] = *b"WKse";

/// Nine words, a table byte, version, checksum and the tail mark.
pub const FOOTER_BYTES: usize = 8 * 9 + 1 + 4 + 4 + 4;

const WHAT: &str = "a segment's footer";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    pub table: Table,
    pub day: Day,
    pub wal: WalRange,
    pub streams: u64,
    pub rows: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub index_offset: u64,
    /// With its frame.
    pub index_bytes: u64,
}

impl Footer {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        out.push(self.table.tag());
        out.extend_from_slice(&self.day.0.to_le_bytes());
        let words = [self.wal.first, self.wal.last, self.streams, self.rows];
        words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        out.extend_from_slice(&self.first_at.as_nanos().to_le_bytes());
        out.extend_from_slice(&self.last_at.as_nanos().to_le_bytes());
        out.extend_from_slice(&self.index_offset.to_le_bytes());
        out.extend_from_slice(&self.index_bytes.to_le_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out.extend_from_slice(&TAIL);
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentError> {
        let (signed, end) = bytes.split_at_checked(FOOTER_BYTES - 8).ok_or(Corrupt(WHAT))?;
        let mut end = Cursor::new(end, WHAT);
        if end.half()? != crc32fast::hash(signed) || end.take(4)? != TAIL {
            return Err(Corrupt(WHAT).into());
        }
        let mut cursor = Cursor::new(signed, WHAT);
        let tag = cursor.byte()?;
        let footer = Self {
            table: Table::ALL.into_iter().find(|table| table.tag() == tag).ok_or(Corrupt(WHAT))?,
            day: Day(cursor.word()? as i64),
            wal: WalRange { first: cursor.word()?, last: cursor.word()? },
            streams: cursor.word()?,
            rows: cursor.word()?,
            first_at: Timestamp::from_nanos(cursor.word()? as i64),
            last_at: Timestamp::from_nanos(cursor.word()? as i64),
            index_offset: cursor.word()?,
            index_bytes: cursor.word()?,
        };
        match cursor.half()? {
            VERSION => Ok(footer),
            version => Err(SegmentError::Version(version)),
        }
    }

    /// The footer at the end of an open file.
    pub fn read(file: &dyn disk::ReadFile) -> Result<(Self, u64), SegmentError> {
        let size = file.size()?;
        let start = size.checked_sub(FOOTER_BYTES as u64).ok_or(Corrupt(WHAT))?;
        let mut bytes = [0; FOOTER_BYTES];
        file.read_at(start, &mut bytes)?;
        let footer = Self::decode(&bytes)?;
        let mut head = [0; HEAD.len()];
        file.read_at(0, &mut head)?;
        let ends_at_footer = footer.index_offset.checked_add(footer.index_bytes) == Some(start);
        if head == HEAD && ends_at_footer { Ok((footer, size)) } else { Err(Corrupt(WHAT).into()) }
    }
}

impl From<DiskError> for SegmentError {
    fn from(error: DiskError) -> Self {
        SegmentError::Disk(error)
    }
}

impl From<Corrupt> for SegmentError {
    fn from(corrupt: Corrupt) -> Self {
        SegmentError::Corrupt(corrupt)
    }
}
