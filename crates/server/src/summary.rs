//! What several endpoints tell, put together from the engines.
//!
//! [`Measures`] keeps what is computed from the store for a few seconds, so that the cost
//! of a request depends on neither the number of callers nor the amount of telemetry.

mod kept;
mod measures;
mod metrics;
mod observability;
mod performance;
mod query;

pub(crate) use kept::Kept;
pub(crate) use measures::Measures;
pub(crate) use metrics::metrics;
pub(crate) use performance::{MEMORY, UTILIZATION, cpu};
pub(crate) use query::points;

use std::collections::BTreeMap;

use model::{Agent, Alert, AlertStatus, RecoveryRun, Severity};
use state::NewAuditEntry;

use crate::app::Shared;
use crate::auth::Identity;
use crate::dto::agent::AgentDto;
use crate::dto::alert::AlertStatsDto;
use crate::dto::run::RunDto;
use crate::engines::Engines;
use crate::problem::Problem;
use crate::wire::Peer;

/// An agent as this caller may see it.
pub(crate) fn agent_for(agent: &Agent, identity: &Identity) -> AgentDto {
    let dto = AgentDto::from(agent);
    if identity.sees_content() { dto } else { dto.without_content() }
}

/// Runs as this caller may see them.
pub(crate) fn runs_for(runs: &[RecoveryRun], identity: &Identity) -> Vec<RunDto> {
    let runs = runs.iter().map(RunDto::from);
    if identity.sees_content() { runs.collect() } else { runs.map(RunDto::without_content).collect() }
}

pub(crate) fn alert_statistics(engines: &Engines, open: &[Alert], history: &[Alert]) -> AlertStatsDto {
    let rules = engines.alerts.rule_counts();
    let receivers = engines.alerts.receivers();
    let mut severities: BTreeMap<&'static str, u64> =
        Severity::ALL.into_iter().map(|severity| (severity.as_str(), 0)).collect();
    for alert in open {
        *severities.entry(alert.severity.as_str()).or_default() += 1;
    }
    let mut statuses: BTreeMap<&'static str, u64> =
        [AlertStatus::Active, AlertStatus::Acknowledged, AlertStatus::Suppressed, AlertStatus::Resolved]
            .into_iter()
            .map(|status| (status.as_str(), 0))
            .collect();
    for alert in history {
        *statuses.entry(alert.status.as_str()).or_default() += 1;
    }
    AlertStatsDto {
        active_alerts: open.len() as u64,
        total_rules: rules.total,
        enabled_rules: rules.enabled,
        notification_channels: receivers.len() as u64,
        enabled_channels: receivers.iter().filter(|receiver| receiver.enabled).count() as u64,
        severity_distribution: severities,
        status_distribution: statuses,
        // There are no escalations and no correlations yet: none can be active.
        escalation_timers_active: 0,
        correlations_active: 0,
    }
}

/// Writes down who asked for what; an empty `detail` means that it was done.
pub(crate) async fn audit(
    app: &Shared,
    identity: &Identity,
    peer: Peer,
    action: &str,
    target: &str,
    detail: &str,
) -> Result<(), Problem> {
    let entry = NewAuditEntry {
        actor: identity.actor(),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: if detail.is_empty() { "ok" } else { "refused" }.to_owned(),
        address: Some(peer.address().to_string()),
        detail: detail.to_owned(),
    };
    app.engines.state.audit(&entry).await.map_err(|error| Problem::internal("write the audit log", &error))
}
