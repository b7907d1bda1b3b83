//! The values of 256 streams, label by label.
//!
//! ```text
//! page    uint columns, then for each: uint names skipped since the last one, uint length
//!         the columns
//! column  kind × 64 + width of a code in bits
//!         kind 0 runs      uint code, uint length - 1; until all streams have one
//!         kind 1 packed    uint lowest code, and per stream its distance from that
//!         kind 2 listed    uint codes - 1, the codes ascending as uint distances,
//!                          and per stream the place of its code in the list
//! code    0 the stream has no such label, else the value's ordinal + 1
//! ```
//!
//! Bits are packed lowest first. A name that no stream of the page has takes no column, so
//! that rare names cost only where they occur. Streams arrive source by source, which makes
//! most columns a few runs.

use crate::Corrupt;
use crate::bytes::{Cursor, put_uint};

pub const PAGE_STREAMS: usize = 256;

const WHAT: &str = "a page of label values";

const RUNS: u8 = 0;
const PACKED: u8 = 1;
const LISTED: u8 = 2;
const KIND_SHIFT: u32 = 6;
const WIDTH_BITS: u8 = 0x3f;

/// Collects the columns of one page, in ascending order of their names.
#[derive(Clone, Debug, Default)]
pub struct PageWriter {
    head: Vec<u8>,
    columns: Vec<u8>,
    count: usize,
    next_name: usize,
}

impl PageWriter {
    /// At most [`PAGE_STREAMS`] codes, and as many in every column.
    pub fn push(&mut self, name: usize, codes: &[u32]) {
        let start = self.columns.len();
        put_column(&mut self.columns, codes);
        put_uint(&mut self.head, (name - self.next_name) as u64);
        put_uint(&mut self.head, (self.columns.len() - start) as u64);
        self.next_name = name + 1;
        self.count += 1;
    }

    pub fn finish(&self, out: &mut Vec<u8>) {
        put_uint(out, self.count as u64);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&self.columns);
    }
}

/// Runs as short as this are not worth a look at the other kinds.
const RUNS_BYTES_GOOD: usize = 16;

fn put_column(out: &mut Vec<u8>, codes: &[u32]) {
    let mut best = as_runs(codes);
    if best.len() > RUNS_BYTES_GOOD {
        for other in [as_packed(codes), as_listed(codes)] {
            if other.len() < best.len() {
                best = other;
            }
        }
    }
    out.extend_from_slice(&best);
}

fn as_runs(codes: &[u32]) -> Vec<u8> {
    let mut out = vec![RUNS << KIND_SHIFT];
    for run in codes.chunk_by(|a, b| a == b) {
        put_uint(&mut out, u64::from(run[0]));
        put_uint(&mut out, run.len() as u64 - 1);
    }
    out
}

fn as_packed(codes: &[u32]) -> Vec<u8> {
    let lowest = codes.iter().min().copied().unwrap_or(0);
    let width = codes.iter().map(|code| width(code - lowest)).max().unwrap_or(0);
    let mut out = vec![PACKED << KIND_SHIFT | width];
    put_uint(&mut out, u64::from(lowest));
    put_bits(&mut out, codes.iter().map(|code| code - lowest), width);
    out
}

fn as_listed(codes: &[u32]) -> Vec<u8> {
    let mut list = codes.to_vec();
    list.sort_unstable();
    list.dedup();
    let width = width(list.len().saturating_sub(1) as u32);
    let mut out = vec![LISTED << KIND_SHIFT | width];
    put_uint(&mut out, list.len().saturating_sub(1) as u64);
    let mut last = 0;
    for code in &list {
        put_uint(&mut out, u64::from(code - last));
        last = *code;
    }
    put_bits(&mut out, codes.iter().map(|code| list.partition_point(|listed| listed < code) as u32), width);
    out
}

fn width(number: u32) -> u8 {
    (u32::BITS - number.leading_zeros()) as u8
}

