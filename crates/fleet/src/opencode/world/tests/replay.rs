//! Reads a recording and plays it: events at their receipt, a judgement every second between
//! them, and the status maps that were asked for as polls.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Agent, AgentState, Timestamp};
use serde_json::Value;

use super::super::super::snapshot::{DirectoryState, Reading, SessionList, Snapshot};
use super::super::super::wire::{self, Message, Part, PermissionRequest, SessionInfo, Status};
use super::super::{World, WorldSettings};
use crate::judge::{Limits, Link, Moment};

/// The folder of recordings, or `None` with a printed line when it is not there.
pub fn recordings() -> Option<PathBuf> {
    let shared = std::env::var_os("WATCHKEEPER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("fixtures/agents/opencode");
    if folder.is_dir() {
        return Some(folder);
    }
    #[allow(clippy::print_stderr)]
    {
        eprintln!("skipped: there are no recordings at {}", folder.display());
    }
    None
}

/// One line of a recording.
#[derive(Debug)]
pub struct Line {
    pub at_ms: u64,
    pub value: Value,
}

pub fn read(folder: &std::path::Path, prefix: &str) -> (i64, Vec<Line>) {
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let named = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
    let text = std::fs::read_to_string(names.iter().find(named).unwrap()).unwrap();
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        match value["kind"].as_str() {
            Some("meta") => start = value["t0_unix_ms"].as_i64().unwrap_or(0),
            _ => lines.push(Line { at_ms: value["t_ms"].as_u64().unwrap_or(0), value }),
        }
    }
    lines.sort_by_key(|line| line.at_ms);
    (start, lines)
}

pub fn limits(seconds: u64) -> Limits {
    Limits {
        model: Duration::from_secs(seconds),
        tool: Duration::from_secs(seconds),
        provider_lasting: Duration::from_secs(60),
        lost_grace: Duration::from_secs(10),
    }
}

/// A world under replay, with every state each agent went through.
pub struct Replay {
    pub world: World,
    pub now: Moment,
    start: Timestamp,
    base: Duration,
    pub history: HashMap<String, Vec<AgentState>>,
    pub agents: HashMap<String, Arc<Agent>>,
    pub notes: usize,
    pub undecodable: usize,
}

impl Replay {
    pub fn new(limits: Limits) -> Self {
        let settings = WorldSettings {
            source: "test".to_owned(),
            host: "127.0.0.1:4096".to_owned(),
            limits,
            heartbeat: Duration::from_secs(10),
            idle_sessions_max: 500,
        };
        Self {
            world: World::new(settings, HashMap::new()),
            now: Moment::default(),
            start: Timestamp::default(),
            base: Duration::ZERO,
            history: HashMap::new(),
            agents: HashMap::new(),
            notes: 0,
            undecodable: 0,
        }
    }

    /// Replays one recording from where the last one ended.
    pub fn play(&mut self, folder: &std::path::Path, prefix: &str) {
        self.play_until(folder, prefix, u64::MAX);
    }

    pub fn play_until(&mut self, folder: &std::path::Path, prefix: &str, end_ms: u64) {
        let (start, lines) = read(folder, prefix);
        self.start = Timestamp::from_millis(start);
        self.base = self.now.mono;
        for line in lines.into_iter().take_while(|line| line.at_ms <= end_ms) {
            self.pass_to(Duration::from_millis(line.at_ms));
            self.line(&line.value);
            self.judge();
        }
    }

