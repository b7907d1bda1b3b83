//! Verdicts of health checks and dependency probes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Ordered by how bad it is, so that the worst of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Healthy,
    /// Could not be judged; better than a fault, worse than well.
    Unknown,
    Degraded,
    Unhealthy,
    Critical,
}

impl Verdict {
    pub const ALL: [Verdict; 5] =
        [Verdict::Healthy, Verdict::Degraded, Verdict::Unhealthy, Verdict::Critical, Verdict::Unknown];

    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Healthy => "healthy",
            Verdict::Unknown => "unknown",
            Verdict::Degraded => "degraded",
            Verdict::Unhealthy => "unhealthy",
            Verdict::Critical => "critical",
        }
    }
}

/// A measured detail behind a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    Flag(bool),
    Count(i64),
    Number(f64),
    Text(String),
    List(Vec<Fact>),
}

pub type Facts = BTreeMap<String, Fact>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check's name, for example `system_resources`.
    pub component: String,
    pub verdict: Verdict,
    /// The reason, in words for a person.
    pub message: String,
    pub took: Duration,
    pub at: Timestamp,
    pub details: Facts,
    /// Names of checks that this one rests on.
    pub depends_on: Vec<String>,
    /// Names of recovery actions that may help.
    pub recovery_actions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependencyKind {
    Database,
    FileSystem,
    Api,
    Service,
}

impl DependencyKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            DependencyKind::Database => "database",
            DependencyKind::FileSystem => "file_system",
            DependencyKind::Api => "api",
            DependencyKind::Service => "service",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DependencyResult {
    pub name: String,
    pub kind: DependencyKind,
    pub target: String,
    pub verdict: Verdict,
    pub message: String,
    pub at: Timestamp,
    pub took: Duration,
    pub error_count: u64,
    pub consecutive_failures: u64,
}

/// The last result of everything, and the worst of the checks.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthSummary {
    pub verdict: Verdict,
    pub message: String,
    /// None before the first check has ended.
    pub last_check: Option<Timestamp>,
    pub checks: Vec<CheckResult>,
    pub dependencies: Vec<DependencyResult>,
    pub auto_recovery: bool,
    pub recovery_runs: u64,
}
