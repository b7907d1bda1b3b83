//! Alerts and their severities.

use serde::{Deserialize, Serialize};

use crate::{LabelSet, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// Worst first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    pub fn parse(text: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// The condition holds, not yet for long enough.
    Pending,
    Active,
    Acknowledged,
    Suppressed,
    Resolved,
}

impl AlertStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            AlertStatus::Pending => "pending",
            AlertStatus::Active => "active",
            AlertStatus::Acknowledged => "acknowledged",
            AlertStatus::Suppressed => "suppressed",
            AlertStatus::Resolved => "resolved",
        }
    }

    /// Fired and not over.
    pub const fn is_open(self) -> bool {
        matches!(self, AlertStatus::Active | AlertStatus::Acknowledged | AlertStatus::Suppressed)
    }
}

/// One breach of one rule by one set of labels, from its first sign to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// `<rule>_<epoch seconds>`, followed by `_<fingerprint>` when the rule looks at many things.
    pub id: String,
    pub rule: String,
    pub title: String,
    pub description: String,
    pub severity: Severity,
    pub status: AlertStatus,
    pub component: String,
    pub tags: Vec<String>,
    /// Without the metric's name; with the rule they are the alert's identity.
    pub labels: LabelSet,
    pub annotations: LabelSet,
    /// The value at the last evaluation.
    pub value: f64,
    pub threshold: Option<f64>,
    /// When the condition was first seen.
    pub pending_since: Timestamp,
    pub fired_at: Option<Timestamp>,
    pub last_updated: Timestamp,
    pub resolved_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
}
