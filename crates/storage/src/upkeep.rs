//! What a store takes up, what it gives up by age and size, and what is erased from it.

use std::time::Duration;

use model::{Matcher, TimeRange, Timestamp};

use crate::Resolution;

/// A kind of telemetry. Each has its own table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    Samples,
    Logs,
    Spans,
    /// Prometheus' native ones. Classic histograms are samples.
    Histograms,
    Exemplars,
}

impl Signal {
    pub const ALL: [Signal; 5] =
        [Signal::Samples, Signal::Logs, Signal::Spans, Signal::Histograms, Signal::Exemplars];

    /// What is known of a metric: what concerns its series concerns all of these.
    pub const OF_METRICS: [Signal; 3] = [Signal::Samples, Signal::Histograms, Signal::Exemplars];

    pub const fn as_str(self) -> &'static str {
        match self {
            Signal::Samples => "samples",
            Signal::Logs => "logs",
            Signal::Spans => "spans",
            Signal::Histograms => "histograms",
            Signal::Exemplars => "exemplars",
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
    /// Who passes limits most, the worst first.
    pub offenders: Vec<Offender>,
}

/// A source whose rows were left out because they pass a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offender {
    /// As its streams name it, for example by `job` or `service.name`; empty when they do not.
    pub source: String,
    /// The setting that limits it.
    pub limit: &'static str,
    /// Rows since the start, at least.
    pub refused: u64,
}

/// How long telemetry is kept.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// Whole UTC days that ended longer ago go. Without an age they stay.
    pub ages: Vec<(Signal, Duration)>,
    /// Ages of rollups of samples, where they are kept longer than the samples themselves.
    pub rollup_ages: Vec<(Resolution, Duration)>,
    /// Streams that go earlier than the rest of their table: with each whole UTC day that
    /// ended longer ago than the rule's age. Samples leave their rollups too.
    pub rules: Vec<RetentionRule>,
    /// While all tables together take more, the oldest day of any table goes; of one day,
    /// the samples go before their rollups.
    pub bytes_max: Option<u64>,
}

impl Retention {
    /// After how long days of a signal go.
    pub fn age_of(&self, signal: Signal) -> Option<Duration> {
        self.ages.iter().filter(|(other, _)| *other == signal).map(|(_, age)| *age).min()
    }

    /// After how long days of a rollup go: never before the samples, of which it would
    /// only be made again. Without an age of its own it goes with them.
    pub fn age_of_rollup(&self, resolution: Resolution) -> Option<Duration> {
        let samples = self.age_of(Signal::Samples)?;
        let ages = self.rollup_ages.iter().filter(|(other, _)| *other == resolution);
        Some(ages.map(|(_, age)| *age).min().map_or(samples, |age| age.max(samples)))
    }
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
    pub rollups: Vec<DroppedRollup>,
    /// Days that stay but lose streams to a rule.
    pub thinned: Vec<ThinnedDay>,
    /// The clock shows a time that cannot be believed yet: ages were counted to this one.
    pub clock_doubted: Option<Timestamp>,
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

/// A day of a rollup of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedRollup {
    pub resolution: Resolution,
    /// Its first instant.
    pub day: Timestamp,
    /// Buckets of series.
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
/// the disk when the engine has rewritten its files. Erased samples leave rollups too;
/// where only a rollup is left, every bucket that the range touches goes as a whole.
#[derive(Clone, Debug)]
pub struct Erasure {
    pub signals: Vec<Signal>,
    pub range: TimeRange,
    /// On the stream's labels; none select every stream.
    pub stream: Vec<Matcher>,
    /// On the attributes of log records and spans; other signals have none.
    pub attributes: Vec<Matcher>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollup_is_kept_at_least_as_long_as_its_samples() {
        let days = |count: u64| Duration::from_secs(count * 86_400);
        let check = |samples: Option<u64>, rollup: Option<u64>, expected: Option<u64>| {
            let retention = Retention {
                ages: samples.map(|count| (Signal::Samples, days(count))).into_iter().collect(),
                rollup_ages: rollup.map(|count| (Resolution::OneHour, days(count))).into_iter().collect(),
                ..Retention::default()
            };
            assert_eq!(retention.age_of_rollup(Resolution::OneHour), expected.map(days));
        };
        check(Some(30), Some(365), Some(365));
        check(Some(30), None, Some(30));
        check(Some(30), Some(7), Some(30));
        check(None, Some(7), None);
    }
}
