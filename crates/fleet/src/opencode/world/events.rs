//! Applying events of the stream.

use model::PendingKind;

use super::super::session::{Heard, Session};
use super::super::wire::{Envelope, Event, SessionInfo, Status};
use super::{Note, SESSIONS_MAX, World};
use crate::judge::Moment;

/// Sessions that wait to be introduced; more are forgotten until they speak again.
const TO_FETCH_MAX: usize = 256;

impl World {
    /// One event, at its receipt. Repeated events change nothing.
    pub fn apply(&mut self, envelope: Envelope, now: Moment) {
        let heard = self.heard_byte(now);
        // Before the ids are compared: a copy has the id of its original.
        if matches!(envelope.event, Event::Sync | Event::Heartbeat | Event::Connected | Event::Other) {
            return;
        }
        if envelope.id.as_deref().is_some_and(|id| !self.event_ids.insert(id)) {
            return;
        }
        let directory = envelope.directory;
        match envelope.event {
            Event::Session(info) => self.introduce(*info, heard, true),
            Event::SessionDeleted { session } => self.remove(&session),
            Event::Status { session, status } => {
                self.touch(&session, directory, heard, |known, _| known.set_status(status, heard));
            }
            Event::Error { session: Some(session), error } => {
                self.touch(&session, directory, heard, |known, notes| known.failed(error, notes));
            }
            Event::Message(message) => {
                let session = message.session.clone();
                self.touch(&session, directory, heard, |known, _| known.set_message(*message, heard));
            }
            Event::Part(part) => {
                let session = part.session.clone();
                self.touch(&session, directory, heard, |known, notes| known.set_part(*part, heard, notes));
            }
            Event::Delta { session, part } => {
                self.touch(&session, directory, heard, |known, _| known.delta(&part, heard));
            }
            Event::Todo { session, todo } => {
                self.touch(&session, directory, heard, |known, _| known.set_todo(todo, heard));
            }
            Event::Permission(asked) => self.touch(&asked.session, directory, heard, |known, _| {
                known.asks(asked.id, PendingKind::Permission, &asked.what, heard.now.at, heard);
            }),
            Event::Question(asked) => self.touch(&asked.session, directory, heard, |known, _| {
                known.asks(asked.id, PendingKind::Question, &asked.what, heard.now.at, heard);
            }),
            Event::Answered { session, request } => {
                self.touch(&session, directory, heard, |known, _| known.answered(&request, heard));
            }
            Event::Compacted { session } => {
                self.touch(&session, directory, heard, |known, _| known.stirred(heard));
            }
            Event::FileEdited => self.file_edited(directory.as_deref(), heard),
            Event::InstanceDisposed { directory } => self.disposed(&directory, heard),
            Event::Error { session: None, .. }
            | Event::Sync
            | Event::Heartbeat
            | Event::Connected
            | Event::Other => {}
        }
    }

    fn touch(
        &mut self,
        session: &str,
        directory: Option<String>,
        heard: Heard,
        change: impl FnOnce(&mut Session, &mut Vec<Note>),
    ) {
        if let Some(known) = self.sessions.get_mut(session) {
            known.touched(heard.now);
            change(known, &mut self.notes);
            self.dirty.insert(session.to_owned());
        } else if !self.deleted.contains(session) && self.to_fetch.len() < TO_FETCH_MAX {
            self.to_fetch.insert((session.to_owned(), directory));
        }
    }

    /// A session as the server describes it. `is_event`: it was sent, not asked for.
    pub(super) fn introduce(&mut self, mut info: SessionInfo, heard: Heard, is_event: bool) {
        if info.archived {
            return self.remove(&info.id);
        }
        if self.deleted.contains(&info.id) {
            return;
        }
        if info.project.is_none() {
            info.project = info.project_id.as_ref().and_then(|id| self.projects.get(id).cloned());
        }
        let id = info.id.clone();
        if let Some(known) = self.sessions.get_mut(&id) {
            if is_event {
                known.touched(heard.now);
            } else if info.updated != known.info.updated {
                // It changed without a word on the stream: somebody else runs it.
                self.to_read.insert(id.clone());
            }
            known.set_info(info, heard);
        } else if self.sessions.len() < SESSIONS_MAX {
            let mut session = self.restored(info, heard, is_event);
            if is_event {
                session.touched(heard.now);
            }
            self.sessions.insert(id.clone(), session);
        } else {
            self.left_out += 1;
            return;
        }
        self.dirty.insert(id);
    }

    /// A new session, with what was counted of it before a restart.
    fn restored(&mut self, info: SessionInfo, heard: Heard, is_event: bool) -> Session {
        let is_newborn = is_event && info.created == info.updated;
        let mut session = Session::new(info, heard);
        session.is_read = is_newborn;
        let id = self.agent_id(&session.info.id);
        if let Some(record) = self.saved.remove(&id) {
            session.totals = record.totals;
            session.first_seen = record.first_seen;
            session.last_run = Some(record.status);
            session.busy_when_lost = session.was_at_work();
        }
        session
    }

    pub(super) fn remove(&mut self, session: &str) {
        self.deleted.insert(session);
        if self.sessions.remove(session).is_some() {
            self.removed.push(self.agent_id(session));
            self.dirty.remove(session);
        }
    }

    /// The event does not say who edited. It counts for a session that is alone at work there.
    fn file_edited(&mut self, directory: Option<&str>, heard: Heard) {
        let Some(directory) = directory else { return };
        let mut at_work = self
            .sessions
            .values_mut()
            .filter(|session| session.activity.is_busy() && session.info.directory == directory);
        if let (Some(only), None) = (at_work.next(), at_work.next()) {
            only.stirred(heard);
            self.dirty.insert(only.info.id.clone());
        }
    }

    fn disposed(&mut self, directory: &str, heard: Heard) {
        for (id, session) in &mut self.sessions {
            if session.info.directory == directory && session.activity.is_busy() {
                session.set_status(Status::Idle, heard);
                self.dirty.insert(id.clone());
                self.to_read.insert(id.clone());
            }
        }
    }
}
