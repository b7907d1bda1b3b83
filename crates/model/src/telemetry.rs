//! Samples, log records and spans, and the batch in which they are handed to a store.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ExemplarSeries, HistogramSeries, LabelSet, Timestamp};

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

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

/// As text: what a matcher on an attribute sees.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Float(value) => value.fmt(f),
            Value::Text(value) => f.write_str(value),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

/// Names and values in the order in which they came. A name may occur again.
pub type Attributes = Vec<(String, Value)>;

/// The id that all spans and log records of one trace share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TraceId(pub [u8; 16]);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpanId(pub [u8; 8]);

macro_rules! hexadecimal {
    ($id:ty, $bytes:literal) => {
        impl $id {
            /// From lower or upper case hexadecimal digits, of which there are exactly enough.
            pub fn parse(text: &str) -> Option<Self> {
                let mut bytes = [0; $bytes];
                if text.len() != 2 * $bytes || !text.is_ascii() {
                    return None;
                }
                for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let digit = |at: usize| char::from(digits[at]).to_digit(16);
                    *byte = (digit(0)? * 16 + digit(1)?) as u8;
                }
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hexadecimal!(TraceId, 16);
hexadecimal!(SpanId, 8);

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
    pub trace: Option<TraceId>,
    pub span: Option<SpanId>,
    pub attributes: Attributes,
}

impl LogRecord {
    /// A record outside of any trace, without attributes.
    pub fn new(at: Timestamp, stream: LabelSet, severity: LogSeverity, body: impl Into<String>) -> Self {
        Self { at, stream, severity, body: body.into(), trace: None, span: None, attributes: Vec::new() }
    }
}

/// OpenTelemetry's kinds, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    #[default]
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

impl SpanKind {
    pub const ALL: [SpanKind; 6] = [
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];
}

/// OpenTelemetry's status codes, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanStatus {
    #[default]
    Unset = 0,
    Ok = 1,
    Error = 2,
}

impl SpanStatus {
    pub const ALL: [SpanStatus; 3] = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error];
}

/// One operation of a trace. `stream` holds what its source shares; what differs from
/// span to span is in `attributes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub trace: TraceId,
    pub id: SpanId,
    /// Absent for the root of a trace.
    pub parent: Option<SpanId>,
    pub stream: LabelSet,
    pub name: String,
    pub kind: SpanKind,
    pub status: SpanStatus,
    /// Why it failed; empty when nothing was said.
    pub status_message: String,
    pub start: Timestamp,
    pub duration_nanos: u64,
    pub attributes: Attributes,
    pub events: Vec<SpanEvent>,
    pub links: Vec<SpanLink>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    pub at: Timestamp,
    pub name: String,
    pub attributes: Attributes,
}

/// Another span that this one has to do with.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    pub trace: TraceId,
    pub span: SpanId,
    pub attributes: Attributes,
}

/// What is appended together: after an acknowledgement all of it is durable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub series: Vec<SeriesSamples>,
    pub histograms: Vec<HistogramSeries>,
    pub exemplars: Vec<ExemplarSeries>,
    pub logs: Vec<LogRecord>,
    pub spans: Vec<Span>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        let Self { series, histograms, exemplars, logs, spans } = self;
        series.is_empty()
            && histograms.is_empty()
            && exemplars.is_empty()
            && logs.is_empty()
            && spans.is_empty()
    }

    pub fn push_sample(&mut self, labels: LabelSet, at: Timestamp, value: f64) {
        self.series.push(SeriesSamples { labels, samples: vec![Sample { at, value }] });
    }

    pub fn sample_count(&self) -> usize {
        self.series.iter().map(|series| series.samples.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let id = TraceId(std::array::from_fn(|index| index as u8 * 17));
        assert_eq!(id.to_string(), "00112233445566778899aabbccddeeff");
        assert_eq!(TraceId::parse("00112233445566778899AABBCCDDEEFF"), Some(id));
        for wrong in ["", "0011", "+0112233445566778899aabbccddeeff", "é112233445566778899aabbccddeeff"] {
            assert_eq!(TraceId::parse(wrong), None, "{wrong}");
        }
    }
}
