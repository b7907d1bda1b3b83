//! Which streams a segment has, and where their rows are.
//!
//! ```text
//! uint pieces, then a block each:  their streams (u32), the groups of those (u32), their
//!                                  rows (u32), the first and the last times of each (i64)
//! uint pages, then a block each:   how many pieces each has (u32), their first and last
//!                                  times (i64), bytes of each with its frame (u32), bytes
//!                                  of the filter behind it (u32, 0 without)
//! ```
//!
//! Pages follow each other from the file's ninth byte on, each with its filter behind it.
//! A piece is what one page has of one stream; pieces are in the order of the file.

use std::ops::Range;

use columns::bytes::{Cursor, put_block, put_uint};
use columns::{Corrupt, numbers};
use model::{TimeRange, Timestamp};
use roaring::RoaringBitmap;

use crate::files::Span;
use crate::rows::StreamKey;

const WHAT: &str = "a segment's directory";
const FIRST_PAGE: u64 = 8;

/// What one page has of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub key: StreamKey,
    pub rows: u32,
    pub times: TimeRange,
}

/// One page and the pieces in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEntry {
    pub first_piece: u32,
    pub end_piece: u32,
    pub times: TimeRange,
    pub span: Span,
    /// Without bytes when the page has no filter.
    pub filter: Span,
}

impl PageEntry {
    /// The places of its pieces.
    pub fn pieces(&self) -> Range<usize> {
        self.first_piece as usize..self.end_piece as usize
    }
}

#[derive(Debug, PartialEq)]
pub struct Directory {
    /// Of each piece. A stream that does not fit a page has several.
    pub streams: Vec<u32>,
    groups: Vec<u32>,
    rows: Vec<u32>,
    first_times: Vec<i64>,
    last_times: Vec<i64>,
    /// Pieces by their stream, those of one stream in their order.
    by_stream: Vec<u32>,
    pub pages: Vec<PageEntry>,
    /// Every stream that has a piece.
    pub stream_set: RoaringBitmap,
    /// From the earliest to the latest row of all.
    first_time: i64,
    last_time: i64,
    /// When the last of the streams begins, and when the first of them ends.
    latest_first: i64,
    earliest_last: i64,
}

