//! What rules would have done.

use std::collections::BTreeMap;

use alerting::{Backtest, Firing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alert::pairs;
use super::{optional_time, time};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestQuestionDto {
    /// A rule file in Prometheus' format.
    pub rules: String,
    /// How far to look back, such as `30d`; a week when absent.
    pub since: Option<String>,
    /// The end in RFC 3339; now when absent.
    pub end: Option<String>,
    /// A time zone such as `Europe/Berlin`, or a POSIX rule; UTC when absent.
    pub zone: Option<String>,
    /// Two hours of the day in that zone; `22-7` when absent.
    pub night: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestsDto {
    pub start: String,
    pub end: String,
    pub rules: Vec<BacktestDto>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestDto {
    pub rule: String,
    pub severity: &'static str,
    pub query: String,
    pub interval_seconds: f64,
    pub evaluations: u64,
    /// Those at which the rule would have failed.
    pub evaluations_failed: u64,
    pub first_error: Option<String>,
    /// How often an alert began to fire.
    pub fired: u64,
    pub fired_per_week: f64,
    pub fired_at_night: u64,
    pub fired_at_night_per_week: f64,
    /// All firings together.
    pub firing_seconds: f64,
    pub longest_seconds: f64,
    /// In order of their beginning.
    pub firings: Vec<FiringDto>,
    /// How many are only counted.
    pub firings_left_out: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FiringDto {
    pub labels: BTreeMap<String, String>,
    pub start: String,
    /// Absent when it fires still.
    pub end: Option<String>,
    pub at_night: bool,
}

impl From<&Backtest> for BacktestDto {
    fn from(backtest: &Backtest) -> Self {
        Self {
            rule: backtest.rule.clone(),
            severity: backtest.severity.as_str(),
            query: backtest.query.clone(),
            interval_seconds: backtest.interval.as_secs_f64(),
            evaluations: backtest.evaluations,
            evaluations_failed: backtest.failed,
            first_error: backtest.first_error.clone(),
            fired: backtest.fired,
            fired_per_week: backtest.fired_per_week,
            fired_at_night: backtest.fired_at_night,
            fired_at_night_per_week: backtest.fired_at_night_per_week,
            firing_seconds: backtest.firing.as_secs_f64(),
            longest_seconds: backtest.longest.as_secs_f64(),
            firings: backtest.firings.iter().map(FiringDto::from).collect(),
            firings_left_out: backtest.firings_left_out,
        }
    }
}

impl From<&Firing> for FiringDto {
    fn from(firing: &Firing) -> Self {
        Self {
            labels: pairs(&firing.labels),
            start: time(firing.start),
            end: optional_time(firing.end),
            at_night: firing.at_night,
        }
    }
}
