//! The shapes of the JSON API: the only place where the program's values become JSON.
//!
//! Keys are those of the contract or snake_case, times are RFC 3339 in UTC, durations are
//! numbers of seconds. What was not measured is `null`, never 0.

pub mod agent;
pub mod alert;
pub mod backtest;
pub mod fleet;
pub mod health;
pub mod host;
pub mod log;
pub mod metrics;
pub mod run;
pub mod search;
pub mod session;
pub mod status;
pub mod storage;
pub mod trace;

use model::Timestamp;

pub(crate) fn time(at: Timestamp) -> String {
    at.to_rfc3339()
}

pub(crate) fn optional_time(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

/// JSON has no infinities and no NaN: they are "no number".
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