impl Directory {
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        let count = cursor.at_most(columns::ROWS_MAX)?;
        let streams = numbers::decode::<u32>(cursor.block()?, count)?;
        let groups = numbers::decode::<u32>(cursor.block()?, count)?;
        let rows = numbers::decode::<u32>(cursor.block()?, count)?;
        let first_times = numbers::decode::<i64>(cursor.block()?, count)?;
        let last_times = numbers::decode::<i64>(cursor.block()?, count)?;
        let count = cursor.at_most(columns::ROWS_MAX)?;
        let ends = running_totals(&numbers::decode::<u32>(cursor.block()?, count)?)?;
        let starts = numbers::decode::<i64>(cursor.block()?, count)?;
        let times = starts.into_iter().zip(numbers::decode::<i64>(cursor.block()?, count)?);
        let bytes = numbers::decode::<u32>(cursor.block()?, count)?;
        let filters = numbers::decode::<u32>(cursor.block()?, count)?;
        cursor.finish()?;
        if ends.last().copied().unwrap_or(0) as usize != streams.len() {
            return Err(Corrupt(WHAT));
        }
        let (mut first_piece, mut offset) = (0, FIRST_PAGE);
        let pages = times.zip(ends).zip(bytes.into_iter().zip(filters));
        let pages = pages.map(|(((start, end), end_piece), (bytes, filter))| {
            let span = Span { offset, bytes: u64::from(bytes) };
            let filter = Span { offset: offset + span.bytes, bytes: u64::from(filter) };
            let times = TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end));
            let page = PageEntry { first_piece, end_piece, times, span, filter };
            offset = filter.offset + filter.bytes;
            first_piece = end_piece;
            page
        });
        let by_stream = pieces_by_stream(&streams);
        let pages = pages.collect();
        let mut directory = Self {
            stream_set: streams.iter().copied().collect(),
            first_time: first_times.iter().copied().min().unwrap_or(0),
            last_time: last_times.iter().copied().max().unwrap_or(0),
            latest_first: i64::MIN,
            earliest_last: i64::MAX,
            pages,
            streams,
            groups,
            rows,
            first_times,
            last_times,
            by_stream,
        };
        directory.find_common_times();
        Ok(directory)
    }

    fn find_common_times(&mut self) {
        let of_stream = |piece: &u32| self.streams[*piece as usize];
        for pieces in self.by_stream.chunk_by(|a, b| of_stream(a) == of_stream(b)) {
            let first = pieces.iter().map(|piece| self.first_times[*piece as usize]).min();
            let last = pieces.iter().map(|piece| self.last_times[*piece as usize]).max();
            self.latest_first = self.latest_first.max(first.unwrap_or(i64::MIN));
            self.earliest_last = self.earliest_last.min(last.unwrap_or(i64::MAX));
        }
    }

    /// Whether it is certain, without a look at pages, that every stream has a row in the
    /// range: all end in it, or all begin in it. So it is where a fleet is scraped together.
    pub fn all_have_rows_in(&self, range: TimeRange) -> bool {
        let (start, end) = (range.start.as_nanos(), range.end.as_nanos());
        let all_end = start <= self.earliest_last && self.last_time <= end;
        let all_begin = start <= self.first_time && self.latest_first <= end;
        all_end || all_begin
    }

    pub fn key(&self, piece: usize) -> StreamKey {
        StreamKey::new(self.streams[piece], self.groups[piece])
    }

    pub fn piece(&self, piece: usize) -> Piece {
        Piece { key: self.key(piece), rows: self.rows[piece], times: self.times(piece) }
    }

    pub fn rows(&self, piece: usize) -> u64 {
        u64::from(self.rows[piece])
    }

    pub fn times(&self, piece: usize) -> TimeRange {
        let instant = Timestamp::from_nanos;
        TimeRange::new(instant(self.first_times[piece]), instant(self.last_times[piece]))
    }

    /// The pieces of `wanted` streams (ascending), in their order.
    pub fn pieces(&self, wanted: &[u32]) -> Vec<usize> {
        let stream_of = |piece: &u32| self.streams[*piece as usize];
        let mut found = Vec::new();
        if wanted.len() < self.streams.len() / 16 {
            // A few among many are searched for.
            for stream in wanted {
                let first = self.by_stream.partition_point(|piece| stream_of(piece) < *stream);
                let of_stream =
                    self.by_stream[first..].iter().take_while(|piece| stream_of(piece) == *stream);
                found.extend(of_stream.map(|piece| *piece as usize));
            }
        } else {
            let mut wanted = wanted.iter().copied().peekable();
            for piece in &self.by_stream {
                while wanted.peek().is_some_and(|next| *next < stream_of(piece)) {
                    wanted.next();
                }
                if wanted.peek() == Some(&stream_of(piece)) {
                    found.push(*piece as usize);
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Ranges of pages within which streams come in order of their keys. There are several
    /// when pages were copied from several segments.
    pub fn sorted_runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut last = None;
        for (number, page) in self.pages.iter().enumerate() {
            let keys = page.pieces().map(|piece| self.key(piece));
            let (first, end) = (keys.clone().min(), keys.max());
            match runs.last_mut() {
                Some(run) if last <= first => run.end = number + 1,
                _ => runs.push(number..number + 1),
            }
            last = end;
        }
        runs
    }

    pub fn memory_bytes(&self) -> usize {
        let stream_set = self.stream_set.serialized_size();
        self.streams.len() * 32 + self.pages.len() * size_of::<PageEntry>() + stream_set
    }
}

/// A stream and a piece as one number are sorted several times as fast as pieces by their
/// streams, and half a million of them are common.
fn pieces_by_stream(streams: &[u32]) -> Vec<u32> {
    let pairs = (0u32..).zip(streams).map(|(piece, stream)| u64::from(*stream) << 32 | u64::from(piece));
    let mut pairs: Vec<u64> = pairs.collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|pair| pair as u32).collect()
}

/// Where runs of these lengths end. More than a file can have are damage.
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
    groups: Vec<u32>,
    rows: Vec<u32>,
    first_times: Vec<i64>,
    last_times: Vec<i64>,
    page_pieces: Vec<u32>,
    page_starts: Vec<i64>,
    page_ends: Vec<i64>,
    page_bytes: Vec<u32>,
    filter_bytes: Vec<u32>,
}

