//! What is where in a segment: its blocks and its streams.
//!
//! The texts of all labels are kept once; a stream is pairs of numbers of texts, so that
//! a matcher looks at each text once, however many streams share it. The rows of the
//! segment are numbered from the first stream's first row to the last stream's last;
//! blocks and streams both are runs of these numbers.

use std::collections::HashMap;
use std::ops::Range;

use model::{LabelSet, Matcher, TimeRange, Timestamp};

use crate::encoding::{Corrupt, Cursor, put_int, put_text, put_uint};

const WHAT: &str = "a segment's index";

#[derive(Debug, Default, PartialEq)]
pub struct Index {
    texts: Vec<Box<str>>,
    /// Name and value of each label of each stream.
    pairs: Vec<(u32, u32)>,
    pub streams: Vec<StreamEntry>,
    pub blocks: Vec<BlockEntry>,
}

#[derive(Debug, PartialEq)]
pub struct StreamEntry {
    pairs: Range<usize>,
    pub rows: Range<u64>,
    pub times: TimeRange,
}

#[derive(Debug, PartialEq)]
pub struct BlockEntry {
    pub offset: u64,
    /// With its frame.
    pub bytes: u64,
    pub rows: Range<u64>,
    pub times: TimeRange,
}

impl Index {
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        let texts = (0..cursor.count()?).map(|_| Ok(cursor.text()?.into()));
        let texts = texts.collect::<Result<_, Corrupt>>()?;
        let mut index = Index { texts, ..Index::default() };
        let (mut row, mut at) = (0, 0);
        for _ in 0..cursor.count()? {
            let offset = cursor.uint()?;
            let bytes = cursor.uint()?;
            let rows = run(&mut cursor, &mut row)?;
            index.blocks.push(BlockEntry { offset, bytes, rows, times: times(&mut cursor, &mut at)? });
        }
        let block_rows = std::mem::take(&mut row);
        at = 0;
        for _ in 0..cursor.count()? {
            let start = index.pairs.len();
            for _ in 0..cursor.count()? {
                let pair = (index.text_number(&mut cursor)?, index.text_number(&mut cursor)?);
                index.pairs.push(pair);
            }
            let rows = run(&mut cursor, &mut row)?;
            let pairs = start..index.pairs.len();
            index.streams.push(StreamEntry { pairs, rows, times: times(&mut cursor, &mut at)? });
        }
        cursor.finish()?;
        if block_rows == row { Ok(index) } else { Err(Corrupt(WHAT)) }
    }

    fn text_number(&self, cursor: &mut Cursor<'_>) -> Result<u32, Corrupt> {
        let number = u32::try_from(cursor.uint()?).map_err(|_| Corrupt(WHAT))?;
        if (number as usize) < self.texts.len() { Ok(number) } else { Err(Corrupt(WHAT)) }
    }

    pub fn labels(&self, stream: &StreamEntry) -> LabelSet {
        let text = |number: u32| &*self.texts[number as usize];
        LabelSet::new(
            self.pairs[stream.pairs.clone()].iter().map(|(name, value)| (text(*name), text(*value))),
        )
    }

    /// The numbers of the streams that all matchers select and that overlap the range.
    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Vec<usize> {
        let mut judges: Vec<Judge<'_>> =
            matchers.iter().map(|matcher| Judge::new(matcher, &self.texts)).collect();
        let mut is_selected = |stream: &StreamEntry| {
            let pairs = &self.pairs[stream.pairs.clone()];
            stream.times.overlaps(range) && judges.iter_mut().all(|judge| judge.selects(pairs, &self.texts))
        };
        (0..self.streams.len()).filter(|number| is_selected(&self.streams[*number])).collect()
    }

    /// About what it takes in memory.
    pub fn memory_bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len() + 32).sum();
        texts
            + self.pairs.len() * 8
            + self.streams.len() * size_of::<StreamEntry>()
            + self.blocks.len() * size_of::<BlockEntry>()
    }
}

/// A run of row numbers that begins where the last one ended.
fn run(cursor: &mut Cursor<'_>, row: &mut u64) -> Result<Range<u64>, Corrupt> {
    let start = *row;
    *row = start.checked_add(cursor.uint()?).ok_or(Corrupt(WHAT))?;
    Ok(start..*row)
}

fn times(cursor: &mut Cursor<'_>, last: &mut i64) -> Result<TimeRange, Corrupt> {
    *last = last.wrapping_add(cursor.int()?);
    let start = *last;
    let end = start.wrapping_add(cursor.int()?);
    Ok(TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end)))
}

