//! One session: what was heard of it, folded into facts.
//!
//! Messages and parts come from the stream and from snapshots, some of them several times and
//! some never; folding is by id and by level, so that repetition changes nothing. What counts
//! as progress is decided here: a token, a changed part, a new step, a todo. A repeated
//! `busy`, a heartbeat or a retry is none.

mod counting;
mod facts;
mod messages;
mod since;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::{
    Agent, AgentError, AgentState, AgentStatus, AgentTotals, PendingKind, PendingRequest, Retry, Timestamp,
    Todo,
};

use super::wire::{SessionInfo, Status};
use crate::judge::{Activity, Moment, is_timeout};
use crate::redact;
use counting::Counted;

/// Something that happened and belongs in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub at: Timestamp,
    pub session: String,
    pub what: NoteKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NoteKind {
    ToolError { tool: String, error: String },
    LlmError { class: String, error: String },
}

/// Whether the server was asked what goes on in a session's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Not asked: nothing changed there lately, and asking boots an instance.
    NotAsked,
    /// Asked without a good answer.
    Unanswered,
    Known,
}

/// The receipt of one thing: when, and how long the stream had been listened to by then.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub now: Moment,
    pub listened: Duration,
}

/// The newest answer of the model.
#[derive(Clone, Debug, Default)]
struct Answer {
    id: String,
    /// When what it answers was asked, as the server says.
    asked: Option<Timestamp>,
    created: Timestamp,
    completed: Option<Timestamp>,
    error: Option<AgentError>,
}

/// The newest prompt.
#[derive(Clone, Debug)]
struct Prompt {
    id: String,
    created: Timestamp,
}

#[derive(Clone, Debug)]
struct RunningTool {
    name: String,
    call: String,
    title: String,
    started: Timestamp,
    child: Option<String>,
}

#[derive(Debug)]
pub struct Session {
    pub info: SessionInfo,
    pub activity: Activity,
    pub pending: BTreeMap<String, PendingRequest>,
    /// When an event spoke of it last, by the monotonic clock. What was asked earlier is older.
    last_heard: Option<Duration>,
    last_event: Timestamp,
    /// Handed to the publisher last.
    pub published: Option<Arc<Agent>>,
    pub totals: AgentTotals,
    pub first_seen: Timestamp,
    /// As it was when the last run of this program saved it.
    pub last_run: Option<AgentStatus>,
    /// Its present state counts from here, if it is older: what happened while nobody watched
    /// is not counted.
    pub counts_from: Timestamp,
    pub listing: Listing,
    /// Busy when the connection was lost, or when this program last ended.
    pub busy_when_lost: bool,
    /// Its messages were read at least once, or it was born under our eyes.
    pub is_read: bool,
    /// While old messages are read for the first time: nothing in them counts.
    pub is_first_reading: bool,
    last_progress: Timestamp,
    listened_at_progress: Duration,
    phase_since: Timestamp,
    answer: Option<Answer>,
    /// A `session.error` after the last prompt, which has no message to carry it.
    stray_error: Option<AgentError>,
    last_error: Option<AgentError>,
    /// Running tools of the newest answer, by part.
    tools: BTreeMap<String, RunningTool>,
    /// The text or tool call that the model writes, by part.
    writing: Option<String>,
    /// Fingerprints of the newest answer's parts.
    parts: HashMap<String, u64>,
    prompt: Option<Prompt>,
    task: Option<String>,
    /// The prompt of the turn that a first reading found without end. It counts when the
    /// session is at work, or as soon as more of its answer comes.
    begun: Option<String>,
    todo: Todo,
    model: Option<(Option<String>, Option<String>)>,
    counted: Counted,
}

/// A model that writes thousands of parts in one answer is not followed part by part.
const PARTS_MAX: usize = 4096;
/// The head of a prompt that is shown as the agent's task.
const TASK_CHARS_MAX: usize = 300;
/// Requests to a person at one time; OpenCode asks one after the other.
const PENDING_MAX: usize = 64;

impl Session {
    pub fn new(info: SessionInfo, heard: Heard) -> Self {
        Self {
            activity: Activity::Resting { since: Moment::default() },
            pending: BTreeMap::new(),
            last_heard: None,
            last_event: info.updated.max(info.created),
            published: None,
            totals: AgentTotals::default(),
            first_seen: heard.now.at,
            last_run: None,
            counts_from: heard.now.at,
            listing: Listing::NotAsked,
            busy_when_lost: false,
            is_read: false,
            is_first_reading: false,
            last_progress: info.updated.max(info.created),
            listened_at_progress: heard.listened,
            phase_since: heard.now.at,
            answer: None,
            stray_error: None,
            last_error: None,
            tools: BTreeMap::new(),
            writing: None,
            parts: HashMap::new(),
            prompt: None,
            task: None,
            begun: None,
            todo: Todo::default(),
            model: None,
            counted: Counted::default(),
            info,
        }
    }

