//! The fleet: starts the connectors, answers for the agents.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Agent, AgentId, SourceStatus};
use runtime::{SharedClock, Supervisor};
use state::State;
use storage::Appender;
use tokio::sync::{Mutex, broadcast, mpsc};

use crate::control::{ControlError, Hands};
use crate::opencode::Client;
use crate::opencode::connector::{Connector, ConnectorParts, Standing};
use crate::publish::{FleetEvent, Publisher};
use crate::settings::{FleetSettings, OpenCodeSource};

/// Re-reads that wait for one connector. Callers beyond wait for room.
const REFRESHES: usize = 64;

/// What the fleet works with.
pub struct FleetParts {
    pub clock: SharedClock,
    pub store: Arc<dyn Appender>,
    pub state: State,
    pub supervisor: Supervisor,
}

impl std::fmt::Debug for FleetParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FleetParts").finish_non_exhaustive()
    }
}

/// All agents of all sources. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fleet {
    publisher: Arc<Publisher>,
    /// By name of the source.
    hands: Arc<HashMap<String, Hands>>,
}

impl Fleet {
    /// Starts one connector per source and the writer of metrics, as supervised tasks.
    pub fn start(settings: FleetSettings, parts: FleetParts) -> Fleet {
        let FleetParts { clock, store, state, supervisor } = parts;
        let publisher = Arc::new(Publisher::new(clock.clone(), store, state));
        let mut hands = HashMap::new();
        for (source, is_quiet) in sources(&settings) {
            let client = match Client::new(&source, settings.pace.clone(), clock.clone()) {
                Ok(client) => Arc::new(client),
                Err(error) => {
                    let error = error.explained();
                    tracing::error!(source = source.name, error, "no HTTP client could be made for a source");
                    continue;
                }
            };
            if !is_quiet {
                let standing = Standing::new(&source.name, &client.address(), clock.now());
                publisher.place_source(standing.status(), client.clone());
            }
            let (refreshes, queue) = mpsc::channel(REFRESHES);
            let connector = ConnectorParts {
                client: client.clone(),
                publisher: publisher.clone(),
                clock: clock.clone(),
                refreshes: Arc::new(Mutex::new(queue)),
            };
            hands.insert(source.name.clone(), Hands { client, refreshes });
            let settings = settings.clone();
            supervisor.spawn(task_name(&source), move |shutdown| {
                let (source, settings, parts) = (source.clone(), settings.clone(), connector.clone());
                async move { Connector::new(source, settings, parts, is_quiet).await.run(shutdown).await }
            });
        }
        let (writer, interval) = (publisher.clone(), settings.metrics_interval);
        supervisor.spawn("fleet metrics", move |shutdown| writer.clone().write_metrics(interval, shutdown));
        Fleet { publisher, hands: Arc::new(hands) }
    }

    /// In order of their ids.
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.publisher.agents()
    }

    pub fn agent(&self, id: &AgentId) -> Option<Arc<Agent>> {
        self.publisher.agent(id)
    }

    /// By id, by its own session's id, or by a name that only one agent has.
    pub fn find(&self, name: &str) -> Option<Arc<Agent>> {
        if let Some(agent) = self.agent(&AgentId::new(name)) {
            return Some(agent);
        }
        let agents = self.agents();
        let only = |matches: &dyn Fn(&Agent) -> bool| {
            let mut found = agents.iter().filter(|agent| matches(agent));
            found.next().filter(|_| found.next().is_none()).cloned()
        };
        only(&|agent| agent.session == name).or_else(|| only(&|agent| agent.name == name))
    }

    /// In order of their names. One that was not configured is here once it was found.
    pub fn sources(&self) -> Vec<SourceStatus> {
        self.publisher.sources()
    }

    /// Events from now on. A reader that falls behind by some thousand loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<FleetEvent> {
        self.publisher.subscribe()
    }

    pub(crate) fn reach(&self, id: &AgentId) -> Result<(Arc<Agent>, &Hands), ControlError> {
        let unknown = || ControlError::UnknownAgent(id.clone());
        let agent = self.agent(id).ok_or_else(unknown)?;
        let hands = self.hands.get(&agent.source).ok_or_else(unknown)?;
        Ok((agent, hands))
    }
}

/// The configured sources, and quietly the default place when nobody configured it.
fn sources(settings: &FleetSettings) -> Vec<(OpenCodeSource, bool)> {
    let mut sources: Vec<_> = settings.sources.iter().map(|source| (source.clone(), false)).collect();
    if settings.probe_default && sources.is_empty() {
        sources.push((OpenCodeSource::default_place(), true));
    }
    sources
}

/// The supervisor wants names that live for ever. There is one per configured source, made
/// once at the start.
fn task_name(source: &OpenCodeSource) -> &'static str {
    Box::leak(format!("fleet {}", source.name).into_boxed_str())
}
