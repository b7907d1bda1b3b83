//! Numbers computed from the store, each kept for a few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Agent, SourceStatus};
use parking_lot::Mutex;

use super::kept::Kept;
use super::observability::{self, Inquiry};
use super::performance;
use super::query;
use crate::dto::alert::AlertStatsDto;
use crate::dto::fleet::{FleetDto, FleetRates};
use crate::dto::metrics::{ObservabilityHealthDto, PerformanceReportDto, ResponseTimeDto};
use crate::engines::{DeskError, Engines};
use crate::problem::Problem;

/// Short enough to look live, long enough for a thousand readers to cost one query.
const KEPT: Duration = Duration::from_secs(2);

/// What was just acknowledged should be counted as such.
const STATISTICS_KEPT: Duration = Duration::from_millis(500);

/// Logs of an hour are searched for this, and an hour does not change quickly.
const OBSERVABILITY_KEPT: Duration = Duration::from_secs(10);

/// A report over hours grows old slowly: this for each hour of it, within limits.
const REPORT_KEPT_PER_HOUR: Duration = Duration::from_millis(500);
const REPORT_KEPT_MIN: Duration = Duration::from_secs(2);
const REPORT_KEPT_MAX: Duration = Duration::from_secs(60);

type Report = Arc<Kept<Arc<PerformanceReportDto>>>;

pub(crate) struct Measures {
    rates: Kept<FleetRates>,
    requests: Kept<Arc<Requests>>,
    observability: Kept<ObservabilityHealthDto>,
    alert_statistics: Kept<AlertStatsDto>,
    /// By hours; there are at most 720. Held only to find or add one.
    reports: Mutex<HashMap<u32, Report>>,
}

/// What asking the sources for agents was like in the last five minutes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    pub count: Option<f64>,
    pub error_percent: Option<f64>,
    pub by_endpoint: Vec<(String, ResponseTimeDto)>,
    pub average_ms: Option<f64>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            rates: Kept::for_at_most(KEPT),
            requests: Kept::for_at_most(KEPT),
            observability: Kept::for_at_most(OBSERVABILITY_KEPT),
            alert_statistics: Kept::for_at_most(STATISTICS_KEPT),
            reports: Mutex::default(),
        }
    }
}

impl Measures {
    pub async fn fleet(
        &self,
        engines: &Engines,
        agents: &[Arc<Agent>],
        sources: &[SourceStatus],
    ) -> FleetDto {
        FleetDto::new(agents, sources, self.rates.get(&engines.clock, || rates(engines)).await)
    }

    pub async fn requests(&self, engines: &Engines) -> Arc<Requests> {
        self.requests.get(&engines.clock, || async { Arc::new(requests(engines).await) }).await
    }

    pub async fn observability(&self, engines: &Engines) -> ObservabilityHealthDto {
        self.observability
            .get(&engines.clock, || async {
                let requests = self.requests(engines).await;
                let logs = observability::look(engines).await;
                observability::judge(Inquiry { logs, response_ms: requests.average_ms })
            })
            .await
    }

    pub async fn alert_statistics(&self, engines: &Engines) -> Result<AlertStatsDto, Problem> {
        let statistics = || async { Ok(AlertStatsDto::from(&engines.alerts.statistics().await?)) };
        self.alert_statistics
            .try_get(&engines.clock, statistics)
            .await
            .map_err(|error: DeskError| Problem::internal("count the alerts", &error))
    }

    pub async fn performance(
        &self,
        engines: &Engines,
        hours: u32,
    ) -> Result<Arc<PerformanceReportDto>, Problem> {
        let keep = (REPORT_KEPT_PER_HOUR * hours).clamp(REPORT_KEPT_MIN, REPORT_KEPT_MAX);
        let report =
            self.reports.lock().entry(hours).or_insert_with(|| Arc::new(Kept::for_at_most(keep))).clone();
        report
            .try_get(&engines.clock, || async { performance::report(engines, hours).await.map(Arc::new) })
            .await
            .map_err(|error| Problem::internal("read the alerts", &error))
    }
}

async fn rates(engines: &Engines) -> FleetRates {
    let now = engines.clock.now();
    let tokens = "sum(rate(agent_tokens_total[5m])) * 60";
    let cost = "sum(rate(agent_cost_usd_total[5m])) * 3600";
    let (tokens_per_minute, cost_per_hour) =
        tokio::join!(query::number(&engines.promql, tokens, now), query::number(&engines.promql, cost, now));
    FleetRates { tokens_per_minute, cost_per_hour }
}

async fn requests(engines: &Engines) -> Requests {
    let now = engines.clock.now();
    let engine = &engines.promql;
    let total = "sum(increase(source_requests_total[5m]))";
    let failed = "100 * (sum(rate(source_requests_total{outcome=\"error\"}[5m])) or vector(0)) \
                  / sum(rate(source_requests_total[5m]))";
    let seconds = "sum by (endpoint) (increase(source_request_duration_seconds_sum[5m]))";
    let counts = "sum by (endpoint) (increase(source_request_duration_seconds_count[5m]))";
    let (count, error_percent, seconds, counts) = tokio::join!(
        query::number(engine, total, now),
        query::number(engine, failed, now),
        query::vector(engine, seconds, now),
        query::vector(engine, counts, now),
    );
    let all_counts: f64 = counts.iter().map(|(_, count)| count).sum();
    let all_seconds: f64 = seconds.iter().map(|(_, seconds)| seconds).sum();
    Requests {
        count,
        error_percent,
        by_endpoint: response_times(&seconds, &counts),
        average_ms: (all_counts > 0.0).then(|| all_seconds * 1000.0 / all_counts),
    }
}

type Labelled = (model::LabelSet, f64);

fn response_times(seconds: &[Labelled], counts: &[Labelled]) -> Vec<(String, ResponseTimeDto)> {
    counts
        .iter()
        .filter(|(_, count)| *count > 0.0)
        .map(|(labels, count)| {
            let sum = seconds.iter().find(|(other, _)| other == labels).map(|(_, seconds)| seconds);
            let times = ResponseTimeDto {
                avg: sum.map(|seconds| seconds * 1000.0 / count),
                min: None,
                max: None,
                p95: None,
                count: Some(*count),
            };
            (labels.value("endpoint").to_owned(), times)
        })
        .collect()
}
