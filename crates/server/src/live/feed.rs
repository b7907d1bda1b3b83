//! Listens to the engines and publishes what changed.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::select_all;
use runtime::{Shutdown, TaskError};
use serde::Serialize;

use crate::access::Permission;
use crate::app::{App, Shared};
use crate::dto::agent::{AgentDto, SourceDto};
use crate::dto::alert::AlertDto;
use crate::dto::fleet::FleetDto;
use crate::dto::health::HealthDto;
use crate::dto::host::HostDto;
use crate::dto::run::RunDto;
use crate::engines::Change;

/// Totals of the fleet are for eyes: no need to follow each token.
const FLEET_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Removed<'a> {
    id: &'a str,
}

/// Runs until the shutdown begins; a supervised task.
pub(crate) async fn run(app: Shared, shutdown: Shutdown) -> Result<(), TaskError> {
    let engines = &app.engines;
    let mut changes =
        select_all([engines.fleet.changes(), engines.alerts.changes(), engines.health.changes()]);
    let mut host = engines.host.clone();
    host.mark_unchanged();
    let mut host_ended = false;
    let mut fleet: Option<FleetDto> = None;
    // What happened between an earlier run of this task and now is not known.
    app.hub.start_again();
    let mut next_fleet = engines.clock.monotonic();
    loop {
        let pause = next_fleet.saturating_sub(engines.clock.monotonic());
        tokio::select! {
            () = shutdown.begun() => return Ok(()),
            change = changes.next() => match change {
                Some(change) => publish(&app, &change),
                None => return Err("every engine stopped telling of changes".into()),
            },
            changed = host.changed(), if !host_ended => match changed {
                Ok(()) => publish_host(&app, &mut host),
                // The sampler is gone for good; the last reading stays.
                Err(_) => host_ended = true,
            },
            () = engines.clock.sleep(pause) => {
                next_fleet = engines.clock.monotonic() + FLEET_INTERVAL;
                publish_fleet(&app, &mut fleet).await;
            }
        }
    }
}

fn publish(app: &App, change: &Change) {
    let hub = &app.hub;
    match change {
        Change::Agent(agent) => {
            let full = AgentDto::from(agent.as_ref());
            let reduced = json(&full.clone().without_content());
            hub.publish("agent", Permission::View, &json(&full), Some(&reduced));
        }
        Change::AgentRemoved(id) => {
            hub.publish("agent_removed", Permission::View, &json(&Removed { id: id.as_str() }), None);
        }
        Change::Source(source) => {
            hub.publish("source", Permission::View, &json(&SourceDto::from(source)), None);
        }
        Change::Alert(alert) => {
            hub.publish("alert", Permission::Alerts, &json(&AlertDto::from(alert.as_ref())), None);
        }
        Change::Run(run) => {
            let full = RunDto::from(run.as_ref());
            let reduced = json(&full.clone().without_content());
            hub.publish("run", Permission::View, &json(&full), Some(&reduced));
        }
        Change::Health(summary) => {
            hub.publish("health", Permission::View, &json(&HealthDto::from(summary.as_ref())), None);
        }
        Change::Missed(count) => {
            tracing::warn!(count, "changes came faster than they could be shown");
            metrics::counter!("watchkeeper_live_changes_missed_total").increment(*count);
            hub.start_again();
        }
    }
}

fn publish_host(app: &App, host: &mut tokio::sync::watch::Receiver<crate::engines::HostReading>) {
    let reading = host.borrow_and_update().clone();
    if let Some(snapshot) = reading {
        app.hub.publish("host", Permission::Metrics, &json(&HostDto::new(&snapshot, app.started)), None);
    }
}

async fn publish_fleet(app: &App, last: &mut Option<FleetDto>) {
    let engines = &app.engines;
    let (agents, sources) = (engines.fleet.agents(), engines.fleet.sources());
    let fleet = app.measures.fleet(engines, &agents, &sources).await;
    if last.as_ref() != Some(&fleet) {
        app.hub.publish("fleet", Permission::View, &json(&fleet), None);
        *last = Some(fleet);
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> String {
    // Our DTOs have string keys and finite numbers: there is nothing that cannot be JSON.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
