//! Reads streams of a segment, decoding each block once when they are asked for in order.

use std::sync::Arc;

use disk::ReadFile;
use model::{LabelSet, Matcher, TimeRange};

use super::BlockRow;
use super::cache::IndexCache;
use super::file::{Segment, SegmentError};
use super::index::Index;

pub struct StreamReader<'a, R> {
    segment: &'a Segment,
    file: Box<dyn ReadFile>,
    index: Arc<Index>,
    /// The block read last, or its damage.
    block: Option<(usize, Option<Vec<R>>)>,
}

impl<'a, R: BlockRow> StreamReader<'a, R> {
    pub fn open(segment: &'a Segment, cache: &IndexCache) -> Result<Self, SegmentError> {
        let file = segment.open_file()?;
        let index = segment.index(&*file, cache)?;
        Ok(Self { segment, file, index, block: None })
    }

    pub fn stream_count(&self) -> usize {
        self.index.streams.len()
    }

    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Vec<usize> {
        self.index.select(matchers, range)
    }

    pub fn labels(&self, stream: usize) -> LabelSet {
        self.index.labels(&self.index.streams[stream])
    }

    /// The rows of a stream within the range, in order of time.
    pub fn rows(&mut self, stream: usize, range: TimeRange) -> Result<Vec<R>, SegmentError> {
        let index = self.index.clone();
        let wanted = &index.streams[stream].rows;
        let first = index.blocks.partition_point(|block| block.rows.end <= wanted.start);
        let mut found = Vec::new();
        for (number, block) in index.blocks.iter().enumerate().skip(first) {
            if block.rows.start >= wanted.end {
                break;
            }
            if !block.times.overlaps(range) {
                continue;
            }
            let start = wanted.start.max(block.rows.start) - block.rows.start;
            let end = wanted.end.min(block.rows.end) - block.rows.start;
            if let Some(rows) = self.block(number)? {
                let rows = &rows[start as usize..end as usize];
                found.extend(rows.iter().filter(|row| range.contains(row.at())).cloned());
            }
        }
        Ok(found)
    }

    /// Whether the stream has a row in the range; reads blocks only if its first and last
    /// times do not tell.
    pub fn has_rows(&mut self, stream: usize, range: TimeRange) -> Result<bool, SegmentError> {
        let times = self.index.streams[stream].times;
        if range.contains(times.start) || range.contains(times.end) {
            return Ok(true);
        }
        Ok(times.overlaps(range) && !self.rows(stream, range)?.is_empty())
    }

    fn block(&mut self, number: usize) -> Result<Option<&Vec<R>>, SegmentError> {
        if self.block.as_ref().is_none_or(|(held, _)| *held != number) {
            let rows = self.segment.block(&*self.file, &self.index.blocks[number])?;
            self.block = Some((number, rows));
        }
        Ok(self.block.as_ref().and_then(|(_, rows)| rows.as_ref()))
    }
}
