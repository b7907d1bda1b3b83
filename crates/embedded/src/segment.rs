//! Segments: immutable files, one or a few for each table and day.
//!
//! Streams stand in order of labels, the rows of a stream in order of time, all in blocks
//! of a few thousand rows; behind them the index (which streams, which blocks) and a
//! footer. [`SegmentWriter`] writes a file from top to bottom, [`Segment`] is one that
//! exists. The bytes are drawn in docs/formats/segment.md.

mod block;
mod cache;
mod file;
mod footer;
mod index;
mod reader;
mod writer;

pub use block::BlockRow;
pub use cache::IndexCache;
pub use file::{Fate, Segment, SegmentError};
pub use reader::StreamReader;
pub use writer::SegmentWriter;

/// The checksums of frames in segments need no secret: blocks are found by the index and
/// never searched for.
const SALT: u32 = 0;
