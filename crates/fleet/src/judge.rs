//! What state an agent is in, and why. Pure: observations in, a status out.
//!
//! A connector keeps the [`Facts`] of each agent and the state of its [`Link`] to the server;
//! [`decide`] turns them into a status, with evidence in sentences. The present moment is an
//! argument. Silence is measured by the connector, and only while it listened: [`Hearing`].

mod decide;
mod evidence;
mod hearing;

use std::time::Duration;

use model::{AgentError, PendingRequest, Phase, Retry, Timestamp};

pub use decide::{damped_until, decide};
pub use evidence::is_final;
pub use hearing::Hearing;

/// An instant by the civil clock, for people, and by the monotonic one, for limits. Both are
/// the monitor's own, at receipt: clocks of agents are only ever shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    pub mono: Duration,
}

impl Moment {
    pub fn of(clock: &dyn runtime::Clock) -> Self {
        Self { at: clock.now(), mono: clock.monotonic() }
    }

    pub fn since(self, earlier: Moment) -> Duration {
        self.mono.saturating_sub(earlier.mono)
    }
}

/// What the server says about an agent's turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Activity {
    Resting {
        since: Moment,
    },
    Busy {
        since: Moment,
    },
    /// The provider refused; the agent will ask again.
    Retrying {
        retry: Retry,
        said: Moment,
        first: Moment,
    },
    /// Asked again after a refusal, and nothing came of it yet.
    AskingAgain {
        retry: Retry,
        said: Moment,
        first: Moment,
        since: Moment,
    },
}

impl Activity {
    pub fn is_busy(&self) -> bool {
        !matches!(self, Activity::Resting { .. })
    }
}

/// How the last turn ended, by the last message.
#[derive(Clone, Debug, PartialEq)]
pub enum LastTurn {
    /// Its messages were not read.
    Unread,
    /// Neither were its messages read nor its server asked: nothing changed there lately.
    NotAsked,
    /// Its server could not say.
    Unanswered,
    /// There was none.
    None,
    Ended,
    /// A person or a program stopped it.
    Aborted,
    Failed(AgentError),
    /// At work when its server died, and never finished.
    Interrupted,
    /// Its last answer has no end and this server does not run it.
    Unfinished,
}

/// The subagents of an agent that are at work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Children {
    /// Names of those that are busy.
    pub busy: Vec<String>,
    pub stalled: bool,
}

/// What is known about one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub activity: Activity,
    pub last_turn: LastTurn,
    /// Meaningful while busy.
    pub phase: Phase,
    /// The running tool and what it does: `bash: sleep 600`.
    pub tool: Option<String>,
    /// When the model was last asked, the tool was started, the first token came.
    pub phase_since: Timestamp,
    pub last_progress: Timestamp,
    /// How long nothing moved while we listened; see [`Hearing`].
    pub silence: Duration,
    pub pending: Vec<PendingRequest>,
    pub children: Children,
    /// When the last turn ended or, when that is not known, the session last changed; as its
    /// server says.
    pub ended: Timestamp,
}

/// The connection to the agent's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Live {
        /// Limits of silence hold: false for two heartbeats after a reconnect.
        settled: bool,
        /// The last byte of the stream.
        heard: Timestamp,
    },
    /// Not connected, and not known why for good.
    Lost { since: Moment, reason: String },
    /// The server answers, but not as it should.
    Refused { since: Moment, reason: String },
    /// The port is closed or the machine is gone.
    Down { since: Moment, reason: String },
    /// The port is open and nothing comes.
    Wedged { since: Moment, reason: String },
}

/// How long is too long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub model: Duration,
    pub tool: Duration,
    pub provider_lasting: Duration,
    pub lost_grace: Duration,
}
