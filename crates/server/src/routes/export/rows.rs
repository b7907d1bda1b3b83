//! The rows of an export, a day of metrics at a time, newest first.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Alert, RecoveryRun, Timestamp};
use serde::Serialize;

use crate::app::Shared;
use crate::auth::Identity;
use crate::dto;
use crate::problem::Problem;
use crate::summary::{self, points};

/// Longer intervals are exported as they were sampled.
const STEP_MIN: Duration = Duration::from_secs(30);

const HOUR: Duration = Duration::from_secs(3600);

/// What is asked for and sent at a time: few questions to the store, little held in memory.
pub(super) const PIECE_HOURS: u32 = 24;

/// A file of a month is not asked for at the resolution of a day.
const ROWS_MAX: u32 = 20_000;

pub(super) struct Exporter {
    pub app: Shared,
    pub identity: Identity,
    pub hours: u32,
    pub now: Timestamp,
}

/// The values of one instant; those that were not measured are left out.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Row {
    pub timestamp: String,
    #[serde(flatten)]
    pub values: BTreeMap<&'static str, f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    System,
    Business,
    Performance,
}

impl Group {
    pub const ALL: [Group; 3] = [Group::System, Group::Business, Group::Performance];

    pub const fn as_str(self) -> &'static str {
        match self {
            Group::System => "system",
            Group::Business => "business",
            Group::Performance => "performance",
        }
    }

    /// Names of the contract with the queries behind them.
    fn columns(self, step: Duration) -> Vec<(&'static str, String)> {
        let rate = |name: &str| format!("sum(rate({name}[{}s]))", step.as_secs().max(120));
        match self {
            Group::System => vec![
                ("cpu_percent", summary::cpu(step)),
                ("memory_percent", summary::MEMORY.to_owned()),
                (
                    "disk_usage_percent",
                    "max(100 - 100 * node_filesystem_avail_bytes{mountpoint=\"/\"} \
                     / node_filesystem_size_bytes{mountpoint=\"/\"})"
                        .to_owned(),
                ),
                ("load_average_1m", "avg(node_load1)".to_owned()),
            ],
            Group::Business => vec![
                ("agent_utilization_percent", summary::UTILIZATION.to_owned()),
                ("total_agents", "sum(fleet_agents)".to_owned()),
                (
                    "active_agents",
                    "sum(fleet_agents{state=~\"working|waiting_human|waiting_provider\"})".to_owned(),
                ),
                ("idle_agents", "sum(fleet_agents{state=~\"idle|unknown\"})".to_owned()),
                ("stuck_agents", "sum(fleet_agents{state=~\"stalled|wedged|dead\"})".to_owned()),
                ("tasks_completed", "sum(agent_turns_total)".to_owned()),
            ],
            Group::Performance => vec![
                (
                    "average_source_response_ms",
                    format!(
                        "1000 * {} / {}",
                        rate("source_request_duration_seconds_sum"),
                        rate("source_request_duration_seconds_count")
                    ),
                ),
                ("source_requests_per_second", rate("source_requests_total")),
                ("own_memory_mb", "sum(process_resident_memory_bytes) / 1048576".to_owned()),
            ],
        }
    }
}

impl Exporter {
    pub fn new(app: Shared, identity: Identity, hours: u32) -> Self {
        let now = app.engines.clock.now();
        Self { app, identity, hours, now }
    }

    fn step(&self) -> Duration {
        let coarse = HOUR * self.hours / ROWS_MAX;
        // Whole seconds, so that rows of different pieces lie on one grid.
        Duration::from_secs(coarse.as_secs().max(STEP_MIN.as_secs()))
    }

    /// The rows of the piece that ended `ago` hours ago, newest first.
    pub async fn rows(&self, group: Group, ago: u32) -> Vec<Row> {
        let step = self.step();
        let end = self.now - HOUR * ago;
        // Both ends belong to a range: the older end belongs to the next piece.
        let start = self.now - HOUR * self.hours.min(ago + PIECE_HOURS) + step.min(HOUR);
        let mut rows: BTreeMap<Timestamp, BTreeMap<&'static str, f64>> = BTreeMap::new();
        for (name, query) in group.columns(step) {
            for (at, value) in points(&self.app.engines.promql, &query, start, end, step).await.0 {
                rows.entry(at).or_default().insert(name, value);
            }
        }
        rows.into_iter().rev().map(|(at, values)| Row { timestamp: dto::time(at), values }).collect()
    }

    fn start(&self) -> Timestamp {
        self.now - HOUR * self.hours
    }

    pub async fn alerts(&self) -> Result<Vec<Alert>, Problem> {
        let history = self.app.engines.alerts.history(self.start()).await;
        history.map_err(|error| Problem::internal("read the alerts", &error))
    }

    pub async fn runs(&self) -> Result<Vec<RecoveryRun>, Problem> {
        let runs = self.app.engines.state.runs_since(self.start()).await;
        runs.map_err(|error| Problem::internal("read the recovery runs", &error))
    }
}
