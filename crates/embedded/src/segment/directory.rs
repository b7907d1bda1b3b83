//! Which streams a segment has, and where their rows are.
//!
//! ```text
//! uint streams, then a block each: their numbers (u32), their rows (u32), the first and
//!                                  the last times of each (i64)
//! uint pages, then a block each:   their rows (u32), their first and last times (i64),
//!                                  bytes of each with its frame (u32), bytes of the filter
//!                                  behind it (u32, 0 without)
//! ```
//!
//! Pages follow each other from the file's ninth byte on, each with its filter behind it.
//! Rows are numbered through the whole file, stream by stream; a page is a run of them.

use columns::bytes::{Cursor, put_block, put_uint};
use columns::{Corrupt, numbers};
use model::{TimeRange, Timestamp};

use crate::files::Span;

const WHAT: &str = "a segment's directory";
const FIRST_PAGE: u64 = 8;

/// One page and the rows in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEntry {
    pub first_row: u32,
    pub end_row: u32,
    pub times: TimeRange,
    pub span: Span,
    /// Without bytes when the page has no filter.
    pub filter: Span,
}

#[derive(Debug, PartialEq)]
pub struct Directory {
    /// Ascending.
    pub streams: Vec<u32>,
    /// Where the rows of each stream end.
    ends: Vec<u32>,
    first_times: Vec<i64>,
    last_times: Vec<i64>,
    pub pages: Vec<PageEntry>,
}

impl Directory {
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        let count = cursor.at_most(columns::ROWS_MAX)?;
        let streams = numbers::decode::<u32>(cursor.block()?, count)?;
        let rows = numbers::decode::<u32>(cursor.block()?, count)?;
        let first_times = numbers::decode::<i64>(cursor.block()?, count)?;
        let last_times = numbers::decode::<i64>(cursor.block()?, count)?;
        let ends = running_totals(&rows)?;
        let count = cursor.at_most(columns::ROWS_MAX)?;
        let page_ends = running_totals(&numbers::decode::<u32>(cursor.block()?, count)?)?;
        let starts = numbers::decode::<i64>(cursor.block()?, count)?;
        let times = starts.into_iter().zip(numbers::decode::<i64>(cursor.block()?, count)?);
        let bytes = numbers::decode::<u32>(cursor.block()?, count)?;
        let filters = numbers::decode::<u32>(cursor.block()?, count)?;
        cursor.finish()?;
        if !streams.is_sorted_by(|a, b| a < b) || page_ends.last() != ends.last() {
            return Err(Corrupt(WHAT));
        }
        let (mut first_row, mut offset) = (0, FIRST_PAGE);
        let pages = times.zip(page_ends).zip(bytes.into_iter().zip(filters));
        let pages = pages.map(|(((start, end), end_row), (bytes, filter))| {
            let span = Span { offset, bytes: u64::from(bytes) };
            let filter = Span { offset: offset + span.bytes, bytes: u64::from(filter) };
            let times = TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end));
            let page = PageEntry { first_row, end_row, times, span, filter };
            offset = filter.offset + filter.bytes;
            first_row = end_row;
            page
        });
        Ok(Self { pages: pages.collect(), streams, ends, first_times, last_times })
    }

    /// The rows of the stream at a place of [`streams`](Directory::streams).
    pub fn rows(&self, place: usize) -> std::ops::Range<u32> {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        start..self.ends[place]
    }

    pub fn times(&self, place: usize) -> TimeRange {
        let instant = Timestamp::from_nanos;
        TimeRange::new(instant(self.first_times[place]), instant(self.last_times[place]))
    }

    /// Places of those of `wanted` (ascending) that are here.
    pub fn places(&self, wanted: &[u32]) -> Vec<usize> {
        // A few among many are searched for; many are walked along with all.
        if wanted.len() < self.streams.len() / 16 {
            return wanted.iter().filter_map(|stream| self.streams.binary_search(stream).ok()).collect();
        }
        let mut wanted = wanted.iter().copied().peekable();
        let mut found = Vec::new();
        for (place, stream) in self.streams.iter().enumerate() {
            while wanted.peek().is_some_and(|next| next < stream) {
                wanted.next();
            }
            if wanted.peek() == Some(stream) {
                found.push(place);
            }
        }
        found
    }

    pub fn memory_bytes(&self) -> usize {
        self.streams.len() * 24 + self.pages.len() * size_of::<PageEntry>()
    }
}

