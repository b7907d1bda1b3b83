//! The traits of an engine.

use async_trait::async_trait;
use model::{Batch, LabelSet, LogRecord, Matcher, Series, TimeRange, Timestamp};

use crate::{AppendError, LogQuery, QueryError, QueryLimits, UpkeepError, Usage};

#[async_trait]
pub trait Appender: Send + Sync {
    /// Returns after the whole batch is durable; it is then visible to readers.
    ///
    /// Samples may come late and out of order. Of two samples of one series at one instant
    /// the last appended wins, so appending a batch again changes nothing.
    async fn append(&self, batch: Batch) -> Result<(), AppendError>;
}

#[async_trait]
pub trait SampleReader: Send + Sync {
    /// The series selected by all `matchers`, each with its samples within `range`, in order
    /// of labels. Series without a sample in the range are left out. Stale markers are
    /// samples like any other.
    async fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<Series>, QueryError>;

    /// The labels of series that have a sample within `range`, in order.
    async fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<LabelSet>, QueryError>;

    /// The names of labels of the selected series, in order. No matchers select all.
    async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, QueryError>;

    /// The values that `name` has in the selected series, in order.
    async fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError>;
}

#[async_trait]
pub trait LogReader: Send + Sync {
    async fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRecord>, QueryError>;
}

#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Drops every UTC day that ended before `cutoff`. Returns how many day folders went.
    async fn drop_before(&self, cutoff: Timestamp) -> Result<u64, UpkeepError>;

    /// Moves what is in memory into files. Reads are the same before and after.
    async fn flush(&self) -> Result<(), UpkeepError>;

    async fn usage(&self) -> Result<Usage, UpkeepError>;

    /// Flushes and lets go of the directory. Later calls answer that the store is closed.
    async fn close(&self) -> Result<(), UpkeepError>;
}

/// All of an engine.
pub trait Store: Appender + SampleReader + LogReader + Upkeep {}

impl<T: Appender + SampleReader + LogReader + Upkeep> Store for T {}
