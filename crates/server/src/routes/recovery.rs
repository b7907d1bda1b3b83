//! Recovery actions on demand.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use model::{Outcome, RecoveryRun};

use crate::app::Shared;
use crate::auth::Identity;
use crate::dto::run::TriggeredDto;
use crate::dto::session::TriggerDto;
use crate::engines::TriggerFault;
use crate::problem::Problem;
use crate::summary;
use crate::wire::{OptionalBody, Peer};

pub(super) async fn trigger(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    peer: Peer,
    Path(action): Path<String>,
    OptionalBody(body): OptionalBody<TriggerDto>,
) -> Result<Json<TriggeredDto>, Problem> {
    let agent = match &body.agent {
        None => None,
        Some(name) => Some(app.engines.fleet.find(name).ok_or_else(|| {
            Problem::not_found(format!("No agent has the id, the session or the name `{name}`."))
        })?),
    };
    let actor = identity.actor();
    let agent = agent.map(|agent| agent.id.clone());
    let result = app.engines.health.trigger(&action, agent, &actor).await;
    let detail = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    summary::audit(&app, &identity, peer, "recovery.trigger", &action, &detail).await?;
    let runs = result.map_err(|fault| refusal(&action, fault))?;
    if let Some(reasons) = reasons_of_guards(&runs) {
        return Err(Problem::conflict(reasons));
    }
    Ok(Json(TriggeredDto {
        message: format!("Recovery action {action} triggered successfully"),
        runs: summary::runs_for(&runs, &identity),
    }))
}

/// When the guards let nothing of it be done: why.
fn reasons_of_guards(runs: &[RecoveryRun]) -> Option<String> {
    let is_refused = !runs.is_empty() && runs.iter().all(|run| run.outcome == Outcome::Skipped);
    let reason = |run: &RecoveryRun| match &run.agent_name {
        Some(name) => format!("{name}: {}", run.reason),
        None => run.reason.clone(),
    };
    is_refused.then(|| runs.iter().map(reason).collect::<Vec<_>>().join(" "))
}

fn refusal(action: &str, fault: TriggerFault) -> Problem {
    match fault {
        TriggerFault::UnknownAction => Problem::not_found(format!("There is no recovery action `{action}`.")),
        TriggerFault::UnknownAgent => Problem::not_found("There is no such agent any more."),
        TriggerFault::NotYet => Problem::not_yet(format!(
            "The recovery action `{action}` belongs to the contract and is not built yet; nothing was done."
        )),
        TriggerFault::Unavailable => Problem::unavailable(fault.to_string()),
        TriggerFault::Failed(error) => Problem::internal("run the recovery action", &error),
    }
}