impl DirectoryWriter {
    /// A page and its pieces, in their order.
    pub fn push_page(&mut self, pieces: &[Piece], page: Span, filter: Option<Span>) {
        for piece in pieces {
            self.streams.push(piece.key.stream());
            self.groups.push(piece.key.group());
            self.rows.push(piece.rows);
            self.first_times.push(piece.times.start.as_nanos());
            self.last_times.push(piece.times.end.as_nanos());
        }
        let starts = pieces.iter().map(|piece| piece.times.start.as_nanos());
        let ends = pieces.iter().map(|piece| piece.times.end.as_nanos());
        self.page_pieces.push(pieces.len() as u32);
        self.page_starts.push(starts.min().unwrap_or(0));
        self.page_ends.push(ends.max().unwrap_or(0));
        self.page_bytes.push(page.bytes as u32);
        self.filter_bytes.push(filter.map_or(0, |filter| filter.bytes as u32));
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_uint(&mut out, self.streams.len() as u64);
        put_block(&mut out, &numbers::encode(&self.streams));
        put_block(&mut out, &numbers::encode(&self.groups));
        put_block(&mut out, &numbers::encode(&self.rows));
        put_block(&mut out, &numbers::encode(&self.first_times));
        put_block(&mut out, &numbers::encode(&self.last_times));
        put_uint(&mut out, self.page_pieces.len() as u64);
        put_block(&mut out, &numbers::encode(&self.page_pieces));
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

    fn piece_of(stream: u32) -> Piece {
        Piece { key: StreamKey::new(stream, 0), rows: 1, times: range(0, 0) }
    }

    /// Stream 5 goes on from the first page into the second.
    fn directory() -> Directory {
        let mut writer = DirectoryWriter::default();
        let piece = |stream, group, start, end| Piece {
            key: StreamKey::new(stream, group),
            rows: 9,
            times: range(start, end),
        };
        let first = [piece(2, 7, 2, 50), piece(5, 8, 5, 20)];
        writer.push_page(&first, Span { offset: 8, bytes: 100 }, None);
        let second = [piece(3, 9, 3, 60), piece(5, 8, 21, 50)];
        let filter = Span { offset: 308, bytes: 30 };
        writer.push_page(&second, Span { offset: 108, bytes: 200 }, Some(filter));
        Directory::decode(&writer.encode()).unwrap()
    }

    #[test]
    fn pages_follow_each_other() {
        let directory = directory();
        let [first, second] = directory.pages[..] else { panic!("there are two pages") };
        assert_eq!((first.first_piece, first.end_piece, second.end_piece), (0, 2, 4));
        assert_eq!((first.times, second.times), (range(2, 50), range(3, 60)));
        assert_eq!(second.span, Span { offset: 108, bytes: 200 });
        assert_eq!(second.filter, Span { offset: 308, bytes: 30 });
        assert_eq!((directory.key(2), directory.times(3)), (StreamKey::new(3, 9), range(21, 50)));
    }

    #[test]
    fn a_run_ends_where_an_earlier_key_comes() {
        let runs = directory().sorted_runs();
        assert_eq!((runs.len(), &runs[0]), (1, &(0..2)), "stream 5 goes on in the next page");
        let mut writer = DirectoryWriter::default();
        for streams in [[1, 2], [2, 4], [5, 6], [3, 7], [8, 9]] {
            let pieces = streams.map(piece_of);
            writer.push_page(&pieces, Span { offset: 8, bytes: 1 }, None);
        }
        let directory = Directory::decode(&writer.encode()).unwrap();
        assert_eq!(directory.sorted_runs(), [0..3, 3..5]);
    }

    #[test]
    fn all_pieces_of_a_stream_are_found() {
        let directory = directory();
        assert_eq!(directory.pieces(&[]), [0usize; 0]);
        assert_eq!(directory.pieces(&[1, 5, 6]), [1, 3]);
        assert_eq!(directory.pieces(&[2, 3, 5]), [0, 1, 2, 3]);
    }

    #[test]
    fn that_all_streams_have_rows_is_told_by_where_they_begin_or_end() {
        let directory = directory();
        let check = |start, end, expected| {
            assert_eq!(directory.all_have_rows_in(range(start, end)), expected, "{start} to {end}");
        };
        // They begin at 2, 5 and 3, and end at 50, 50 and 60: stream 5 in its second page.
        check(50, 60, true);
        check(51, 60, false);
        check(50, 59, false);
        check(2, 5, true);
        check(3, 5, false);
        check(2, 4, false);
        assert_eq!(directory.stream_set.iter().collect::<Vec<_>>(), [2, 3, 5]);
    }

    #[test]
    fn a_few_streams_among_many_are_found() {
        let mut writer = DirectoryWriter::default();
        let pieces: Vec<Piece> = (0..100).rev().map(|stream| piece_of(stream * 2)).collect();
        writer.push_page(&pieces, Span { offset: 8, bytes: 1 }, None);
        let directory = Directory::decode(&writer.encode()).unwrap();
        assert_eq!(directory.pieces(&[3, 8, 198, 500]), [0, 95]);
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
            drop(Directory::decode(&bytes));
        }
    }
}
