//! Folding messages and parts.

use model::Timestamp;

use super::super::wire::{Message, Part, PartKind, ToolStatus};
use super::{Answer, Heard, Note, NoteKind, PARTS_MAX, Prompt, RunningTool, Session, TASK_CHARS_MAX};
use crate::judge::Activity;
use crate::redact;

impl Session {
    pub fn set_message(&mut self, message: Message, heard: Heard) {
        if message.is_user {
            return self.set_prompt(message, heard);
        }
        if let Some(prompt) = message.answers.as_deref().filter(|_| !message.is_compaction()) {
            if self.is_first_reading && message.is_unfinished() && !self.was_at_work() {
                self.begun = Some(prompt.to_owned());
            } else {
                self.count_turn(prompt);
            }
        }
        match &self.answer {
            // Messages come in order of time; a late update of an older answer says nothing new.
            Some(answer) if answer.id != message.id && message.created < answer.created => return,
            Some(answer) if answer.id == message.id => {
                if (message.completed.is_some() && answer.completed.is_none())
                    || message.finish.is_some() && self.is_waiting()
                {
                    self.progress(heard);
                }
            }
            before => {
                // Whatever went wrong in the answer before, the turn went on.
                if before.is_some() {
                    self.stray_error = None;
                }
                self.begin_answer();
                self.progress(heard);
                self.phase_since = heard.now.at;
            }
        }
        if message.completed.is_some() {
            self.tools.clear();
            self.writing = None;
        }
        let error =
            message.error.map(|error| model::AgentError { message: redact::clean(&error.message), ..error });
        if let Some(error) = error.as_ref().filter(|error| error.class != "MessageAbortedError") {
            self.last_error = Some(error.clone());
        }
        self.model = Some((message.provider, message.model));
        let (created, completed) = (message.created, message.completed);
        let asked = message.answers.and_then(|prompt| self.time_of_prompt(&prompt, heard.now.at));
        self.answer = Some(Answer { id: message.id, asked, created, completed, error });
    }

    /// A reading of old messages ends: times of receipt say nothing about them, so those of the
    /// server are shown.
    pub fn end_reading(&mut self) {
        self.is_read = true;
        if !std::mem::take(&mut self.is_first_reading) {
            return;
        }
        if let Some(prompt) = self.begun.take().filter(|_| self.activity.is_busy()) {
            self.count_turn(&prompt);
        }
        if !self.activity.is_busy() {
            self.last_progress = self.info.updated.max(self.info.created);
        } else if let Some(asked) = self.pending.values().map(|request| request.since).max() {
            self.last_progress = asked.min(self.last_progress);
        } else if let Some(answer) = self.answer.as_ref().filter(|_| self.is_waiting()) {
            self.phase_since = answer.created;
            self.last_progress = answer.created.max(self.info.updated).min(self.last_progress);
        }
    }

    /// Whether its messages are known, from events or a reading.
    pub fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    fn is_waiting(&self) -> bool {
        self.writing.is_none() && self.tools.is_empty()
    }

    fn begin_answer(&mut self) {
        self.tools.clear();
        self.parts.clear();
        self.writing = None;
    }

    fn set_prompt(&mut self, message: Message, heard: Heard) {
        // Prompts are written again after each step, with a summary, also older ones.
        let is_newer = self
            .prompt
            .as_ref()
            .is_none_or(|prompt| prompt.id != message.id && message.created >= prompt.created);
        if is_newer {
            self.prompt = Some(Prompt { id: message.id, created: message.created });
            self.stray_error = None;
            self.progress(heard);
        }
    }

    pub fn set_part(&mut self, part: Part, heard: Heard, notes: &mut Vec<Note>) {
        if self.prompt.as_ref().is_some_and(|prompt| prompt.id == part.message) {
            return self.set_prompt_part(&part);
        }
        if self.answer.as_ref().is_some_and(|answer| answer.id != part.message) {
            return self.count_part(&part, heard.now.at, notes);
        }
        self.count_part(&part, heard.now.at, notes);
        if self.parts.get(&part.id) == Some(&part.fingerprint) {
            return;
        }
        if self.parts.len() < PARTS_MAX || self.parts.contains_key(&part.id) {
            self.parts.insert(part.id.clone(), part.fingerprint);
        }
        self.progress(heard);
        self.came_through();
        self.place(part, heard.now.at);
    }

    /// After refusals the model answers again.
    fn came_through(&mut self) {
        if let Activity::AskingAgain { since, .. } = self.activity {
            self.activity = Activity::Busy { since };
        }
    }

    fn set_prompt_part(&mut self, part: &Part) {
        if let PartKind::Text { text, .. } = &part.kind
            && !text.is_empty()
        {
            self.task = Some(redact::shorten(&redact::clean(text), TASK_CHARS_MAX));
        }
    }

    /// What the part says about the phase.
    fn place(&mut self, part: Part, at: Timestamp) {
        match part.kind {
            PartKind::Text { ended: false, started, .. } => {
                if self.writing.as_deref() != Some(&part.id) {
                    self.phase_since = started.unwrap_or(at);
                    self.writing = Some(part.id);
                }
            }
            PartKind::Text { .. } => self.finish_writing(&part.id, at),
            PartKind::Tool { status: ToolStatus::Pending, .. } => {
                self.phase_since = at;
                self.writing = Some(part.id);
            }
            PartKind::Tool { name, call, status: ToolStatus::Running, title, started, child } => {
                self.finish_writing(&part.id, at);
                let known = self.tools.get(&part.id);
                let started = started.or(known.map(|tool| tool.started)).unwrap_or(at);
                let child = child.or_else(|| known.and_then(|tool| tool.child.clone()));
                self.phase_since = started;
                let title = redact::shorten(&redact::clean(&title), TASK_CHARS_MAX);
                let name = redact::name(&name);
                self.tools.insert(part.id, RunningTool { name, call, title, started, child });
            }
            PartKind::Tool { .. } => {
                self.finish_writing(&part.id, at);
                if self.tools.remove(&part.id).is_some() {
                    self.phase_since = at;
                }
            }
            PartKind::StepStart => self.writing = None,
            PartKind::StepFinish | PartKind::Compaction | PartKind::Other => {}
        }
    }

    fn finish_writing(&mut self, part: &str, at: Timestamp) {
        if self.writing.as_deref() == Some(part) {
            self.writing = None;
            self.phase_since = at;
        }
    }

    fn count_part(&mut self, part: &Part, at: Timestamp, notes: &mut Vec<Note>) {
        match &part.kind {
            PartKind::StepFinish => self.count_step(&part.id),
            PartKind::Tool { status: ToolStatus::Pending, .. } => {}
            PartKind::Tool { name, status, .. } => {
                self.count_call(&part.id);
                if let ToolStatus::Failed(reason) = status
                    && self.count_tool_error(&part.id)
                {
                    let (tool, error) = (redact::name(name), redact::clean(reason));
                    let session = self.info.id.clone();
                    notes.push(Note { at, session, what: NoteKind::ToolError { tool, error } });
                }
            }
            _ => {}
        }
    }

    /// A token of the answer.
    pub fn delta(&mut self, part: &str, heard: Heard) {
        self.progress(heard);
        self.came_through();
        if self.writing.as_deref() != Some(part) && self.tools.is_empty() {
            self.phase_since = heard.now.at;
            self.writing = Some(part.to_owned());
        }
    }
}
