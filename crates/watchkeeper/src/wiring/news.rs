//! Carries news between neighbours: when an agent's state changes, alerting evaluates the
//! rules that read it and recovery looks at it, without waiting for their next tick.

use alerting::Alerting;
use fleet::{Fleet, FleetEvent};
use health::Health;
use runtime::Supervisor;
use tokio::sync::broadcast::error::RecvError;

/// What the fleet has written into the store by the time it tells of a change of state.
const METRICS_OF_A_TRANSITION: [&str; 5] = [
    "agent_state",
    "agent_stuck_duration_minutes",
    "agent_state_seconds_total",
    "fleet_agents",
    "fleet_utilization_percent",
];

pub fn carry(supervisor: &Supervisor, fleet: Fleet, alerting: Alerting, health: Health) {
    supervisor.spawn("news of agents", move |shutdown| {
        let (mut events, alerting, health) = (fleet.subscribe(), alerting.clone(), health.clone());
        async move {
            while let Some(event) = shutdown.or(events.recv()).await {
                match event {
                    // After a gap it is not known what changed: look at everything.
                    Ok(FleetEvent::Transition(_)) | Err(RecvError::Lagged(_)) => {
                        alerting.nudge(&METRICS_OF_A_TRANSITION);
                        health.nudge();
                    }
                    Ok(_) => {}
                    Err(RecvError::Closed) => return Err("the fleet tells nothing any more".into()),
                }
            }
            Ok(())
        }
    });
}