fn put_bits(out: &mut Vec<u8>, numbers: impl Iterator<Item = u32>, width: u8) {
    let (mut pending, mut bits) = (0u64, 0);
    for number in numbers {
        pending |= u64::from(number) << bits;
        bits += u32::from(width);
        while bits >= 8 {
            out.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(pending as u8);
    }
}

/// The columns of one page, each with the number of its name, in ascending order.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    left: usize,
    head: Cursor<'a>,
    columns: Cursor<'a>,
    next_name: usize,
    streams: usize,
}

impl<'a> Page<'a> {
    pub fn open(bytes: &'a [u8], streams: usize) -> Result<Self, Corrupt> {
        let mut head = Cursor::new(bytes, WHAT);
        let count = head.count()?;
        let mut columns = head.clone();
        for _ in 0..2 * count {
            columns.uint()?;
        }
        Ok(Self { left: count, head, columns, next_name: 0, streams })
    }

    /// The next column and the number of its name.
    pub fn next(&mut self) -> Result<Option<(usize, Column<'a>)>, Corrupt> {
        let Some(bytes) = self.next_bytes()? else { return Ok(None) };
        Ok(Some((self.next_name - 1, Column::open(bytes, self.streams)?)))
    }

    /// The column of one name, if any stream here has it.
    pub fn find(mut self, name: usize) -> Result<Option<Column<'a>>, Corrupt> {
        while let Some(bytes) = self.next_bytes()? {
            if self.next_name > name {
                let is_it = self.next_name == name + 1;
                return is_it.then(|| Column::open(bytes, self.streams)).transpose();
            }
        }
        Ok(None)
    }

    fn next_bytes(&mut self) -> Result<Option<&'a [u8]>, Corrupt> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.next_name = self.head.at_most(u32::MAX as usize)? + self.next_name + 1;
        let len = self.head.at_most(self.columns.rest().len())?;
        Ok(Some(self.columns.take(len)?))
    }
}

/// One label of the streams of a page.
#[derive(Clone, Debug)]
pub enum Column<'a> {
    /// Their codes and lengths.
    Runs(Cursor<'a>),
    Packed {
        lowest: u64,
        bits: Bits<'a>,
    },
    Listed {
        list: Cursor<'a>,
        bits: Bits<'a>,
    },
}

impl<'a> Column<'a> {
    fn open(bytes: &'a [u8], streams: usize) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        let head = cursor.byte()?;
        let width = usize::from(head & WIDTH_BITS);
        match head >> KIND_SHIFT {
            RUNS => Ok(Self::Runs(cursor)),
            PACKED => {
                let lowest = cursor.uint()?;
                Ok(Self::Packed { lowest, bits: Bits::open(cursor, width, streams)? })
            }
            LISTED => {
                let last = cursor.at_most(PAGE_STREAMS - 1)?;
                let list = cursor.clone();
                for _ in 0..=last {
                    cursor.uint()?;
                }
                Ok(Self::Listed { list, bits: Bits::open(cursor, width, streams)? })
            }
            _ => Err(Corrupt(WHAT)),
        }
    }

    /// The code of a stream of the page.
    pub fn code(&self, index: usize) -> Result<u32, Corrupt> {
        code(match self {
            Self::Runs(runs) => code_in_runs(runs.clone(), index)?,
            Self::Packed { lowest, bits } => lowest.wrapping_add(bits.get(index)),
            Self::Listed { list, bits } => code_in_list(list.clone(), bits.get(index))?,
        })
    }
}

impl Column<'_> {
    /// The codes of all streams of the page: for many of them quicker than one by one.
    pub fn codes(&self, streams: usize) -> Result<Vec<u32>, Corrupt> {
        let mut codes = Vec::with_capacity(PAGE_STREAMS);
        match self {
            Self::Runs(runs) => {
                let mut runs = runs.clone();
                while codes.len() < streams {
                    let code = code(runs.uint()?)?;
                    let len = runs.at_most(PAGE_STREAMS)? + 1;
                    codes.resize(streams.min(codes.len() + len), code);
                }
            }
            Self::Packed { .. } => {
                for index in 0..streams {
                    codes.push(self.code(index)?);
                }
            }
            Self::Listed { list, bits } => {
                let mut list = list.clone();
                let mut listed = [0; PAGE_STREAMS];
                let mut last = 0u64;
                for code in listed.iter_mut().take(1 << bits.width.min(8)) {
                    last = last.wrapping_add(list.uint().unwrap_or(0));
                    *code = last;
                }
                for index in 0..streams {
                    codes.push(code(*listed.get(bits.get(index) as usize).ok_or(Corrupt(WHAT))?)?);
                }
            }
        }
        Ok(codes)
    }
}

