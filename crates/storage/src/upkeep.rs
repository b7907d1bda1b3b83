//! What a store takes up, what it gives up by age and size, and what is erased from it.

use std::time::Duration;

use model::{Matcher, TimeRange, Timestamp};

/// A kind of telemetry. Each has its own table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    Samples,
    Logs,
    Spans,
}

impl Signal {
    pub const ALL: [Signal; 3] = [Signal::Samples, Signal::Logs, Signal::Spans];

    pub const fn as_str(self) -> &'static str {
        match self {
            Signal::Samples => "samples",
            Signal::Logs => "logs",
            Signal::Spans => "spans",
        }
    }
}

/// What one table takes up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableUsage {
    pub table: &'static str,
    pub rows: u64,
    pub bytes: u64,
    pub days: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub tables: Vec<TableUsage>,
    /// Bytes of acknowledged batches that are in no table yet.
    pub wal_bytes: u64,
    /// Streams in memory.
    pub active_streams: u64,
}

/// How long telemetry is kept.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// Whole UTC days that ended longer ago go. Without an age they stay.
    pub ages: Vec<(Signal, Duration)>,
    /// Streams that go earlier than the rest of their table: with each whole UTC day that
    /// ended longer ago than the rule's age.
    pub rules: Vec<RetentionRule>,
    /// While all tables together take more, the oldest day of any table goes.
    pub bytes_max: Option<u64>,
}

/// A shorter life for some streams.
#[derive(Clone, Debug)]
pub struct RetentionRule {
    pub signal: Signal,
    /// On the stream's labels.
    pub stream: Vec<Matcher>,
    pub age: Duration,
}

/// What a retention drops now, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPlan {
    pub days: Vec<DroppedDay>,
    /// Days that stay but lose streams to a rule.
    pub thinned: Vec<ThinnedDay>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThinnedDay {
    pub signal: Signal,
    /// Its first instant.
    pub day: Timestamp,
    /// The place of the rule in [`Retention::rules`].
    pub rule: usize,
    pub streams: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedDay {
    pub signal: Signal,
    /// Its first instant.
    pub day: Timestamp,
    pub rows: u64,
    pub bytes: u64,
    pub reason: DropReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    Age,
    Size,
}

/// Rows that must no longer be there: gone for readers when the call returns, gone from
/// the disk when the engine has rewritten its files.
#[derive(Clone, Debug)]
pub struct Erasure {
    pub signals: Vec<Signal>,
    pub range: TimeRange,
    /// On the stream's labels; none select every stream.
    pub stream: Vec<Matcher>,
    /// On the attributes of log records and spans; samples have none.
    pub attributes: Vec<Matcher>,
}