/// A matcher that remembers its verdict on each text.
struct Judge<'a> {
    matcher: &'a Matcher,
    /// The number of its label's name, if that occurs here at all.
    name: Option<u32>,
    verdicts: HashMap<u32, bool>,
    on_absence: bool,
}

impl<'a> Judge<'a> {
    fn new(matcher: &'a Matcher, texts: &[Box<str>]) -> Self {
        let name = texts.iter().position(|text| **text == *matcher.name()).map(|number| number as u32);
        Self { matcher, name, verdicts: HashMap::new(), on_absence: matcher.matches_absence() }
    }

    fn selects(&mut self, pairs: &[(u32, u32)], texts: &[Box<str>]) -> bool {
        let value = pairs.iter().find(|(name, _)| Some(*name) == self.name).map(|(_, value)| *value);
        let Some(value) = value else { return self.on_absence };
        let matcher = self.matcher;
        *self.verdicts.entry(value).or_insert_with(|| matcher.matches_value(&texts[value as usize]))
    }
}

/// Collects the index while a segment is written.
#[derive(Default)]
pub struct IndexBuilder {
    numbers: HashMap<Box<str>, u64>,
    texts: Vec<u8>,
    blocks: Vec<u8>,
    block_count: u64,
    streams: Vec<u8>,
    pub stream_count: u64,
    block_at: i64,
    stream_at: i64,
}

impl IndexBuilder {
    pub fn push_block(&mut self, offset: u64, bytes: u64, rows: usize, times: TimeRange) {
        put_uint(&mut self.blocks, offset);
        put_uint(&mut self.blocks, bytes);
        put_uint(&mut self.blocks, rows as u64);
        self.block_at = put_times(&mut self.blocks, times, self.block_at);
        self.block_count += 1;
    }

    pub fn push_stream(&mut self, labels: &LabelSet, rows: usize, times: TimeRange) {
        put_uint(&mut self.streams, labels.len() as u64);
        for (name, value) in labels.iter() {
            for text in [name, value] {
                let number = self.number(text);
                put_uint(&mut self.streams, number);
            }
        }
        put_uint(&mut self.streams, rows as u64);
        self.stream_at = put_times(&mut self.streams, times, self.stream_at);
        self.stream_count += 1;
    }

    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u64;
        self.numbers.insert(text.into(), number);
        put_text(&mut self.texts, text);
        number
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.texts.len() + self.blocks.len() + self.streams.len() + 16);
        put_uint(&mut out, self.numbers.len() as u64);
        out.extend_from_slice(&self.texts);
        put_uint(&mut out, self.block_count);
        out.extend_from_slice(&self.blocks);
        put_uint(&mut out, self.stream_count);
        out.extend_from_slice(&self.streams);
        out
    }
}

fn put_times(out: &mut Vec<u8>, times: TimeRange, last: i64) -> i64 {
    let (start, end) = (times.start.as_nanos(), times.end.as_nanos());
    put_int(out, start.wrapping_sub(last));
    put_int(out, end.wrapping_sub(start));
    start
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use model::MatchOp;
    use proptest::prelude::*;

    use super::*;

    fn index() -> Index {
        let range = |start, end| TimeRange::new(Timestamp::from_secs(start), Timestamp::from_secs(end));
        let mut builder = IndexBuilder::default();
        builder.push_block(8, 100, 30, range(1, 50));
        builder.push_stream(&LabelSet::metric("a", [("job", "x")]), 10, range(1, 9));
        builder.push_stream(&LabelSet::metric("b", [("job", "a")]), 20, range(5, 50));
        Index::decode(&builder.encode()).unwrap()
    }

    fn check(matcher: Matcher, range: TimeRange, expected: &[usize]) {
        assert_eq!(index().select(&[matcher], range), expected);
    }

    #[test]
    fn streams_are_selected_by_label_and_time() {
        check(Matcher::equal("job", "x"), TimeRange::ALL, &[0]);
        check(Matcher::equal("job", "b"), TimeRange::ALL, &[]);
        check(Matcher::equal("absent", ""), TimeRange::ALL, &[0, 1]);
        check(Matcher::new("job", MatchOp::Matches, "[a-z]").unwrap(), TimeRange::ALL, &[0, 1]);
        check(Matcher::equal("absent", ""), TimeRange::new(Timestamp::from_secs(10), Timestamp::MAX), &[1]);
    }

    #[test]
    fn rows_are_numbered_through() {
        let index = index();
        assert_eq!((index.streams[1].rows.clone(), index.blocks[0].rows.clone()), (10..30, 0..30));
        assert_eq!(index.labels(&index.streams[0]), LabelSet::metric("a", [("job", "x")]));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
            drop(Index::decode(&bytes));
        }
    }
}
