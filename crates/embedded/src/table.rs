//! The tables, their rows, and the UTC days they are cut into.

use std::sync::Arc;

use model::{LabelSet, LogRecord, Sample, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Samples,
    Logs,
}

impl Table {
    pub const ALL: [Table; 2] = [Table::Samples, Table::Logs];

    /// The name of its folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Table::Samples => "samples",
            Table::Logs => "logs",
        }
    }

    /// Its number in files.
    pub const fn tag(self) -> u8 {
        match self {
            Table::Samples => 1,
            Table::Logs => 2,
        }
    }
}

const DAY_SECS: i64 = 86_400;

/// A UTC day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_secs().div_euclid(DAY_SECS))
    }

    /// `2026-11-23`. All days that a timestamp can name have four-digit years, so names
    /// sort as days do.
    pub fn folder(self) -> String {
        self.start().to_rfc3339()[..10].to_owned()
    }

    /// Its first instant, or the first instant there is.
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0 * DAY_SECS)
    }
}

/// One row of a table: a sample, or a log record.
pub trait Row: Clone + Send + Sync + 'static {
    const TABLE: Table;

    fn at(&self) -> Timestamp;

    /// Roughly what it takes in memory.
    fn bytes(&self) -> usize;

    /// Brings the rows of one stream into order of time. Rows come in order of arrival.
    fn settle(rows: &mut Vec<Self>);

    /// A row as its block keeps it does not know its stream.
    fn within(self, stream: &LabelSet) -> Self;
}

impl Row for Sample {
    const TABLE: Table = Table::Samples;

    fn at(&self) -> Timestamp {
        self.at
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    /// Of several at one instant the last one stays.
    fn settle(rows: &mut Vec<Self>) {
        if rows.is_sorted_by(|a, b| a.at < b.at) {
            return;
        }
        rows.reverse();
        rows.sort_by_key(|row| row.at);
        rows.dedup_by_key(|row| row.at);
    }

    fn within(self, _stream: &LabelSet) -> Self {
        self
    }
}

/// A log record, shared between the memtable and the queries that found it.
#[derive(Clone, Debug)]
pub struct LogRow(pub Arc<LogRecord>);

/// What an allocation costs besides its bytes, roughly.
const LOG_OVERHEAD_BYTES: usize = 160;

impl Row for LogRow {
    const TABLE: Table = Table::Logs;

    fn at(&self) -> Timestamp {
        self.0.at
    }

    fn bytes(&self) -> usize {
        let attribute = |(name, value): &(String, String)| name.len() + value.len() + 64;
        LOG_OVERHEAD_BYTES + self.0.body.len() + self.0.attributes.iter().map(attribute).sum::<usize>()
    }

    /// Records of one instant stay in order of arrival.
    fn settle(rows: &mut Vec<Self>) {
        rows.sort_by_key(Row::at);
    }

    fn within(mut self, stream: &LabelSet) -> Self {
        Arc::make_mut(&mut self.0).stream = stream.clone();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_in_utc_also_at_the_ends_of_time() {
        let name = |at| Day::of(at).folder();
        assert_eq!(name(Timestamp::from_secs(1_795_423_194)), "2026-11-23");
        assert_eq!(name(Timestamp::from_nanos(-1)), "1969-12-31");
        assert_eq!(name(Timestamp::MIN), "1677-09-21");
        assert_eq!(name(Timestamp::MAX), "2262-04-11");
    }

    #[test]
    fn of_samples_at_one_instant_the_last_stays() {
        let sample = |at, value| Sample { at: Timestamp::from_secs(at), value };
        let mut rows = vec![sample(2, 1.0), sample(1, 2.0), sample(2, 3.0)];
        Sample::settle(&mut rows);
        assert_eq!(rows, [sample(1, 2.0), sample(2, 3.0)]);
    }
}
