//! The traits of an engine.

use async_trait::async_trait;
use model::{
    Batch, ExemplarSeries, HistogramSeries, LabelSet, LogRecord, Matcher, Series, Span, TimeRange, Timestamp,
};

use crate::{
    AppendError, DayReader, DroppedDay, Erasure, LogQuery, QueryError, QueryLimits, Resolution, Retention,
    RetentionPlan, RollupSeries, SpanQuery, UpkeepError, Usage, roll_up,
};

/// What became of a batch that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Samples, native histograms, log records and spans that were left out because they pass
    /// a limit or the engine has no place for them. Sending them again cannot succeed.
    pub refused: u64,
    /// How many of them are native histograms.
    pub refused_histograms: u64,
    /// Exemplars that were left out. They are samples of what is kept anyway, so nobody has
    /// to be told.
    pub dropped_exemplars: u64,
    /// The limits and an example of what passed each of them, for the sender.
    pub reasons: Vec<String>,
}

#[async_trait]
pub trait Appender: Send + Sync {
    /// Returns after the whole batch is durable; it is then visible to readers.
    ///
    /// Samples may come late and out of order. Of two samples of one series at one instant
    /// the last appended wins, so it does of two native histograms, two equal exemplars are
    /// one, and a span of the same trace, id and start replaces the one before: appending
    /// them again changes nothing. Two equal log records are two.
    async fn append(&self, batch: Batch) -> Result<Appended, AppendError>;
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

    /// The native histograms of the selected series, as [`select`](SampleReader::select)
    /// does for floats. A series may have both; where both are at one instant, the
    /// histogram counts. Each bucket counts as a sample against `limits`.
    async fn select_histograms(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<HistogramSeries>, QueryError>;

    /// The exemplars of the selected series, in order of labels, then of time. Each counts
    /// as a sample against `limits`.
    async fn select_exemplars(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<ExemplarSeries>, QueryError>;

    /// The selected series in outline: every bucket that `range` touches and that has a
    /// sample, complete, whether samples of it are within `range` or not. The answer is the
    /// same whether the engine has rolled them up before or does it now. A bucket counts
    /// as a sample against `limits`, and so does a sample that is rolled up now.
    ///
    /// An engine may know buckets of samples that it no longer has. What comes late for
    /// those is not in them.
    async fn select_rollup(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        resolution: Resolution,
        limits: QueryLimits,
    ) -> Result<Vec<RollupSeries>, QueryError> {
        let selected = self.select(matchers, resolution.range_to_read(range), limits).await?;
        let wanted = resolution.whole_buckets(range);
        let rolled_up = selected.into_iter().map(|series| {
            let mut buckets = roll_up(series.samples, resolution);
            buckets.retain(|bucket| wanted.contains(bucket.start));
            RollupSeries { labels: series.labels, buckets }
        });
        Ok(rolled_up.filter(|series| !series.buckets.is_empty()).collect())
    }

    /// The labels of series that have a sample or a native histogram within `range`, in order.
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
pub trait SpanReader: Send + Sync {
    /// In order of start, then of streams' labels, then of trace and id; newest first is
    /// exactly the reverse.
    async fn search_spans(&self, query: &SpanQuery) -> Result<Vec<Span>, QueryError>;
}

#[async_trait]
pub trait Upkeep: Send + Sync {
    /// What [`retain`](Upkeep::retain) would drop now.
    async fn plan_retention(
        &self,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<RetentionPlan, UpkeepError>;

    /// Drops what is older or more than `retention` allows. Returns what went.
    async fn retain(&self, retention: &Retention, now: Timestamp) -> Result<RetentionPlan, UpkeepError>;

    /// Drops those of the planned days that still are as they were planned: one that got
    /// rows since then stays for the next plan. Returns what went.
    async fn drop_days(&self, planned: &[DroppedDay]) -> Result<Vec<DroppedDay>, UpkeepError>;

    /// Rows that are appended afterwards are not touched, whatever their time.
    async fn erase(&self, erasure: &Erasure) -> Result<(), UpkeepError>;

    /// Moves what is in memory into files. Reads are the same before and after.
    async fn flush(&self) -> Result<(), UpkeepError>;

    async fn usage(&self) -> Result<Usage, UpkeepError>;

    /// Flushes and lets go of the directory. Later calls answer that the store is closed.
    async fn close(&self) -> Result<(), UpkeepError>;
}

/// All of an engine.
pub trait Store: Appender + SampleReader + LogReader + SpanReader + DayReader + Upkeep {}

impl<T: Appender + SampleReader + LogReader + SpanReader + DayReader + Upkeep> Store for T {}
