//! Rows of one stream, for each table: how they are ordered, cut, and kept in pages.
//!
//! The same trait serves the memtable, segments and merges, so that what differs between
//! samples, logs and spans is in one place each.

mod events;
mod exemplars;
mod histograms;
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
pub use exemplars::ExemplarRows;
pub use histograms::{HistogramRows, RESETS, size_of as histogram_size};
pub use key::StreamKey;
pub use logs::{LogRows, decode_selected as decode_selected_logs};
pub use page::{Page, Probe};
pub use rollups::{FiveMinuteRows, HourRows, RollupRows};
pub use samples::SampleRows;
pub use spans::{SpanRows, decode_selected as decode_selected_spans};

use crate::table::Table;

/// An expression in which `$rows` are the rows of a table that rows come for from outside,
/// and another one for the tables of rollups.
macro_rules! of_table {
    ($table:expr, $rows:ident => $expression:expr, rollup($resolution:pat) => $other:expr) => {
        match $table {
            $crate::table::Table::Samples => {
                type $rows = $crate::rows::SampleRows;
                $expression
            }
            $crate::table::Table::Logs => {
                type $rows = $crate::rows::LogRows;
                $expression
            }
            $crate::table::Table::Spans => {
                type $rows = $crate::rows::SpanRows;
                $expression
            }
            $crate::table::Table::Histograms => {
                type $rows = $crate::rows::HistogramRows;
                $expression
            }
            $crate::table::Table::Exemplars => {
                type $rows = $crate::rows::ExemplarRows;
                $expression
            }
            $crate::table::Table::Rollup($resolution) => $other,
        }
    };
}

/// The same with rollups among the tables.
macro_rules! of_any_table {
    ($table:expr, $rows:ident => $expression:expr) => {
        $crate::rows::of_table!($table, $rows => $expression, rollup(resolution) => match resolution {
            storage::Resolution::FiveMinutes => {
                type $rows = $crate::rows::FiveMinuteRows;
                $expression
            }
            storage::Resolution::OneHour => {
                type $rows = $crate::rows::HourRows;
                $expression
            }
        })
    };
}

pub(crate) use {of_any_table, of_table};

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

    /// What they count as against a query's limit of samples.
    fn weight(&self) -> u64 {
        self.len() as u64
    }

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

    /// Removes rows within the range whose attributes are selected by all matchers. Only
    /// logs and spans have attributes.
    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]);

    /// Many streams as one page, in ascending order of their numbers.
    fn encode(streams: &[(u32, Self)]) -> Page;

    /// The streams of a page that are among `wanted` (ascending), or all of them. Rows of
    /// logs and spans come back without the labels of their stream.
    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt>;
}
