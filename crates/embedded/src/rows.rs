//! Rows of one stream, for each table: how they are ordered, cut, and kept in pages.
//!
//! The same trait serves the memtable, segments and merges, so that what differs between
//! samples, logs and spans is in one place each.

mod events;
mod key;
mod logs;
mod page;
mod rollups;
mod samples;
mod spans;

use std::collections::HashSet;

use columns::Corrupt;
use model::{Matcher, TimeRange, Timestamp};

pub use events::{attribute_hash, name_hash, trace_hash, word_hash};
pub use key::StreamKey;
pub use logs::{LogRows, decode_selected as decode_selected_logs};
pub use page::{Page, Probe};
pub use rollups::{FiveMinuteRows, HourRows, RollupRows};
pub use samples::SampleRows;
pub use spans::{SpanRows, decode_selected as decode_selected_spans};

use crate::table::Table;

/// What makes a row the same as one that was appended before: its instant and its ids.
pub type Identity = (Timestamp, [u8; 24]);

/// Rows of one stream. Unless it says otherwise they are in order of time.
pub trait Rows: Default + Clone + Send + Sync + 'static {
    const TABLE: Table;

    /// A page ends when it has so many rows, or about so many bytes before compression.
    const PAGE_ROWS_MAX: usize;
    const PAGE_BYTES_MAX: usize = 1 << 20;

    /// Whether a row can replace one of its own stream that is not at hand.
    const REPLACES: bool = false;

    /// Segments with as many rows are merged by copying their pages. Their pages are full,
    /// so that writing the rows anew would gain nothing.
    const COPY_ROWS_MIN: u64 = u64::MAX;

    fn len(&self) -> usize;

    /// Roughly what they take in memory.
    fn bytes(&self) -> usize;

    /// From the first row to the last.
    fn times(&self) -> Option<TimeRange>;

    /// Adds rows that were appended later: the two together may be out of order.
    fn append(&mut self, later: Self);

    /// Brings rows in order of arrival into order of time. Where the table says that a
    /// row replaces an earlier one, only the last stays.
    fn settle(&mut self);

    /// Removes and returns the rows from the one numbered `at` on.
    fn split_off(&mut self, at: usize) -> Self;

    /// Keeps only rows within the range.
    fn clip(&mut self, range: TimeRange);

    /// What each row replaces, if the table is one that [`REPLACES`](Rows::REPLACES): an
    /// earlier one of the same stream that is equal in this. Samples are settled by their
    /// times wherever they are read.
    fn identities(&self) -> Vec<Identity> {
        Vec::new()
    }

    /// As [`identities`](Rows::identities), of the rows of a page that are within the range,
    /// each with its stream.
    fn identities_in(_page: &[u8], _range: TimeRange) -> Result<Vec<(u32, Identity)>, Corrupt> {
        Ok(Vec::new())
    }

    /// Removes the rows that later ones replace.
    fn leave_out(&mut self, _replaced: &HashSet<Identity>) {}

    /// Removes rows within the range whose attributes are selected by all matchers. Samples
    /// have no attributes.
    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]);

    /// Many streams as one page, in ascending order of their numbers.
    fn encode(streams: &[(u32, Self)]) -> Page;

    /// The streams of a page that are among `wanted` (ascending), or all of them. Rows of
    /// logs and spans come back without the labels of their stream.
    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt>;
}