    /// At work in the last run, which then counted its turn.
    pub fn was_at_work(&self) -> bool {
        let state = self.last_run.as_ref().map(|status| status.state);
        state.is_some_and(|state| state.is_busy() || state == AgentState::Dead)
    }

    /// An event spoke of it.
    pub fn touched(&mut self, now: Moment) {
        self.last_heard = Some(now.mono);
        self.last_event = now.at;
    }

    /// Whether an event spoke of it since.
    pub fn is_heard_since(&self, asked: Moment) -> bool {
        self.last_heard.is_some_and(|heard| heard >= asked.mono)
    }

    /// Progress was seen: the clock of silence starts again.
    fn progress(&mut self, heard: Heard) {
        self.last_progress = heard.now.at;
        self.listened_at_progress = heard.listened;
    }

    /// The model was asked: a new wait begins, which is not yet progress.
    fn asked(&mut self, heard: Heard) {
        self.phase_since = heard.now.at;
        self.listened_at_progress = heard.listened;
    }

    pub fn set_info(&mut self, info: SessionInfo, heard: Heard) {
        if info.tokens != self.info.tokens {
            self.progress(heard);
        }
        // The event stream leaves the project's name out.
        let project = info.project.clone().or_else(|| self.info.project.take());
        self.info = SessionInfo { project, ..info };
    }

    /// What the status map or the stream says. Levels are repeated; only changes matter.
    pub fn set_status(&mut self, status: Status, heard: Heard) {
        let now = heard.now;
        self.listing = Listing::Known;
        self.activity = match (status, self.activity.clone()) {
            (Status::Idle, resting @ Activity::Resting { .. }) => resting,
            (Status::Idle, _) => {
                self.end_turn();
                Activity::Resting { since: now }
            }
            (Status::Busy, Activity::Resting { .. }) => {
                self.progress(heard);
                self.phase_since = now.at;
                self.stray_error = None;
                Activity::Busy { since: now }
            }
            (Status::Busy, Activity::Retrying { retry, said, first }) => {
                // Silence goes on through a request that was given up because of it.
                if !is_timeout(&retry.message) {
                    self.asked(heard);
                }
                Activity::AskingAgain { retry, said, first, since: now }
            }
            (Status::Busy, busy) => busy,
            (Status::Retry { attempt, message, next }, before) => {
                self.refused(Retry { attempt, next, message: redact::clean(&message) }, before, now)
            }
        };
        self.busy_when_lost &= !self.activity.is_busy();
    }

    fn refused(&mut self, retry: Retry, before: Activity, now: Moment) -> Activity {
        let (said, first) = match before {
            // The same refusal, told again by a poll.
            Activity::Retrying { retry: known, said, first } if known.attempt == retry.attempt => {
                (said, first)
            }
            Activity::Retrying { retry: last, first, .. }
            | Activity::AskingAgain { retry: last, first, .. }
                if is_timeout(&last.message) == is_timeout(&retry.message) =>
            {
                self.count_refusal(&retry, now.at);
                (now, first)
            }
            _ => {
                self.count_refusal(&retry, now.at);
                (now, now)
            }
        };
        // A model that went silent in the middle of its answer is still in the middle of it.
        if !is_timeout(&retry.message) {
            self.writing = None;
        }
        Activity::Retrying { retry, said, first }
    }

    fn end_turn(&mut self) {
        self.tools.clear();
        self.writing = None;
        self.pending.clear();
    }

    pub fn set_todo(&mut self, todo: Todo, heard: Heard) {
        if self.todo != todo {
            self.todo = todo;
            self.progress(heard);
        }
    }

    /// `since`: when it asked.
    pub fn asks(&mut self, id: String, kind: PendingKind, what: &str, since: Timestamp, heard: Heard) {
        if self.pending.len() >= PENDING_MAX || self.pending.contains_key(&id) {
            return;
        }
        self.progress(heard);
        let request = PendingRequest { id: id.clone(), kind, what: redact::clean(what), since };
        self.pending.insert(id, request);
    }

    pub fn answered(&mut self, request: &str, heard: Heard) {
        if self.pending.remove(request).is_some() {
            self.progress(heard);
        }
    }

    /// Something moved that no part shows: an edited file, a shortened history.
    pub fn stirred(&mut self, heard: Heard) {
        self.progress(heard);
    }

    /// A `session.error`. An abort is no error.
    pub fn failed(&mut self, error: AgentError, notes: &mut Vec<Note>) {
        if error.class == "MessageAbortedError" {
            return;
        }
        let error = AgentError { message: redact::clean(&error.message), ..error };
        notes.push(Note {
            at: error.at,
            session: self.info.id.clone(),
            what: NoteKind::LlmError { class: error.class.clone(), error: error.message.clone() },
        });
        self.totals.llm_errors += 1;
        self.last_error = Some(error.clone());
        self.stray_error = Some(error);
    }

    /// The connection to its server ended.
    pub fn lost(&mut self) {
        self.busy_when_lost |= self.activity.is_busy();
    }
}
