//! Averages and trends over hours, computed from the store.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Severity, Timestamp, Verdict};

use super::query::{self, Points};
use crate::dto::metrics::{BusinessSummaryDto, MetricsSummaryDto, PerformanceReportDto, SystemSummaryDto};
use crate::engines::{DeskError, Engines};

/// Points of a report: enough for an honest maximum, few enough to be quick.
const POINTS: u32 = 480;
const STEP_MIN: Duration = Duration::from_secs(30);

/// How long a rate looks back: four samples at the default interval.
const WINDOW_MIN_SECONDS: u64 = 120;

pub(crate) const MEMORY: &str =
    "avg(100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes))";
pub(crate) const UTILIZATION: &str = "avg(fleet_utilization_percent)";

/// Busy is what is neither idle nor waiting for a disk. `window` bridges the steps, so that
/// no sample is passed over.
pub(crate) fn cpu(step: Duration) -> String {
    let window = step.as_secs().max(WINDOW_MIN_SECONDS);
    format!(
        "100 * (1 - sum(rate(node_cpu_seconds_total{{mode=~\"idle|iowait\"}}[{window}s])) \
         / sum(rate(node_cpu_seconds_total[{window}s])))"
    )
}

pub(super) async fn report(engines: &Engines, hours: u32) -> Result<PerformanceReportDto, DeskError> {
    let now = engines.clock.now();
    let length = Duration::from_secs(u64::from(hours) * 3600);
    let start = now - length;
    let step = (length / POINTS).max(STEP_MIN);
    let over = |text: &str| {
        let text = text.to_owned();
        async move { query::points(&engines.promql, &text, start, now, step).await }
    };
    let turns = format!("sum(increase(agent_turns_total[{hours}h]))");
    let cpu = cpu(step);
    let (cpu, memory, utilization, turns) = tokio::join!(
        over(&cpu),
        over(MEMORY),
        over(UTILIZATION),
        query::number(&engines.promql, &turns, now)
    );
    Ok(PerformanceReportDto {
        metrics_summary: MetricsSummaryDto {
            period_hours: hours,
            system_summary: system(&cpu, &memory),
            business_summary: business(&utilization, turns),
            performance_summary: BTreeMap::new(),
        },
        performance_profiles: BTreeMap::new(),
        health_trends: health_trends(engines, start),
        alert_trends: alert_trends(engines, start).await?,
    })
}

fn system(cpu: &Points, memory: &Points) -> SystemSummaryDto {
    SystemSummaryDto {
        avg_cpu_percent: cpu.average(),
        max_cpu_percent: cpu.maximum(),
        avg_memory_percent: memory.average(),
        max_memory_percent: memory.maximum(),
        data_points: cpu.0.len().max(memory.0.len()) as u64,
    }
}

fn business(utilization: &Points, turns: Option<f64>) -> BusinessSummaryDto {
    BusinessSummaryDto {
        avg_agent_utilization: utilization.average(),
        max_agent_utilization: utilization.maximum(),
        // A turn is counted when it ends; what was assigned and never ended is not known.
        total_tasks_assigned: None,
        total_tasks_completed: turns,
        data_points: utilization.0.len() as u64,
    }
}

fn health_trends(engines: &Engines, start: Timestamp) -> BTreeMap<&'static str, u64> {
    let counts = engines.health.check_counts(start);
    Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict.as_str(), counts.get(&verdict).copied().unwrap_or(0)))
        .collect()
}

async fn alert_trends(engines: &Engines, start: Timestamp) -> Result<BTreeMap<&'static str, u64>, DeskError> {
    let mut trends: BTreeMap<&'static str, u64> =
        Severity::ALL.into_iter().map(|severity| (severity.as_str(), 0)).collect();
    for alert in engines.alerts.history(start).await? {
        *trends.entry(alert.severity.as_str()).or_default() += 1;
    }
    Ok(trends)
}
