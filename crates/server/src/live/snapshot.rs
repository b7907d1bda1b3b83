//! Everything that a page begins with.

use std::time::Duration;

use serde::Serialize;
use state::StateError;

use crate::access::Permission;
use crate::app::App;
use crate::auth::Identity;
use crate::dto;
use crate::dto::agent::{AgentDto, SourceDto};
use crate::dto::alert::AlertDto;
use crate::dto::fleet::FleetDto;
use crate::dto::health::HealthDto;
use crate::dto::host::HostDto;
use crate::dto::run::RunDto;
use crate::summary;

/// Newer runs than these come as events; older ones are a page of their own.
const RUNS_MAX: usize = 50;

#[derive(Serialize)]
pub(super) struct Snapshot {
    now: String,
    agents: Vec<AgentDto>,
    sources: Vec<SourceDto>,
    /// Empty without the permission `alerts`.
    alerts: Vec<AlertDto>,
    recovery: Vec<RunDto>,
    health: HealthDto,
    host: Option<HostDto>,
    fleet: FleetDto,
}

pub(super) async fn take(app: &App, identity: &Identity) -> Result<Snapshot, StateError> {
    let engines = &app.engines;
    let now = engines.clock.now();
    let mut runs = engines.state.runs_since(now - Duration::from_secs(24 * 3600)).await?;
    runs.truncate(RUNS_MAX);
    let agents = engines.fleet.agents();
    let sources = engines.fleet.sources();
    let alerts = if identity.may(Permission::Alerts) { engines.alerts.open() } else { Vec::new() };
    let reading = engines.host.borrow().clone().filter(|_| identity.may(Permission::Metrics));
    Ok(Snapshot {
        now: dto::time(now),
        agents: agents.iter().map(|agent| summary::agent_for(agent, identity)).collect(),
        sources: sources.iter().map(SourceDto::from).collect(),
        alerts: alerts.iter().map(AlertDto::from).collect(),
        recovery: summary::runs_for(&runs, identity),
        health: HealthDto::from(&engines.health.summary()),
        host: reading.as_deref().map(|reading| HostDto::new(reading, app.started)),
        fleet: app.measures.fleet(engines, &agents, &sources).await,
    })
}