fn code(number: u64) -> Result<u32, Corrupt> {
    u32::try_from(number).map_err(|_| Corrupt(WHAT))
}

fn code_in_runs(mut runs: Cursor<'_>, index: usize) -> Result<u64, Corrupt> {
    let mut end = 0;
    loop {
        let code = runs.uint()?;
        end += runs.at_most(PAGE_STREAMS)? + 1;
        if index < end {
            return Ok(code);
        }
    }
}

/// A list that is too short runs into the bits: another code, but no harm.
fn code_in_list(mut list: Cursor<'_>, place: u64) -> Result<u64, Corrupt> {
    (0..=place).try_fold(0u64, |code, _| Ok(code.wrapping_add(list.uint()?)))
}

/// Numbers of so many bits each.
#[derive(Clone, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl<'a> Bits<'a> {
    fn open(mut cursor: Cursor<'a>, width: usize, count: usize) -> Result<Self, Corrupt> {
        if width > u32::BITS as usize {
            return Err(cursor.corrupt());
        }
        Ok(Self { bytes: cursor.take((width * count).div_ceil(8))?, width })
    }

    /// An index beyond the count reads zeros.
    #[inline]
    fn get(&self, index: usize) -> u64 {
        let (byte, shift) = (index * self.width / 8, index * self.width % 8);
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let word = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            word
        });
        (u64::from_le_bytes(word) >> shift) & ((1 << self.width) - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(columns: &[(usize, Vec<u32>)]) {
        let mut writer = PageWriter::default();
        columns.iter().for_each(|(name, codes)| writer.push(*name, codes));
        let mut bytes = Vec::new();
        writer.finish(&mut bytes);
        let page = Page::open(&bytes, columns.first().map_or(0, |(_, codes)| codes.len())).unwrap();
        let mut read = page.clone();
        for (name, codes) in columns {
            let (read_name, column) = read.next().unwrap().unwrap();
            assert_eq!(read_name, *name);
            let found = page.clone().find(*name).unwrap().unwrap();
            assert_eq!(found.codes(codes.len()).unwrap(), *codes);
            for (index, code) in codes.iter().enumerate() {
                assert_eq!((column.code(index).unwrap(), found.code(index).unwrap()), (*code, *code));
            }
        }
        assert!(read.next().unwrap().is_none());
        assert!(page.find(1).unwrap().is_none());
    }

    #[test]
    fn columns_of_every_kind_come_back() {
        let scattered =
            |spread: u32| (0..256).map(|index: u32| index.wrapping_mul(2_654_435_761) % spread).collect();
        let few = (0..256).map(|index: u32| [9, 70_000, u32::MAX][index as usize % 3]).collect();
        check(&[(0, vec![7; 256]), (2, scattered(40)), (3, few), (9, scattered(u32::MAX))]);
    }

    #[test]
    fn a_last_page_may_be_short() {
        check(&[(0, vec![1]), (5, vec![0])]);
    }

    proptest! {
        #[test]
        fn any_codes_come_back(codes in proptest::collection::vec(any::<u32>(), 1..256), few: [u32; 3]) {
            let few = codes.iter().map(|code| few[*code as usize % 3]).collect();
            check(&[(0, codes), (7, few)]);
        }

        #[test]
        fn any_bytes_are_a_page_or_corrupt(bytes: Vec<u8>, streams in 1..=PAGE_STREAMS) {
            let mut page = Page::open(&bytes, streams);
            while let Ok(Some((_, column))) = page.as_mut().map_err(|corrupt| *corrupt).and_then(Page::next) {
                for index in 0..streams {
                    let _ = column.code(index);
                }
                drop(column.codes(streams));
            }
        }
    }
}
