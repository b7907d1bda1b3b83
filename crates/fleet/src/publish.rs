//! From changes to everybody who wants to know: the board, the store, the subscribers.
//!
//! [`Publisher`] keeps the [`board`] of all agents and sources. A change of state is first
//! appended to the store, as samples and a log line, and then told; what the store cannot take
//! waits in the [`outlet`]. Other changes are told at most four times a second per agent. Every
//! interval the numbers of all agents are written.

mod board;
mod journal;
mod outlet;
mod samples;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Agent, AgentId, AgentTransition, Batch, SourceStatus, Timestamp};
use parking_lot::Mutex;
use runtime::{SharedClock, Shutdown, TaskError};
use state::{AgentRecord, State};
use storage::Appender;
use tokio::sync::broadcast;

use crate::opencode::Client;
use crate::opencode::world::Changes;
use board::Board;
use outlet::Outlet;
use samples::Written;

/// What a subscriber may fall behind before it loses events.
const EVENTS: usize = 4096;

/// What subscribers hear.
#[derive(Clone, Debug)]
pub enum FleetEvent {
    /// Something about an agent changed, not necessarily its state.
    Changed(Arc<Agent>),
    /// The state changed; the samples that say so are in the store, or wait for it.
    Transition(AgentTransition),
    Removed(AgentId),
    Source(SourceStatus),
}

pub struct Publisher {
    clock: SharedClock,
    outlet: Outlet,
    state: State,
    /// The last attempt to save failed, and the log says so.
    cannot_save: AtomicBool,
    events: broadcast::Sender<FleetEvent>,
    /// Held to read or change entries, never across an await.
    board: Mutex<Board>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

impl Publisher {
    pub fn new(clock: SharedClock, store: Arc<dyn Appender>, state: State) -> Self {
        let (events, _) = broadcast::channel(EVENTS);
        let (outlet, cannot_save) = (Outlet::new(store), AtomicBool::new(false));
        Self { clock, outlet, state, cannot_save, events, board: Mutex::default() }
    }

    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.board.lock().agents()
    }

    pub fn agent(&self, id: &AgentId) -> Option<Arc<Agent>> {
        self.board.lock().agent(id)
    }

    pub fn sources(&self) -> Vec<SourceStatus> {
        self.board.lock().sources()
    }

    pub fn subscribe(&self) -> broadcast::Receiver<FleetEvent> {
        self.events.subscribe()
    }

    /// What was saved of agents, for a connector that begins. When it cannot be read, the
    /// counters begin at zero and the log says why.
    pub async fn saved(&self) -> HashMap<AgentId, AgentRecord> {
        match self.state.agent_totals().await {
            Ok(saved) => saved,
            Err(error) => {
                tracing::error!(%error, "the totals of agents could not be read; they begin at zero");
                HashMap::new()
            }
        }
    }

    /// Puts a source on the board before its connector runs.
    pub fn place_source(&self, status: SourceStatus, client: Arc<Client>) {
        self.board.lock().begin_source(status, client);
    }

    /// Puts a source on the board. Agents of an earlier connector of that name leave it.
    pub async fn begin_source(&self, status: SourceStatus, client: Arc<Client>) {
        let gone = self.board.lock().begin_source(status, client);
        let changes = Changes { removed: gone, ..Changes::default() };
        self.publish(changes).await;
    }

    /// The state of a connection. Told when it changes.
    pub async fn source(&self, status: SourceStatus) {
        let now = self.clock.now();
        if !self.board.lock().set_source(status.clone()) {
            return;
        }
        let mut batch = Batch::default();
        samples::source_up(&mut batch, &status, now);
        batch.logs.push(journal::source(&status, now));
        self.outlet.append(batch).await;
        self.send(FleetEvent::Source(status));
    }

    /// The last byte of a source; not worth an event.
    pub fn source_seen(&self, source: &str, at: Timestamp) {
        self.board.lock().source_seen(source, at);
    }

    pub async fn publish(&self, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        let (now, mono) = (self.clock.now(), self.clock.monotonic());
        let mut batch = Batch::default();
        let mut told = Vec::new();
        let mut to_save = Vec::new();
        {
            let mut board = self.board.lock();
            for (agent, note) in &changes.notes {
                batch.logs.push(journal::note(agent, board.source_of(agent), note));
            }
            for change in &changes.changed {
                let has_turned = change.transition.is_some();
                let may_tell = board.put(change, mono, has_turned);
                if let Some(from) = change.transition {
                    board.write_agent(&mut batch, &change.agent.id, now);
                    batch.logs.push(journal::transition(&change.agent, from, now));
                    let agent = change.agent.clone();
                    told.push(FleetEvent::Transition(AgentTransition { agent, from, at: now }));
                    to_save.extend(board.record_of(&change.agent.id, now));
                }
                if may_tell {
                    told.push(FleetEvent::Changed(change.agent.clone()));
                }
            }
            for left in &changes.left {
                Written::left_by_last_run(&left.agent, &left.source, left.state).end(&mut batch, now);
            }
            for agent in &changes.removed {
                to_save.extend(board.record_of(agent, now));
                board.remove(&mut batch, agent, now);
                told.push(FleetEvent::Removed(agent.clone()));
            }
            if !to_save.is_empty() || !changes.removed.is_empty() {
                board.write_fleet(&mut batch, now);
            }
        }
        if !batch.is_empty() {
            self.outlet.append(batch).await;
        }
        for event in told {
            self.send(event);
        }
        self.save(to_save).await;
    }

    /// Tells changes that had to wait. Returns whether some still wait.
    pub fn flush(&self) -> bool {
        let (due, is_more) = self.board.lock().take_due(self.clock.monotonic());
        for agent in due {
            self.send(FleetEvent::Changed(agent));
        }
        is_more
    }

    /// Writes the numbers of all agents, every `interval`, until the shutdown.
    pub async fn write_metrics(
        self: Arc<Self>,
        interval: Duration,
        shutdown: Shutdown,
    ) -> Result<(), TaskError> {
        let writing = runtime::every(self.clock.as_ref(), interval, || self.write_all());
        shutdown.or(writing).await;
        self.outlet.drain().await;
        self.save_all().await;
        Ok(())
    }

    async fn write_all(&self) {
        let mut batch = Batch::default();
        {
            let mut board = self.board.lock();
            // Read under the lock, so that no transition comes between it and the states.
            let now = self.clock.now();
            board.write_all(&mut batch, now);
        }
        self.outlet.append(batch).await;
        self.save_all().await;
    }

    async fn save_all(&self) {
        let unsaved = self.board.lock().unsaved(self.clock.now());
        self.save(unsaved).await;
    }

    async fn save(&self, records: Vec<(AgentId, AgentRecord)>) {
        if records.is_empty() {
            return;
        }
        match self.state.save_agents(&records).await {
            Ok(()) => {
                if self.cannot_save.swap(false, Ordering::Relaxed) {
                    tracing::info!("the totals of agents are saved again");
                }
                self.board.lock().saved(records);
            }
            Err(error) => {
                if !self.cannot_save.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the totals of agents cannot be saved");
                }
                metrics::counter!("watchkeeper_fleet_save_failures_total").increment(1);
            }
        }
    }

    fn send(&self, event: FleetEvent) {
        // A full channel means that its slowest reader loses the oldest event now.
        if self.events.receiver_count() > 0 && self.events.len() >= EVENTS {
            metrics::counter!("watchkeeper_fleet_events_lost_total").increment(1);
        }
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }
}

#[cfg(test)]
mod tests;
