//! Starting everything, and the handle that the rest of the program holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use host::HostSnapshot;
use model::{AgentId, HealthSummary, RecoveryRun, Timestamp, Verdict};
use parking_lot::Mutex;
use runtime::{SharedClock, Supervisor};
use state::State;
use storage::Store;
use tokio::sync::{broadcast, watch};

use crate::board::Board;
use crate::checks::{self, Surroundings};
use crate::engine::{CHECKS_TASK, Engine};
use crate::probes::Web;
use crate::recovery::{RECOVERY_TASK, Reconciler, Recovery, RecoveryParts};
use crate::{AgentFleet, HealthSettings, TriggerError, dependencies};

/// Listeners that fall further behind than this miss events; the summary has the latest.
const EVENTS_MAX: usize = 256;

/// What health works with.
#[derive(Clone)]
pub struct HealthParts {
    pub clock: SharedClock,
    pub state: State,
    pub store: Arc<dyn Store>,
    pub fleet: Arc<dyn AgentFleet>,
    /// Of the host sampler.
    pub host: watch::Receiver<Option<Arc<HostSnapshot>>>,
    pub supervisor: Supervisor,
}

impl std::fmt::Debug for HealthParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthParts").finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("failed to make the client that asks addresses")]
    Client(#[source] reqwest::Error),
}

#[derive(Clone, Debug)]
pub enum HealthEvent {
    /// A round of checks has ended.
    Checked(HealthSummary),
    /// A recovery run began, took a step or ended.
    Run(RecoveryRun),
}

/// The running checks and recovery. Clones share them.
#[derive(Clone)]
pub struct Health {
    auto_recovery: bool,
    board: Arc<Mutex<Board>>,
    events: broadcast::Sender<HealthEvent>,
    recovery: Recovery,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("auto_recovery", &self.auto_recovery).finish_non_exhaustive()
    }
}

impl Health {
    /// Starts the checks and the recovery as supervised tasks.
    pub fn start(settings: HealthSettings, parts: HealthParts) -> Result<Health, StartError> {
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let engine = engine(&settings, &parts, events.clone())?;
        let board = engine.board.clone();
        parts.supervisor.spawn(CHECKS_TASK, move |shutdown| engine.clone().run(shutdown));

        let (recovery, reconciler) = Reconciler::new(
            settings.recovery,
            settings.auto_recovery,
            RecoveryParts {
                clock: parts.clock,
                fleet: parts.fleet,
                book: Arc::new(parts.state),
                events: events.clone(),
            },
        );
        parts.supervisor.spawn(RECOVERY_TASK, move |shutdown| reconciler.clone().run(shutdown));
        Ok(Health { auto_recovery: settings.auto_recovery, board, events, recovery })
    }

    /// The last result of every check and dependency.
    pub fn summary(&self) -> HealthSummary {
        self.board.lock().summary(self.auto_recovery)
    }

    pub fn subscribe(&self) -> broadcast::Receiver<HealthEvent> {
        self.events.subscribe()
    }

    /// How often each verdict was given since `start`; all verdicts, zero included.
    pub fn check_history_counts(&self, start: Timestamp) -> BTreeMap<Verdict, u64> {
        self.board.lock().counts_since(start)
    }

    /// Does a recovery action on behalf of `actor`: on one agent, or on all that need it.
    /// Returns the runs with their outcomes; they go on when the caller stops waiting.
    pub async fn trigger(
        &self,
        action: &str,
        agent: Option<AgentId>,
        actor: &str,
    ) -> Result<Vec<RecoveryRun>, TriggerError> {
        self.recovery.trigger(action, agent, actor).await
    }

    /// A stuck agent appeared: look now and not at the next tick.
    pub fn nudge(&self) {
        self.recovery.nudge();
    }
}

fn engine(
    settings: &HealthSettings,
    parts: &HealthParts,
    events: broadcast::Sender<HealthEvent>,
) -> Result<Engine, StartError> {
    let around = Arc::new(Surroundings {
        settings: Arc::new(settings.clone()),
        clock: parts.clock.clone(),
        started: parts.clock.monotonic(),
        host: parts.host.clone(),
        state: parts.state.clone(),
        store: parts.store.clone(),
        fleet: parts.fleet.clone(),
        supervisor: parts.supervisor.clone(),
        web: Web::new().map_err(StartError::Client)?,
    });
    let checks = checks::all(&around);
    let dependencies = dependencies::all(&around);
    Ok(Engine {
        interval: settings.interval,
        timeout: settings.check_timeout,
        first_after: settings.first_after,
        auto_recovery: settings.auto_recovery,
        clock: parts.clock.clone(),
        state: parts.state.clone(),
        store: parts.store.clone(),
        board: Arc::new(Mutex::new(Board::new(checks.len(), dependencies.len()))),
        checks,
        dependencies,
        events,
    })
}
