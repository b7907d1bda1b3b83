//! What was done about a fault, and the proof that it helped.

use serde::{Deserialize, Serialize};

use crate::{AgentId, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still at it.
    Running,
    /// Done, and progress was seen afterwards.
    Verified,
    /// Done, and nothing changed.
    Ineffective,
    /// A step could not be done.
    Failed,
    /// Not done, on purpose; the reason says why.
    Skipped,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Running => "running",
            Outcome::Verified => "verified",
            Outcome::Ineffective => "ineffective",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    AutoRecovery,
    CascadeRecovery,
    Manual,
}

impl Trigger {
    pub const fn as_str(self) -> &'static str {
        match self {
            Trigger::AutoRecovery => "auto_recovery",
            Trigger::CascadeRecovery => "cascade_recovery",
            Trigger::Manual => "manual",
        }
    }
}

/// One thing done within a run, with what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStep {
    pub at: Timestamp,
    /// `verify`, `abort`, `verify_idle`, `prompt`, `verify_progress`.
    pub name: String,
    pub ok: bool,
    pub what: String,
}

/// One recovery action applied to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryRun {
    pub id: String,
    /// `restart_stuck_agents`.
    pub action: String,
    pub trigger: Trigger,
    /// Who asked, for a manual run.
    pub actor: Option<String>,
    /// The check or subsystem on whose behalf it ran, for example `agent_manager`.
    pub component: String,
    pub agent: Option<AgentId>,
    pub agent_name: Option<String>,
    pub started: Timestamp,
    pub finished: Option<Timestamp>,
    pub outcome: Outcome,
    /// One sentence: what was done and what came of it, or why it was skipped.
    pub reason: String,
    /// What was seen before, as sentences.
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub steps: Vec<RunStep>,
}
