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

use model::{Agent, RecoveryRun};
use state::NewAuditEntry;

use crate::app::Shared;
use crate::auth::Identity;
use crate::dto::agent::AgentDto;
use crate::dto::run::RunDto;
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
