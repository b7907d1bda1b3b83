//! Agents: the list, one of them in full, and what can be done to it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use model::{Agent, Matcher, TimeRange, Timestamp};
use storage::{LogQuery, Order};

use crate::access::Permission;
use crate::app::Shared;
use crate::auth::Identity;
use crate::dto;
use crate::dto::agent::{SourceDto, TotalsDto};
use crate::dto::fleet::AgentsDto;
use crate::dto::health::check_of_agent;
use crate::dto::log::{LogDto, ObservabilityDto, ObservabilitySummaryDto};
use crate::dto::session::{DoneDto, PermissionReplyDto, PromptDto, ReplyDto};
use crate::dto::status::AgentReportDto;
use crate::engines::{ControlFault, PermissionAnswer};
use crate::problem::Problem;
use crate::summary;
use crate::wire::{Body, Peer};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Log records shown with an agent; the newest are the interesting ones.
const LOGS_SHOWN: usize = 200;

/// Log records counted; beyond it the count says that there are more.
const LOGS_COUNTED: usize = 5_000;

/// OpenCode takes long prompts, but this one is typed by a person.
const PROMPT_BYTES_MAX: usize = 64 * 1024;

pub(super) async fn list(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
) -> Json<AgentsDto> {
    let agents = app.engines.fleet.agents();
    let sources = app.engines.fleet.sources();
    Json(AgentsDto {
        agents: agents.iter().map(|agent| summary::agent_for(agent, &identity)).collect(),
        sources: sources.iter().map(SourceDto::from).collect(),
        fleet: app.measures.fleet(&app.engines, &agents, &sources).await,
        timestamp: dto::time(app.engines.clock.now()),
    })
}

fn find(app: &Shared, name: &str) -> Result<Arc<Agent>, Problem> {
    app.engines
        .fleet
        .find(name)
        .ok_or_else(|| Problem::not_found(format!("No agent has the id, the session or the name `{name}`.")))
}

pub(super) async fn one(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
) -> Result<Json<AgentReportDto>, Problem> {
    let agent = find(&app, &name)?;
    let now = app.engines.clock.now();
    let runs = app
        .engines
        .state
        .runs_of_agent(&agent.id, now - DAY)
        .await
        .map_err(|error| Problem::internal("read the recovery runs", &error))?;
    let mut health = check_of_agent(&agent, now);
    if !identity.sees_content() {
        health.message = format!("{} is {}.", agent.name, agent.status.state.as_str());
    }
    Ok(Json(AgentReportDto {
        health,
        observability: observability(&app, &agent, &identity, now).await?,
        metrics: TotalsDto::from(&agent.totals),
        recovery_history: summary::runs_for(&runs, &identity),
        agent: summary::agent_for(&agent, &identity),
    }))
}

async fn observability(
    app: &Shared,
    agent: &Agent,
    identity: &Identity,
    now: Timestamp,
) -> Result<ObservabilityDto, Problem> {
    let mut observability = ObservabilityDto {
        correlation_id: None,
        trace_id: None,
        period_hours: 24,
        logs: None,
        summary: ObservabilitySummaryDto { logs_count: None, logs_truncated: false },
    };
    if !identity.may(Permission::Logs) {
        return Ok(observability);
    }
    let query = LogQuery {
        stream: vec![Matcher::equal("agent", agent.id.as_str())],
        order: Order::NewestFirst,
        limit: LOGS_COUNTED,
        ..LogQuery::of(TimeRange::ending_at(now, DAY))
    };
    let records = app
        .engines
        .store
        .search_logs(&query)
        .await
        .map_err(|error| Problem::internal("search the logs", &error))?;
    observability.logs = Some(records.iter().take(LOGS_SHOWN).map(LogDto::from).collect());
    observability.summary = ObservabilitySummaryDto {
        logs_count: Some(records.len() as u64),
        logs_truncated: records.len() == LOGS_COUNTED,
    };
    Ok(observability)
}

pub(super) async fn abort(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    peer: Peer,
    Path(name): Path<String>,
) -> Result<Json<DoneDto>, Problem> {
    let agent = find(&app, &name)?;
    let result = app.engines.fleet.abort(&agent.id).await;
    concluded(&app, &identity, peer, "agent.abort", &agent, result).await?;
    Ok(Json(DoneDto { message: format!("Agent {} aborted", agent.name) }))
}

pub(super) async fn prompt(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    peer: Peer,
    Path(name): Path<String>,
    Body(prompt): Body<PromptDto>,
) -> Result<Json<DoneDto>, Problem> {
    if prompt.text.trim().is_empty() || prompt.text.len() > PROMPT_BYTES_MAX {
        let detail = format!("must have 1 to {PROMPT_BYTES_MAX} bytes");
        return Err(Problem::bad_field("/text", detail));
    }
    let agent = find(&app, &name)?;
    let result = app.engines.fleet.prompt(&agent.id, &prompt.text).await;
    concluded(&app, &identity, peer, "agent.prompt", &agent, result).await?;
    Ok(Json(DoneDto { message: format!("Agent {} prompted", agent.name) }))
}

pub(super) async fn reply(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    peer: Peer,
    Path((name, request)): Path<(String, String)>,
    Body(reply): Body<ReplyDto>,
) -> Result<Json<DoneDto>, Problem> {
    let agent = find(&app, &name)?;
    let (answer, action) = match reply.reply {
        PermissionReplyDto::Once => (PermissionAnswer::Once, "agent.allow"),
        PermissionReplyDto::Reject => (PermissionAnswer::Reject, "agent.reject"),
    };
    let result = app.engines.fleet.reply_permission(&agent.id, &request, answer).await;
    concluded(&app, &identity, peer, action, &agent, result).await?;
    Ok(Json(DoneDto { message: format!("Agent {} answered", agent.name) }))
}

/// Writes down what came of it before the caller is told.
async fn concluded(
    app: &Shared,
    identity: &Identity,
    peer: Peer,
    action: &str,
    agent: &Agent,
    result: Result<(), ControlFault>,
) -> Result<(), Problem> {
    let detail = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    summary::audit(app, identity, peer, action, agent.id.as_str(), &detail).await?;
    result.map_err(|fault| match fault {
        ControlFault::Unknown(_) => Problem::not_found(fault.to_string()),
        ControlFault::Refused(_) => Problem::bad_request(fault.to_string()),
        ControlFault::NotNow(_) => Problem::conflict(fault.to_string()),
        ControlFault::Failed(_) => {
            Problem::new(axum::http::StatusCode::BAD_GATEWAY, "source-failed", fault.to_string())
        }
    })
}
