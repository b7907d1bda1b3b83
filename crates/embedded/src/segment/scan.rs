//! Reads all of a segment, one stream after the other.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::reader::SegmentReader;
use super::{DirectoryCache, Segment};
use crate::files::FileError;
use crate::rows::{Rows, StreamKey};

/// Holds one page at a time, or as many as one stream needs.
pub struct SegmentScan<'a, R> {
    reader: Arc<SegmentReader<'a>>,
    pages: Range<usize>,
    waiting: VecDeque<(StreamKey, R)>,
}

impl<'a, R: Rows> SegmentScan<'a, R> {
    /// One scan for each run of pages within which streams are in order; the rows of later
    /// scans were appended later.
    pub fn open(segment: &'a Segment, cache: &DirectoryCache) -> Result<Vec<Self>, FileError> {
        let reader = Arc::new(SegmentReader::open(segment, cache)?);
        let runs = segment.directory(cache)?.sorted_runs();
        let scan = |pages| {
            let mut scan = Self { reader: reader.clone(), pages, waiting: VecDeque::new() };
            scan.fill()?;
            Ok(scan)
        };
        runs.into_iter().map(scan).collect()
    }

    /// The stream that comes next.
    pub fn peek(&self) -> Option<StreamKey> {
        self.waiting.front().map(|(key, _)| *key)
    }

    pub fn next(&mut self) -> Result<Option<(StreamKey, R)>, FileError> {
        let Some((key, mut rows)) = self.waiting.pop_front() else { return Ok(None) };
        self.fill()?;
        // The rest of the stream may be in the next page.
        while self.peek() == Some(key) {
            if let Some((_, more)) = self.waiting.pop_front() {
                rows.append(more);
            }
            self.fill()?;
        }
        Ok(Some((key, rows)))
    }

    /// Reads pages until a stream waits or there are none left. Pages that cannot be read
    /// have no streams.
    fn fill(&mut self) -> Result<(), FileError> {
        while self.waiting.is_empty() {
            let Some(page) = self.pages.next() else { break };
            self.waiting.extend(self.reader.whole_page(page)?);
        }
        Ok(())
    }
}
