//! The vocabulary of Watchkeeper as plain values.
//!
//! Telemetry ([`LabelSet`], [`Matcher`], [`Series`], [`LogRecord`], [`Span`], [`Batch`]), the
//! things that are watched ([`Agent`], [`CheckResult`]) and what is done about them
//! ([`Alert`], [`RecoveryRun`]). Every other crate speaks in these words.
//!
//! Nothing here reads a clock, a file or a socket. `serde` is derived so that records
//! can be kept on disk; the shapes of the HTTP API are `server::dto`, not these.

mod agent;
mod alert;
mod duration;
mod hashed;
mod health;
mod histogram;
mod labels;
mod recovery;
mod telemetry;
mod time;

pub use agent::{
    Agent, AgentError, AgentId, AgentState, AgentStatus, AgentTotals, AgentTransition, Confidence,
    CurrentTool, Evidence, PendingKind, PendingRequest, Phase, Retry, SourceState, SourceStatus, Todo,
    TokenCounts,
};
pub use alert::{Alert, AlertStatus, Severity};
pub use duration::{DURATION_UNITS, parse_duration};
pub use hashed::{KeysAreHashes, TakeHash};
pub use health::{CheckResult, DependencyKind, DependencyResult, Fact, Facts, HealthSummary, Verdict};
pub use histogram::{
    Bucket, CUSTOM_BUCKETS_SCHEMA, CounterReset, Exemplar, ExemplarSeries, Histogram, HistogramSample,
    HistogramSeries,
};
pub use labels::{LabelSet, METRIC_NAME, MatchOp, Matcher, MatcherError};
pub use recovery::{Outcome, RecoveryRun, RunStep, Trigger};
pub use telemetry::{
    Attributes, Batch, LogRecord, LogSeverity, STALE_NAN, Sample, Series, SeriesSamples, Span, SpanEvent,
    SpanId, SpanKind, SpanLink, SpanStatus, TraceId, Value, is_stale,
};
pub use time::{TimeRange, Timestamp};
