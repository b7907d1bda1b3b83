//! How healthy the telemetry of the last hour looks: the contract's score, from what is
//! really measured.

use std::time::Duration;

use model::{LogSeverity, TimeRange};
use storage::{LogQuery, Order};

use crate::dto::metrics::{ObservabilityHealthDto, ObservabilityMetricsDto};
use crate::engines::Engines;

/// The newest records of the hour that are looked at: the cost is bounded, and of thousands
/// the share of errors is known well enough.
const LOGS_MAX: usize = 2_000;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Logs {
    pub records: u64,
    pub errors: u64,
}

/// What is known when the judgement is made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inquiry {
    /// None when the store could not be asked.
    pub logs: Option<Logs>,
    pub response_ms: Option<f64>,
}

pub(super) async fn look(engines: &Engines) -> Option<Logs> {
    let range = TimeRange::ending_at(engines.clock.now(), Duration::from_secs(3600));
    let query = LogQuery { order: Order::NewestFirst, limit: LOGS_MAX, ..LogQuery::of(range) };
    match engines.store.search_logs(&query).await {
        Ok(records) => {
            let errors = records.iter().filter(|record| record.severity >= LogSeverity::Error).count();
            Some(Logs { records: records.len() as u64, errors: errors as u64 })
        }
        Err(error) => {
            tracing::warn!(%error, "the logs could not be searched");
            None
        }
    }
}

/// Pure. Without any measurement there is no score.
pub(super) fn judge(inquiry: Inquiry) -> ObservabilityHealthDto {
    let error_percent = inquiry
        .logs
        .filter(|logs| logs.records > 0)
        .map(|logs| logs.errors as f64 * 100.0 / logs.records as f64);
    let mut score = 100;
    let mut issues = Vec::new();
    let mut recommendations = Vec::new();
    if let Some(percent) = error_percent.filter(|percent| *percent > 5.0) {
        score -= if percent > 10.0 { 30 } else { 15 };
        issues.push(format!("{percent:.1} % of the newest log records of the hour are errors"));
        recommendations.push("Look at the errors of the agents and their sources.".to_owned());
    }
    if let Some(millis) = inquiry.response_ms.filter(|millis| *millis > 1000.0) {
        score -= if millis > 2000.0 { 20 } else { 10 };
        issues.push(format!("Sources take {millis:.0} ms on average to answer"));
        recommendations.push("Look at the load of the machines that run the agents.".to_owned());
    }
    let is_known = error_percent.is_some() || inquiry.response_ms.is_some();
    if !is_known {
        issues.push("Nothing was logged or requested within the last hour".to_owned());
    }
    ObservabilityHealthDto {
        status: if is_known { word(score) } else { "unknown" },
        health_score: is_known.then_some(score),
        issues,
        metrics: ObservabilityMetricsDto {
            error_rate_percent: error_percent,
            trace_error_rate_percent: None,
            avg_response_time_ms: inquiry.response_ms,
            total_bottlenecks: None,
        },
        recommendations,
    }
}

fn word(score: u32) -> &'static str {
    match score {
        90.. => "excellent",
        75.. => "good",
        60.. => "fair",
        40.. => "poor",
        _ => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(logs: Option<(u64, u64)>, response_ms: Option<f64>, expected: (&str, Option<u32>)) {
        let logs = logs.map(|(records, errors)| Logs { records, errors });
        let judged = judge(Inquiry { logs, response_ms });
        assert_eq!((judged.status, judged.health_score), expected);
    }

    #[test]
    fn the_score_follows_the_contract() {
        check(Some((100, 5)), Some(20.0), ("excellent", Some(100)));
        check(Some((100, 6)), None, ("good", Some(85)));
        check(Some((100, 11)), None, ("fair", Some(70)));
        check(Some((100, 11)), Some(2500.0), ("poor", Some(50)));
    }

    #[test]
    fn without_data_there_is_no_score() {
        check(None, None, ("unknown", None));
        check(Some((0, 0)), None, ("unknown", None));
    }
}
