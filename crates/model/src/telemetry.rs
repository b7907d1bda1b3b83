//! Samples and log records, and the batch in which they are handed to a store.

use serde::{Deserialize, Serialize};

use crate::{LabelSet, Timestamp};

/// Prometheus' stale marker: the series ended on purpose. A NaN with exactly these bits.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether `value` is the stale marker; other NaNs are ordinary values.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at: Timestamp,
    pub value: f64,
}

/// Samples of one series on their way into a store, in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSamples {
    pub labels: LabelSet,
    pub samples: Vec<Sample>,
}

/// A series as a query sees it: its samples in order of time, each instant once.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: LabelSet,
    pub samples: Vec<Sample>,
}

/// OpenTelemetry's severity numbers, reduced to the first of each range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSeverity {
    Trace = 1,
    Debug = 5,
    Info = 9,
    Warn = 13,
    Error = 17,
    Fatal = 21,
}

impl LogSeverity {
    pub const ALL: [LogSeverity; 6] = [
        LogSeverity::Trace,
        LogSeverity::Debug,
        LogSeverity::Info,
        LogSeverity::Warn,
        LogSeverity::Error,
        LogSeverity::Fatal,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            LogSeverity::Trace => "trace",
            LogSeverity::Debug => "debug",
            LogSeverity::Info => "info",
            LogSeverity::Warn => "warn",
            LogSeverity::Error => "error",
            LogSeverity::Fatal => "fatal",
        }
    }
}

/// One line of a log. `stream` holds what its source shares (service, agent); what
/// differs from line to line is in `attributes`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    pub at: Timestamp,
    pub stream: LabelSet,
    pub severity: LogSeverity,
    pub body: String,
    pub attributes: Vec<(String, String)>,
}

/// What is appended together: after an acknowledgement all of it is durable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub series: Vec<SeriesSamples>,
    pub logs: Vec<LogRecord>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.logs.is_empty()
    }

    pub fn push_sample(&mut self, labels: LabelSet, at: Timestamp, value: f64) {
        self.series.push(SeriesSamples { labels, samples: vec![Sample { at, value }] });
    }

    pub fn sample_count(&self) -> usize {
        self.series.iter().map(|series| series.samples.len()).sum()
    }
}
