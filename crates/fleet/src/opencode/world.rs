//! The sessions of one server, and their states.
//!
//! Events and snapshots go in with the moment of their receipt; [`World::judge`] gives what
//! changed since it was last asked. No I/O and no clock: recordings replay through it.

mod changes;
mod events;
mod snapshots;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::{Agent, AgentId, AgentState, Timestamp};
use state::AgentRecord;

use super::recent::Recent;
use super::session::{Heard, Note, Session};
use crate::judge::{Hearing, Limits, Link, Moment};

/// Ids of events that were applied; parallel streams and replays repeat only the newest.
const EVENT_IDS: usize = 8192;
/// Deleted sessions whose late events must not bring them back.
const TOMBSTONES: usize = 4096;
/// Sessions are held up to this many, whatever they do: the server decides how many come.
const SESSIONS_MAX: usize = 10_000;

#[derive(Clone, Debug)]
pub struct WorldSettings {
    pub source: String,
    /// `127.0.0.1:4096`: part of the agents' ids.
    pub host: String,
    pub limits: Limits,
    pub heartbeat: Duration,
    pub idle_sessions_max: usize,
}

#[derive(Debug)]
pub struct World {
    settings: WorldSettings,
    sessions: HashMap<String, Session>,
    /// What was saved before the restart, until its session shows up.
    saved: HashMap<AgentId, AgentRecord>,
    /// Whether it was told which agents of the last run are not there.
    is_last_run_over: bool,
    left: Vec<Left>,
    deleted: Recent,
    event_ids: Recent,
    hearing: Hearing,
    link: Link,
    last_byte: Moment,
    /// Connected for the second time or later: limits wait for two heartbeats.
    settled_from: Duration,
    was_live: bool,
    /// Judged at the next occasion.
    dirty: BTreeSet<String>,
    /// Sessions whose state is damped, with the end of that by the monotonic clock.
    damped: HashMap<String, Duration>,
    removed: Vec<AgentId>,
    notes: Vec<Note>,
    /// Sessions whose messages should be read.
    to_read: BTreeSet<String>,
    /// Sessions that events speak of and that nobody introduced.
    to_fetch: BTreeSet<(String, Option<String>)>,
    left_out: u64,
    /// Names of projects, by id.
    projects: HashMap<String, String>,
}

/// One agent that is not as it was.
#[derive(Clone, Debug)]
pub struct Change {
    pub agent: Arc<Agent>,
    pub first_seen: Timestamp,
    /// What the last run saved of its state, if it knew the agent.
    pub last_run: Option<AgentState>,
    /// Where the counting of its present state begins, if that is older.
    pub counts_from: Timestamp,
    /// Present when the state changed, with the one before.
    pub transition: Option<Option<AgentState>>,
}

/// An agent of the last run that this one does not find, in the state it was left in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub agent: AgentId,
    pub source: String,
    pub state: AgentState,
}

/// What [`World::judge`] found.
#[derive(Debug, Default)]
pub struct Changes {
    pub changed: Vec<Change>,
    pub removed: Vec<AgentId>,
    /// Told once, when it is known who is there or that nobody can be asked.
    pub left: Vec<Left>,
    pub notes: Vec<(AgentId, Note)>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        let Changes { changed, removed, left, notes } = self;
        changed.is_empty() && removed.is_empty() && left.is_empty() && notes.is_empty()
    }
}

impl World {
    pub fn new(settings: WorldSettings, saved: HashMap<AgentId, AgentRecord>) -> Self {
        Self {
            settings,
            sessions: HashMap::new(),
            saved,
            is_last_run_over: false,
            left: Vec::new(),
            deleted: Recent::new(TOMBSTONES),
            event_ids: Recent::new(EVENT_IDS),
            hearing: Hearing::default(),
            link: Link::Lost { since: Moment::default(), reason: "not connected yet".to_owned() },
            last_byte: Moment::default(),
            settled_from: Duration::ZERO,
            was_live: false,
            dirty: BTreeSet::new(),
            damped: HashMap::new(),
            removed: Vec::new(),
            notes: Vec::new(),
            to_read: BTreeSet::new(),
            to_fetch: BTreeSet::new(),
            left_out: 0,
            projects: HashMap::new(),
        }
    }

