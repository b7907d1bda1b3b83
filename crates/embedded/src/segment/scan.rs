//! Reads all of a segment, one stream after the other.

use std::collections::VecDeque;

use super::reader::SegmentReader;
use super::{DirectoryCache, Segment};
use crate::files::FileError;
use crate::rows::{Rows, StreamKey};

/// Holds one page at a time, or as many as one stream needs.
pub struct SegmentScan<'a, R> {
    reader: SegmentReader<'a>,
    next_page: usize,
    waiting: VecDeque<(StreamKey, R)>,
}

impl<'a, R: Rows> SegmentScan<'a, R> {
    pub fn open(segment: &'a Segment, cache: &DirectoryCache) -> Result<Self, FileError> {
        let mut scan =
            Self { reader: SegmentReader::open(segment, cache)?, next_page: 0, waiting: VecDeque::new() };
        scan.fill()?;
        Ok(scan)
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
            match self.reader.whole_page(self.next_page)? {
                Some(streams) => self.waiting.extend(streams),
                None => break,
            }
            self.next_page += 1;
        }
        Ok(())
    }
}