/// Where runs of these lengths end. More rows than a file can have are damage.
fn running_totals(lengths: &[u32]) -> Result<Vec<u32>, Corrupt> {
    let mut total = 0u32;
    lengths
        .iter()
        .map(|length| {
            total = total.checked_add(*length).ok_or(Corrupt(WHAT))?;
            Ok(total)
        })
        .collect()
}

/// Collects the directory while a segment is written.
#[derive(Debug, Default)]
pub struct DirectoryWriter {
    streams: Vec<u32>,
    rows: Vec<u32>,
    first_times: Vec<i64>,
    last_times: Vec<i64>,
    page_rows: Vec<u32>,
    page_starts: Vec<i64>,
    page_ends: Vec<i64>,
    page_bytes: Vec<u32>,
    filter_bytes: Vec<u32>,
}

impl DirectoryWriter {
    pub fn push_stream(&mut self, stream: u32, rows: usize, times: TimeRange) {
        self.streams.push(stream);
        self.rows.push(rows as u32);
        self.first_times.push(times.start.as_nanos());
        self.last_times.push(times.end.as_nanos());
    }

    pub fn push_page(&mut self, rows: usize, times: TimeRange, page: Span, filter: Option<Span>) {
        self.page_rows.push(rows as u32);
        self.page_starts.push(times.start.as_nanos());
        self.page_ends.push(times.end.as_nanos());
        self.page_bytes.push(page.bytes as u32);
        self.filter_bytes.push(filter.map_or(0, |filter| filter.bytes as u32));
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_uint(&mut out, self.streams.len() as u64);
        put_block(&mut out, &numbers::encode(&self.streams));
        put_block(&mut out, &numbers::encode(&self.rows));
        put_block(&mut out, &numbers::encode(&self.first_times));
        put_block(&mut out, &numbers::encode(&self.last_times));
        put_uint(&mut out, self.page_rows.len() as u64);
        put_block(&mut out, &numbers::encode(&self.page_rows));
        put_block(&mut out, &numbers::encode(&self.page_starts));
        put_block(&mut out, &numbers::encode(&self.page_ends));
        put_block(&mut out, &numbers::encode(&self.page_bytes));
        put_block(&mut out, &numbers::encode(&self.filter_bytes));
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    }

    fn directory() -> Directory {
        let mut writer = DirectoryWriter::default();
        for stream in [2, 5, 9] {
            writer.push_stream(stream, 10, range(i64::from(stream), 50));
        }
        writer.push_page(12, range(2, 50), Span { offset: 8, bytes: 100 }, None);
        let filter = Span { offset: 308, bytes: 30 };
        writer.push_page(18, range(5, 50), Span { offset: 108, bytes: 200 }, Some(filter));
        Directory::decode(&writer.encode()).unwrap()
    }

    #[test]
    fn rows_and_pages_are_numbered_through() {
        let directory = directory();
        assert_eq!((directory.rows(0), directory.rows(2)), (0..10, 20..30));
        assert_eq!(directory.times(1), range(5, 50));
        let [first, second] = directory.pages[..] else { panic!("there are two pages") };
        assert_eq!((first.first_row, first.end_row, second.end_row), (0, 12, 30));
        assert_eq!(second.span, Span { offset: 108, bytes: 200 });
        assert_eq!(second.filter, Span { offset: 308, bytes: 30 });
    }

    #[test]
    fn streams_are_found_by_number() {
        let directory = directory();
        assert_eq!(directory.places(&[]), [0usize; 0]);
        assert_eq!(directory.places(&[1, 5, 6, 9]), [1, 2]);
    }

    #[test]
    fn a_few_streams_among_many_are_found() {
        let mut writer = DirectoryWriter::default();
        (0..100).for_each(|stream| writer.push_stream(stream * 2, 1, range(0, 0)));
        writer.push_page(100, range(0, 0), Span { offset: 8, bytes: 1 }, None);
        let directory = Directory::decode(&writer.encode()).unwrap();
        assert_eq!(directory.places(&[3, 8, 198, 500]), [4, 99]);
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
            drop(Directory::decode(&bytes));
        }
    }
}
