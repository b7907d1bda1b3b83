//! The order of streams in segments.

/// Streams that were numbered one after the other, so many at a time.
///
/// The series of one agent get numbers in a row. Sixteen to twenty agents with a hundred
/// series each, sorted by metric, make pages of about sixteen agents and eight metrics: a
/// query for one metric of many agents reads a tenth of the pages that it would read if
/// each agent had its own, and pages compress as well, because series of one agent share
/// times, quiet hours and histograms (measured: columns, example `measure`).
const BLOCK_STREAMS: u32 = 2048;

/// Where a stream stands in segments: by block, then by group, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamKey {
    block: u32,
    group: u32,
    stream: u32,
}

impl StreamKey {
    pub fn new(stream: u32, group: u32) -> Self {
        Self { block: stream / BLOCK_STREAMS, group, stream }
    }

    pub fn stream(self) -> u32 {
        self.stream
    }

    /// What streams that are read together have in common.
    pub fn group(self) -> u32 {
        self.group
    }
}
