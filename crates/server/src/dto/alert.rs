//! Alerts in the contract's shape, with the receivers that are told of them.

use std::collections::BTreeMap;

use alerting::{AlertStatistics, ReceiverView};
use model::{Alert, LabelSet, Severity};
use serde::Serialize;
use utoipa::ToSchema;

use super::{finite, optional_time, time};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertDto {
    pub id: String,
    pub title: String,
    pub description: String,
    pub severity: &'static str,
    pub status: &'static str,
    /// A constant of the contract.
    pub source: &'static str,
    pub component: String,
    pub timestamp: String,
    pub tags: Vec<String>,
    pub metadata: AlertMetadataDto,
    pub escalation_level: u32,
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<String>,
    pub resolved_at: Option<String>,
    pub suppressed_until: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertMetadataDto {
    pub rule_id: String,
    pub threshold: Option<f64>,
    pub value: Option<f64>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    pub last_updated: String,
}

impl From<&Alert> for AlertDto {
    fn from(alert: &Alert) -> Self {
        Self {
            id: alert.id.clone(),
            title: alert.title.clone(),
            description: alert.description.clone(),
            severity: alert.severity.as_str(),
            status: alert.status.as_str(),
            source: "monitoring_system",
            component: alert.component.clone(),
            timestamp: time(alert.fired_at.unwrap_or(alert.pending_since)),
            tags: alert.tags.clone(),
            metadata: AlertMetadataDto {
                rule_id: alert.rule.clone(),
                threshold: alert.threshold.and_then(finite),
                value: finite(alert.value),
                labels: pairs(&alert.labels),
                annotations: pairs(&alert.annotations),
                agent: alert.labels.get("agent").map(str::to_owned),
                last_updated: time(alert.last_updated),
            },
            escalation_level: 0,
            acknowledged_by: alert.acknowledged_by.clone(),
            acknowledged_at: optional_time(alert.acknowledged_at),
            resolved_at: optional_time(alert.resolved_at),
            suppressed_until: None,
        }
    }
}

pub(crate) fn pairs(labels: &LabelSet) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Counts over rules, alerts and receivers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertStatsDto {
    pub active_alerts: u64,
    pub total_rules: u64,
    pub enabled_rules: u64,
    pub notification_channels: u64,
    pub enabled_channels: u64,
    /// Of open alerts.
    pub severity_distribution: BTreeMap<&'static str, u64>,
    /// Of the alerts of the last 24 hours.
    pub status_distribution: BTreeMap<&'static str, u64>,
    pub escalation_timers_active: u64,
    pub correlations_active: u64,
}

impl From<&AlertStatistics> for AlertStatsDto {
    fn from(statistics: &AlertStatistics) -> Self {
        Self {
            active_alerts: statistics.active_alerts as u64,
            total_rules: statistics.total_rules as u64,
            enabled_rules: statistics.enabled_rules as u64,
            notification_channels: statistics.notification_channels as u64,
            enabled_channels: statistics.enabled_channels as u64,
            severity_distribution: statistics
                .severity_distribution
                .iter()
                .map(|(severity, count)| (severity.as_str(), *count as u64))
                .collect(),
            status_distribution: statistics
                .status_distribution
                .iter()
                .map(|(status, count)| (*status, *count as u64))
                .collect(),
            escalation_timers_active: statistics.escalation_timers_active as u64,
            correlations_active: statistics.correlations_active as u64,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertsDto {
    pub active_alerts: Vec<AlertDto>,
    /// The last 24 hours, newest first, with the open ones.
    pub alert_history: Vec<AlertDto>,
    pub statistics: AlertStatsDto,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AcknowledgedDto {
    pub message: String,
    pub alert: AlertDto,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiverDto {
    pub id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub enabled: bool,
    /// Severities that it is told of.
    pub severity_filter: Vec<&'static str>,
    pub last_receipt: Option<ReceiptDto>,
}

impl From<&ReceiverView> for ReceiverDto {
    fn from(receiver: &ReceiverView) -> Self {
        let severities = receiver.severities.as_deref().unwrap_or(&Severity::ALL);
        Self {
            id: receiver.id.clone(),
            name: receiver.name.clone(),
            kind: receiver.kind,
            enabled: receiver.enabled,
            severity_filter: severities.iter().map(|severity| severity.as_str()).collect(),
            last_receipt: receiver.last_receipt.as_ref().map(ReceiptDto::from),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiversDto {
    pub receivers: Vec<ReceiverDto>,
}

/// What came of one attempt to tell a receiver.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptDto {
    pub id: i64,
    pub notification: i64,
    pub receiver: String,
    pub alert_id: String,
    /// `firing`, `resolved` or `test`.
    pub transition: &'static str,
    pub attempt: u32,
    pub at: String,
    /// `accepted`, `retry`, `gave_up` or `cancelled`.
    pub outcome: &'static str,
    /// The receiver's HTTP or SMTP status.
    pub status: Option<u16>,
    /// The head of the receiver's answer, or why there was none.
    pub reply: String,
}

impl From<&state::Receipt> for ReceiptDto {
    fn from(receipt: &state::Receipt) -> Self {
        Self {
            id: receipt.id,
            notification: receipt.notification,
            receiver: receipt.receiver.clone(),
            alert_id: receipt.alert_id.clone(),
            transition: receipt.transition.as_str(),
            attempt: receipt.attempt,
            at: time(receipt.at),
            outcome: receipt.outcome.as_str(),
            status: receipt.status,
            reply: receipt.reply.clone(),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptsDto {
    pub receipts: Vec<ReceiptDto>,
}