    pub fn agent_id(&self, session: &str) -> AgentId {
        AgentId::new(format!("opencode:{}:{session}", self.settings.host))
    }

    /// A byte of the stream came.
    pub fn heard_byte(&mut self, now: Moment) -> Heard {
        self.hearing.byte(now.mono);
        self.last_byte = now;
        if let Link::Live { heard, .. } = &mut self.link {
            *heard = now.at;
        }
        self.heard(now)
    }

    fn heard(&self, now: Moment) -> Heard {
        Heard { now, listened: self.hearing.total() }
    }

    /// The stream is open and the snapshot is applied.
    pub fn connected(&mut self, now: Moment) {
        if self.was_live {
            self.settled_from = now.mono + 2 * self.settings.heartbeat;
        }
        self.was_live = true;
        self.end_last_run();
        self.link = Link::Live { settled: now.mono >= self.settled_from, heard: self.last_byte.at };
        self.dirty.extend(self.sessions.keys().cloned());
    }

    /// The stream ended, or there is a better reason why.
    pub fn disconnected(&mut self, link: Link) {
        self.hearing.lost();
        if matches!(self.link, Link::Live { .. }) {
            for session in self.sessions.values_mut() {
                session.lost();
            }
        }
        // A worse verdict stands until the server is back: probing again proves nothing new.
        let is_vaguer = match (&self.link, &link) {
            (Link::Live { .. }, _) => false,
            (_, Link::Lost { .. }) => true,
            // A server that boots after its death is slow to answer.
            (Link::Down { .. }, Link::Wedged { .. }) => true,
            _ => false,
        };
        if !is_vaguer {
            if !matches!(link, Link::Lost { .. }) {
                self.end_last_run();
            }
            self.link = link;
            self.dirty.extend(self.sessions.keys().cloned());
        }
    }

    /// From here on the last run says nothing about the present: its agents were found, or
    /// they are not there, or their server cannot be asked. Those at rest without a fault are
    /// not worth a word: what remains of them misleads nobody and ends by itself.
    fn end_last_run(&mut self) {
        if std::mem::replace(&mut self.is_last_run_over, true) {
            return;
        }
        let of_this_server = self.agent_id("");
        let left = self.saved.iter().filter(|(id, record)| {
            id.as_str().starts_with(of_this_server.as_str())
                && !matches!(record.status.state, AgentState::Idle | AgentState::Unknown)
        });
        let source = &self.settings.source;
        self.left = left
            .map(|(id, record)| Left {
                agent: id.clone(),
                source: source.clone(),
                state: record.status.state,
            })
            .collect();
        self.left.sort_unstable_by(|a, b| a.agent.cmp(&b.agent));
    }

    /// When time alone changes a state that was judged, if nothing is heard before.
    pub fn next_due(&self) -> Option<Duration> {
        self.damped.values().min().copied()
    }

    pub fn set_projects(&mut self, projects: HashMap<String, String>) {
        self.projects = projects;
    }

    pub fn link(&self) -> &Link {
        &self.link
    }

    pub fn directory_of(&self, session: &str) -> Option<String> {
        self.sessions.get(session).map(|session| session.info.directory.clone())
    }

    /// The session as it was published last.
    pub fn agent(&self, session: &str) -> Option<Arc<Agent>> {
        self.sessions.get(session)?.published.clone()
    }

    /// Sessions that were counted and not kept.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Sessions to read the messages of, at most `limit`.
    pub fn take_to_read(&mut self, limit: usize) -> Vec<(String, String)> {
        let chosen: Vec<String> = self.to_read.iter().take(limit).cloned().collect();
        chosen
            .into_iter()
            .filter_map(|session| {
                self.to_read.remove(&session);
                let directory = self.directory_of(&session)?;
                Some((session, directory))
            })
            .collect()
    }

    /// Sessions to introduce, with the directory of the event that named them.
    pub fn take_to_fetch(&mut self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut self.to_fetch).into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
