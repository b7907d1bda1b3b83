//! Agents: something that works on tasks, its state, and why we believe it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// `kind:host:native session id`, for example `opencode:127.0.0.1:4096:ses_5f2a`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentId(Arc<str>);

impl AgentId {
    pub fn new(id: impl AsRef<str>) -> Self {
        Self(Arc::from(id.as_ref()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an agent is doing. Exactly one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// At work, and showing progress within the limits of its phase.
    Working,
    /// Waits for a permission or an answer of a person.
    WaitingHuman,
    /// The model's provider refuses for now and a retry is scheduled.
    WaitingProvider,
    /// At work, no progress for longer than its phase allows, transport proven alive.
    Stalled,
    /// Its server accepts connections and does not answer.
    Wedged,
    /// Its server is gone, or it was at work when its server died.
    Dead,
    /// Nothing to do: the last turn ended.
    Idle,
    /// The last turn ended with an error.
    Failed,
    /// Not enough is known, for example while a source reconnects.
    Unknown,
}

impl AgentState {
    pub const ALL: [AgentState; 9] = [
        AgentState::Working,
        AgentState::WaitingHuman,
        AgentState::WaitingProvider,
        AgentState::Stalled,
        AgentState::Wedged,
        AgentState::Dead,
        AgentState::Idle,
        AgentState::Failed,
        AgentState::Unknown,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            AgentState::Working => "working",
            AgentState::WaitingHuman => "waiting_human",
            AgentState::WaitingProvider => "waiting_provider",
            AgentState::Stalled => "stalled",
            AgentState::Wedged => "wedged",
            AgentState::Dead => "dead",
            AgentState::Idle => "idle",
            AgentState::Failed => "failed",
            AgentState::Unknown => "unknown",
        }
    }

    /// The four words of the contract's `worker_status`.
    pub const fn worker_status(self) -> &'static str {
        match self {
            AgentState::Working | AgentState::WaitingHuman | AgentState::WaitingProvider => "working",
            AgentState::Stalled | AgentState::Wedged | AgentState::Dead => "stuck",
            AgentState::Failed => "completed",
            AgentState::Idle | AgentState::Unknown => "idle",
        }
    }

    /// In the middle of a turn: neither at rest nor gone.
    pub const fn is_busy(self) -> bool {
        matches!(
            self,
            AgentState::Working
                | AgentState::WaitingHuman
                | AgentState::WaitingProvider
                | AgentState::Stalled
                | AgentState::Wedged
        )
    }

    /// Held up by a fault that a restart may cure.
    pub const fn is_stuck(self) -> bool {
        matches!(self, AgentState::Stalled | AgentState::Wedged)
    }
}

/// What a working agent is working with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The model was asked and has not begun to answer.
    WaitingModel,
    /// The model is answering.
    Streaming,
    /// A tool runs.
    Tool,
    /// A subagent works.
    WaitingChild,
}

impl Phase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::WaitingModel => "waiting_model",
            Phase::Streaming => "streaming",
            Phase::Tool => "tool",
            Phase::WaitingChild => "waiting_child",
        }
    }
}

/// Whether a source said it or we concluded it from silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    Observed,
    Inferred,
}

impl Confidence {
    pub const fn as_str(self) -> &'static str {
        match self {
            Confidence::Observed => "observed",
            Confidence::Inferred => "inferred",
        }
    }
}

/// One reason for a state, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub at: Timestamp,
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    pub state: AgentState,
    /// Only while the state is working or stalled.
    pub phase: Option<Phase>,
    pub since: Timestamp,
    pub evidence: Vec<Evidence>,
    pub confidence: Confidence,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentTool {
    pub name: String,
    pub call_id: String,
    /// What it does, in the agent's own words, or a redacted head of its input.
    pub title: String,
    pub started: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    pub attempt: u32,
    pub next: Timestamp,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingKind {
    Permission,
    Question,
}

impl PendingKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            PendingKind::Permission => "permission",
            PendingKind::Question => "question",
        }
    }
}

/// Something that an agent asks of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRequest {
    pub id: String,
    pub kind: PendingKind,
    /// What is asked for: `bash: git push --tags`, or the question's text. Redacted.
    pub what: String,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Todo {
    pub done: u32,
    pub total: u32,
}

/// Tokens by kind. `input` excludes what came from a cache; `output` excludes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    pub input: u64,
    pub output: u64,
    pub reasoning: u64,
    pub cache_read: u64,
    pub cache_write: u64,
}

impl TokenCounts {
    pub const fn total(self) -> u64 {
        self.input + self.output + self.reasoning + self.cache_read + self.cache_write
    }
}

/// Counted since the agent was first seen by this installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentTotals {
    pub turns: u64,
    pub steps: u64,
    pub tool_calls: u64,
    pub tool_errors: u64,
    pub llm_errors: u64,
    /// As the source reports them for the whole session.
    pub tokens: TokenCounts,
    /// As the source reports it; US dollars. Zero when the model has no price there.
    pub cost_usd: f64,
    /// Completed stays only; the present one is `status.since` until now.
    pub time_in_state: BTreeMap<AgentState, Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentError {
    /// The source's own class, for example `APIError` or `ProviderAuthError`.
    pub class: String,
    pub message: String,
    pub status: Option<u16>,
    /// Asking again can help; false for bad keys, spent quota, unknown models.
    pub retryable: bool,
    pub at: Timestamp,
}

/// Everything known about one agent at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    pub id: AgentId,
    /// `opencode`.
    pub kind: String,
    /// The configured name of the source that reports it.
    pub source: String,
    /// Its id in its own system.
    pub session: String,
    /// A short name for people.
    pub name: String,
    pub directory: String,
    pub project: Option<String>,
    pub parent: Option<AgentId>,
    /// The role within its program: `build`, `plan`, `general`.
    pub role: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    /// The version of the program that runs it.
    pub version: Option<String>,
    /// The head of the last prompt of a person, redacted.
    pub task: Option<String>,
    pub created: Timestamp,
    pub last_event: Timestamp,
    pub last_progress: Timestamp,
    pub status: AgentStatus,
    pub tool: Option<CurrentTool>,
    pub retry: Option<Retry>,
    pub pending: Vec<PendingRequest>,
    pub todo: Todo,
    pub totals: AgentTotals,
    pub last_error: Option<AgentError>,
}

impl Agent {
    /// How long it has been busy without progress; zero unless it is busy.
    pub fn silent_for(&self, now: Timestamp) -> Duration {
        if self.status.state.is_busy() { now.since(self.last_progress) } else { Duration::ZERO }
    }
}

/// A change of an agent's state.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentTransition {
    pub agent: Arc<Agent>,
    pub from: Option<AgentState>,
    pub at: Timestamp,
}

/// The connection to something that reports agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    pub name: String,
    pub kind: String,
    /// Without user and password.
    pub url: String,
    pub state: SourceState,
    /// Why it is in that state, in words for a person.
    pub reason: String,
    pub since: Timestamp,
    /// The last byte received.
    pub last_seen: Option<Timestamp>,
    pub version: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceState {
    Connecting,
    Live,
    /// Answers, but not as it should: wrong credentials, a web page, errors.
    Refused,
    /// The port is open and nothing comes.
    Wedged,
    Down,
}

impl SourceState {
    pub const fn as_str(self) -> &'static str {
        match self {
            SourceState::Connecting => "connecting",
            SourceState::Live => "live",
            SourceState::Refused => "refused",
            SourceState::Wedged => "wedged",
            SourceState::Down => "down",
        }
    }
}
