//! All agents and sources, with what was told, written and saved of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{Agent, AgentId, AgentTotals, Batch, SourceState, SourceStatus, Timestamp};
use state::AgentRecord;

use super::samples::{self, Written};
use crate::opencode::Client;
use crate::opencode::world::Change;

/// At most four changes a second per agent are told.
const TELL_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub struct Board {
    agents: BTreeMap<AgentId, Entry>,
    sources: BTreeMap<String, Source>,
    /// Changed, and told too recently to be told again.
    waiting: BTreeSet<AgentId>,
    /// A source was live once, so an empty fleet is a fact and not ignorance.
    was_live: bool,
    wrote_utilization: bool,
}

#[derive(Debug)]
struct Entry {
    agent: Arc<Agent>,
    first_seen: Timestamp,
    counts_from: Timestamp,
    told: Duration,
    written: Written,
    saved: Option<AgentTotals>,
}

#[derive(Debug)]
struct Source {
    status: SourceStatus,
    client: Arc<Client>,
}

impl Board {
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.agents.values().map(|entry| entry.agent.clone()).collect()
    }

    pub fn agent(&self, id: &AgentId) -> Option<Arc<Agent>> {
        self.agents.get(id).map(|entry| entry.agent.clone())
    }

    pub fn source_of(&self, agent: &AgentId) -> &str {
        self.agents.get(agent).map_or("", |entry| &entry.agent.source)
    }

    pub fn sources(&self) -> Vec<SourceStatus> {
        self.sources.values().map(|source| source.status.clone()).collect()
    }

    /// Returns the agents that an earlier connector of that name left behind.
    pub fn begin_source(&mut self, status: SourceStatus, client: Arc<Client>) -> Vec<AgentId> {
        let name = status.name.clone();
        self.sources.insert(name.clone(), Source { status, client });
        let left = self.agents.values().filter(|entry| entry.agent.source == name);
        left.map(|entry| entry.agent.id.clone()).collect()
    }

    /// Whether something changed that is worth telling.
    pub fn set_source(&mut self, status: SourceStatus) -> bool {
        self.was_live |= status.state == SourceState::Live;
        let Some(source) = self.sources.get_mut(&status.name) else { return false };
        let told = |status: &SourceStatus| (status.state, status.reason.clone(), status.version.clone());
        let has_changed = told(&source.status) != told(&status);
        source.status = status;
        has_changed
    }

    pub fn source_seen(&mut self, source: &str, at: Timestamp) {
        if let Some(source) = self.sources.get_mut(source) {
            source.status.last_seen = Some(at);
        }
    }

    /// Whether the change may be told now; otherwise it waits.
    pub fn put(&mut self, change: &Change, mono: Duration, has_turned: bool) -> bool {
        let id = &change.agent.id;
        let is_new = !self.agents.contains_key(id);
        let entry = self.agents.entry(id.clone()).or_insert_with(|| Entry {
            agent: change.agent.clone(),
            first_seen: change.first_seen,
            counts_from: change.counts_from,
            told: mono,
            written: change.last_run.map_or_else(Written::default, |state| {
                Written::left_by_last_run(id, &change.agent.source, state)
            }),
            saved: None,
        });
        entry.agent = change.agent.clone();
        if is_new || has_turned || mono.saturating_sub(entry.told) >= TELL_EVERY {
            entry.told = mono;
            self.waiting.remove(id);
            return true;
        }
        self.waiting.insert(id.clone());
        false
    }

    /// Changes whose time has come, and whether others still wait.
    pub fn take_due(&mut self, mono: Duration) -> (Vec<Arc<Agent>>, bool) {
        let mut due = Vec::new();
        for id in std::mem::take(&mut self.waiting) {
            let Some(entry) = self.agents.get_mut(&id) else { continue };
            if mono.saturating_sub(entry.told) >= TELL_EVERY {
                entry.told = mono;
                due.push(entry.agent.clone());
            } else {
                self.waiting.insert(id);
            }
        }
        (due, !self.waiting.is_empty())
    }

    pub fn write_agent(&mut self, batch: &mut Batch, id: &AgentId, now: Timestamp) {
        if let Some(entry) = self.agents.get_mut(id) {
            entry.written.write(batch, &entry.agent, entry.counts_from, now);
        }
    }

    pub fn remove(&mut self, batch: &mut Batch, id: &AgentId, now: Timestamp) {
        self.waiting.remove(id);
        if let Some(mut entry) = self.agents.remove(id) {
            entry.written.end(batch, now);
        }
    }

    pub fn write_fleet(&mut self, batch: &mut Batch, now: Timestamp) {
        if !self.was_live {
            return;
        }
        let agents = self.agents.values().map(|entry| entry.agent.as_ref());
        self.wrote_utilization = samples::fleet(batch, agents, self.wrote_utilization, now);
    }

    pub fn write_all(&mut self, batch: &mut Batch, now: Timestamp) {
        for entry in self.agents.values_mut() {
            entry.written.write(batch, &entry.agent, entry.counts_from, now);
        }
        self.write_fleet(batch, now);
        for source in self.sources.values() {
            samples::source_up(batch, &source.status, now);
            samples::source_requests(batch, &source.status.name, &source.client.counts(), now);
        }
    }

    pub fn record_of(&self, id: &AgentId, now: Timestamp) -> Option<(AgentId, AgentRecord)> {
        self.agents.get(id).map(|entry| (id.clone(), entry.record(now)))
    }

    pub fn unsaved(&self, now: Timestamp) -> Vec<(AgentId, AgentRecord)> {
        let changed =
            self.agents.iter().filter(|(_, entry)| entry.saved.as_ref() != Some(&entry.agent.totals));
        changed.map(|(id, entry)| (id.clone(), entry.record(now))).collect()
    }

    /// They are in the database. What is not told so is tried again: with the next interval,
    /// and when the watch ends in the middle of a saving.
    pub fn saved(&mut self, records: Vec<(AgentId, AgentRecord)>) {
        for (id, record) in records {
            if let Some(entry) = self.agents.get_mut(&id) {
                entry.saved = Some(record.totals);
            }
        }
    }
}

impl Entry {
    fn record(&self, now: Timestamp) -> AgentRecord {
        AgentRecord {
            first_seen: self.first_seen,
            totals: self.agent.totals.clone(),
            status: self.agent.status.clone(),
            saved: now,
        }
    }
}
