//! What a server says over REST at one moment, as values.

use std::collections::HashMap;

use model::Todo;

use super::wire::{Message, Part, PermissionRequest, QuestionRequest, SessionInfo, Status};
use crate::judge::Moment;

/// The inventory of sessions, newest first.
#[derive(Clone, Debug, Default)]
pub struct SessionList {
    pub sessions: Vec<SessionInfo>,
    /// There are more, older than the last one here.
    pub is_partial: bool,
    /// Counted and not kept.
    pub left_out: u64,
}

/// What is going on in one directory.
#[derive(Clone, Debug)]
pub struct DirectoryState {
    pub directory: String,
    /// `None`: the server could not say.
    pub statuses: Option<HashMap<String, Status>>,
    /// `None`: could not be read; what is known stays.
    pub permissions: Option<Vec<PermissionRequest>>,
    pub questions: Option<Vec<QuestionRequest>>,
}

/// The newest messages of one session.
#[derive(Clone, Debug)]
pub struct Reading {
    pub asked: Moment,
    pub session: String,
    pub messages: Vec<(Message, Vec<Part>)>,
    pub todo: Option<Todo>,
}

/// One round of questions. What events said since `asked` is newer.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub asked: Moment,
    pub list: Option<SessionList>,
    pub directories: Vec<DirectoryState>,
}