    /// Lets time pass, judging every second.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now.mono - self.base + duration;
        self.pass_to(end);
        self.judge();
    }

    fn pass_to(&mut self, offset: Duration) {
        while self.now.mono + Duration::from_secs(1) < self.base + offset {
            let next = self.now.mono - self.base + Duration::from_secs(1);
            self.set_time(next);
            self.judge();
        }
        self.set_time(offset.max(self.now.mono - self.base));
    }

    fn set_time(&mut self, offset: Duration) {
        self.now = Moment { at: self.start + offset, mono: self.base + offset };
    }

    fn line(&mut self, value: &Value) {
        let stream = value["stream"].as_str();
        match value["kind"].as_str() {
            // The second generation of the API closes its stream by itself; we do not use it.
            _ if stream == Some("/api/event") => {}
            Some("sse_open") => {
                self.world.heard_byte(self.now);
                // After a death the snapshot comes first, here with the first status map.
                if !matches!(self.world.link(), Link::Down { .. }) {
                    self.world.connected(self.now);
                }
            }
            Some("sse") => self.event(value["raw"].as_str().unwrap()),
            Some("sse_close" | "sse_error") => {
                let link = Link::Lost { since: self.now, reason: "the stream was closed".to_owned() };
                self.world.disconnected(link);
            }
            Some("rest") => self.rest(value),
            _ => {}
        }
    }

    fn event(&mut self, raw: &str) {
        match wire::decode(raw.trim_start_matches("data:").trim().as_bytes(), self.now.at) {
            Ok(envelope) => self.world.apply(envelope, self.now),
            Err(_) => self.undecodable += 1,
        }
    }

    /// Polls that the recorder made are polls to us; a refused health probe is a dead server.
    fn rest(&mut self, value: &Value) {
        let path = value["path"].as_str().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let directory = query.split('&').find_map(|pair| pair.strip_prefix("directory="));
        if path == "/global/health" && value["error"].as_str().is_some_and(|error| error.contains("refused"))
        {
            let reason = "the connection was refused".to_owned();
            return self.world.disconnected(Link::Down { since: self.now, reason });
        }
        if value["method"].as_str() != Some("GET") || value["status"].as_u64() != Some(200) {
            return;
        }
        let response = &value["response"];
        if path == "/session/status" && response.is_object() {
            self.statuses(directory.unwrap_or_default(), response, None);
        } else if path == "/permission" && response.is_array() {
            let asked = response.as_array().unwrap().iter().filter_map(PermissionRequest::read).collect();
            self.statuses_with(directory.unwrap_or_default(), asked);
        } else if path == "/session" && response.is_array() && !query.contains("roots") {
            let sessions = response.as_array().unwrap().iter().filter_map(SessionInfo::read).collect();
            let list = SessionList { sessions, is_partial: true, left_out: 0 };
            let snapshot = Snapshot { asked: self.now, list: Some(list), directories: Vec::new() };
            self.world.apply_snapshot(snapshot, self.now);
        } else if let Some(session) =
            path.strip_prefix("/session/").and_then(|rest| rest.strip_suffix("/message"))
        {
            self.reading(session, response);
        }
    }

    pub fn statuses(&mut self, directory: &str, map: &Value, permissions: Option<Vec<PermissionRequest>>) {
        let read = |(id, status): (&String, &Value)| Some((id.clone(), Status::read(status)?));
        let statuses = map.as_object().unwrap().iter().filter_map(read).collect();
        let state = DirectoryState {
            directory: directory.to_owned(),
            statuses: Some(statuses),
            permissions,
            questions: None,
        };
        let snapshot = Snapshot { asked: self.now, list: None, directories: vec![state] };
        self.world.apply_snapshot(snapshot, self.now);
        if matches!(self.world.link(), Link::Down { .. }) {
            self.world.connected(self.now);
        }
    }

    /// The recorder asked for permissions alone; the statuses are as they are known.
    fn statuses_with(&mut self, directory: &str, asked: Vec<PermissionRequest>) {
        let busy: serde_json::Map<String, Value> = self
            .agents
            .values()
            .filter(|agent| agent.status.state.is_busy())
            .map(|agent| (agent.session.clone(), serde_json::json!({"type": "busy"})))
            .collect();
        self.statuses(directory, &Value::Object(busy), Some(asked));
    }

    fn reading(&mut self, session: &str, response: &Value) {
        let read = |entry: &Value| {
            let parts = entry["parts"].as_array().unwrap().iter().filter_map(Part::read).collect();
            Some((Message::read(&entry["info"])?, parts))
        };
        let all: Vec<_> = response.as_array().unwrap().iter().filter_map(read).collect();
        let messages = all[all.len().saturating_sub(2)..].to_vec();
        let reading = Reading { asked: self.now, session: session.to_owned(), messages, todo: None };
        self.world.apply_reading(reading, self.now);
    }

    pub fn judge(&mut self) {
        let changes = self.world.judge_by_time(self.now);
        self.notes += changes.notes.len();
        for change in changes.changed {
            let agent = change.agent;
            if change.transition.is_some() {
                self.history.entry(agent.session.clone()).or_default().push(agent.status.state);
            }
            self.agents.insert(agent.session.clone(), agent);
        }
        for removed in changes.removed {
            self.agents.retain(|_, agent| agent.id != removed);
        }
    }

    /// The agent whose title is `name`.
    pub fn agent(&self, name: &str) -> Arc<Agent> {
        let mut found = self.agents.values().filter(|agent| agent.name == name);
        let agent = found.next().unwrap_or_else(|| panic!("no agent is called {name}")).clone();
        assert!(found.next().is_none(), "two agents are called {name}");
        agent
    }

    /// The states of the agent called `name`, in order.
    pub fn states(&self, name: &str) -> Vec<AgentState> {
        self.history[&self.agent(name).session].clone()
    }
}
