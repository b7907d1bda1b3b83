//! Rows of many streams in memory, of any table but that of samples.

use std::collections::BTreeMap;

use model::TimeRange;

use super::Memory;
use crate::rows::{Rows, StreamKey};

/// What a stream takes besides its rows, roughly.
const STREAM_BYTES: usize = 96;

/// Rows by the dense number of their stream, in order of arrival.
#[derive(Debug)]
pub struct Events<R> {
    streams: BTreeMap<u32, R>,
    rows: usize,
    bytes: usize,
}

impl<R> Default for Events<R> {
    fn default() -> Self {
        Self { streams: BTreeMap::new(), rows: 0, bytes: 0 }
    }
}

impl<R: Rows> Events<R> {
    pub fn push(&mut self, stream: u32, rows: R) {
        self.rows += rows.len();
        self.bytes += rows.bytes();
        self.streams.entry(stream).or_default().append(rows);
    }
}

impl<R: Rows> Memory<R> for Events<R> {
    fn row_count(&self) -> usize {
        self.rows
    }

    fn memory_bytes(&self) -> usize {
        self.bytes + self.streams.len() * STREAM_BYTES
    }

    fn keys(&self) -> Vec<StreamKey> {
        // Events are asked for by stream and time: they have no groups.
        self.streams.keys().map(|stream| StreamKey::new(*stream, 0)).collect()
    }

    fn read(&self, stream: u32, range: TimeRange) -> R {
        let mut rows = self.streams.get(&stream).cloned().unwrap_or_default();
        rows.settle();
        rows.clip(range);
        rows
    }

    fn has_rows(&self, stream: u32, range: TimeRange) -> bool {
        self.read(stream, range).len() > 0
    }
}
