//! Applying what the server said over REST.
//!
//! An answer is as old as its question: for a session that an event spoke of since, the event
//! is newer and wins.

use std::collections::HashSet;

use model::{PendingKind, Timestamp};

use super::super::session::{Heard, Listing};
use super::super::snapshot::{DirectoryState, Reading, SessionList, Snapshot};
use super::super::wire::{SessionInfo, Status};
use super::World;
use crate::judge::Moment;

impl World {
    pub fn apply_snapshot(&mut self, snapshot: Snapshot, now: Moment) {
        let heard = self.heard(now);
        if let Some(list) = snapshot.list {
            self.apply_list(list, snapshot.asked, heard);
        }
        for directory in snapshot.directories {
            self.apply_directory(directory, snapshot.asked, heard);
        }
    }

    /// The inventory. What is missing from it is gone: deleted or archived by somebody.
    fn apply_list(&mut self, list: SessionList, asked: Moment, heard: Heard) {
        let listed: HashSet<&str> = list.sessions.iter().map(|info| info.id.as_str()).collect();
        let oldest = list.sessions.iter().map(|info| info.updated).min().unwrap_or(Timestamp::MAX);
        let floor = if list.is_partial { oldest } else { Timestamp::MIN };
        let gone: Vec<String> = self
            .sessions
            .values()
            .filter(|known| known.info.updated > floor && !listed.contains(known.info.id.as_str()))
            .filter(|known| !known.is_heard_since(asked))
            .map(|known| known.info.id.clone())
            .collect();
        for session in gone {
            let known = self.sessions.get(&session);
            if known.is_some_and(|known| known.activity.is_busy()) {
                // Deleted at work, it stays in the status map for ever: asked for by name.
                self.to_fetch.insert((session.clone(), self.directory_of(&session)));
            } else {
                self.remove(&session);
            }
        }
        if !list.is_partial || list.left_out > 0 {
            self.left_out = list.left_out;
        }
        for info in list.sessions {
            let is_newer = self.sessions.get(&info.id).is_some_and(|known| known.is_heard_since(asked));
            if !is_newer {
                self.introduce(info, heard, false);
            }
        }
    }

    /// The status map of one directory: who is not in it is at rest.
    pub fn apply_directory(&mut self, state: DirectoryState, asked: Moment, heard: Heard) {
        let DirectoryState { directory, statuses, permissions, questions } = state;
        let Some(statuses) = statuses else {
            return self.unanswered(&directory);
        };
        for (id, known) in &mut self.sessions {
            let status = match statuses.get(id) {
                Some(status) => status.clone(),
                None if known.info.directory == directory => Status::Idle,
                None => continue,
            };
            if known.is_heard_since(asked) {
                continue;
            }
            let was_busy = known.activity.is_busy();
            known.set_status(status, heard);
            if was_busy != known.activity.is_busy() || known.busy_when_lost {
                self.to_read.insert(id.clone());
            }
            self.dirty.insert(id.clone());
        }
        for id in statuses.keys() {
            if !self.sessions.contains_key(id) && !self.deleted.contains(id) {
                self.to_fetch.insert((id.clone(), Some(directory.clone())));
            }
        }
        let permissions = permissions.map(|asked| {
            asked.into_iter().map(|request| (request.id, request.session, request.what)).collect()
        });
        self.apply_requests(&directory, PendingKind::Permission, permissions, asked, heard);
        let questions = questions.map(|asked| {
            asked.into_iter().map(|request| (request.id, request.session, request.what)).collect()
        });
        self.apply_requests(&directory, PendingKind::Question, questions, asked, heard);
    }

    fn unanswered(&mut self, directory: &str) {
        for (id, known) in &mut self.sessions {
            if known.info.directory == directory && known.listing == Listing::NotAsked {
                known.listing = Listing::Unanswered;
                self.dirty.insert(id.clone());
            }
        }
    }

    /// Open requests of one kind. Those of sessions at rest are leftovers and not shown.
    fn apply_requests(
        &mut self,
        directory: &str,
        kind: PendingKind,
        requests: Option<Vec<(String, String, String)>>,
        asked: Moment,
        heard: Heard,
    ) {
        let Some(requests) = requests else { return };
        let open: HashSet<&str> = requests.iter().map(|(id, ..)| id.as_str()).collect();
        for (id, known) in &mut self.sessions {
            if known.info.directory != directory || known.is_heard_since(asked) {
                continue;
            }
            let before = known.pending.len();
            known.pending.retain(|request, pending| pending.kind != kind || open.contains(request.as_str()));
            if known.pending.len() != before {
                self.dirty.insert(id.clone());
            }
        }
        for (request, session, what) in requests {
            if let Some(known) = self.sessions.get_mut(&session)
                && known.activity.is_busy()
                && !known.is_heard_since(asked)
            {
                let since = known.time_of_id(&request, heard.now.at).unwrap_or(heard.now.at);
                known.asks(request, kind, &what, since, heard);
                self.dirty.insert(session);
            }
        }
    }

    /// The newest messages of a session. A first reading counts nothing.
    pub fn apply_reading(&mut self, reading: Reading, now: Moment) {
        let heard = self.heard(now);
        let Some(known) = self.sessions.get_mut(&reading.session) else { return };
        if known.has_answer() && known.is_heard_since(reading.asked) {
            return;
        }
        known.is_first_reading = !known.is_read;
        for (message, parts) in reading.messages {
            known.set_message(message, heard);
            for part in parts {
                known.set_part(part, heard, &mut self.notes);
            }
        }
        if let Some(todo) = reading.todo {
            known.set_todo(todo, heard);
        }
        known.end_reading();
        self.dirty.insert(reading.session);
    }

    /// The answer to a fetch of one session; `None`: it does not exist.
    pub fn apply_fetched(&mut self, session: &str, info: Option<SessionInfo>, now: Moment) {
        match info {
            Some(info) => {
                let id = info.id.clone();
                self.introduce(info, self.heard(now), false);
                self.to_read.insert(id);
            }
            None => self.remove(session),
        }
    }

    /// Marks the newest sessions at rest whose last turn is not known yet, so that a failed
    /// one is seen.
    pub fn read_newest(&mut self, limit: usize, newer_than: Timestamp) {
        let mut unread: Vec<(&Timestamp, &String)> = self
            .sessions
            .values()
            .filter(|session| !session.is_read && session.info.updated > newer_than)
            .map(|session| (&session.info.updated, &session.info.id))
            .collect();
        unread.sort_unstable_by(|a, b| b.cmp(a));
        self.to_read.extend(unread.into_iter().take(limit).map(|(_, id)| id.clone()));
    }

    /// Directories worth polling: where something is at work or was lately.
    pub fn directories(&self, newer_than: Timestamp) -> Vec<String> {
        let mut directories: Vec<String> = self
            .sessions
            .values()
            .filter(|session| session.activity.is_busy() || session.info.updated > newer_than)
            .map(|session| session.info.directory.clone())
            .filter(|directory| !directory.is_empty())
            .collect();
        directories.sort_unstable();
        directories.dedup();
        directories
    }
}
