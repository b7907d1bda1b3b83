//! The calls that the watch needs. Each names its directory: it selects the instance.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::snapshot::SessionList;
use super::super::wire::{self, Message, Part, PermissionRequest, QuestionRequest, SessionInfo, Status};
use super::{Client, ClientError};

/// Sessions per page of the inventory.
const PAGE: usize = 100;
/// Pages of one inventory; what is beyond is counted as left out only in part.
const PAGES_MAX: usize = 50;
/// The answer and its prompt.
const MESSAGES: &str = "2";

type Messages = Vec<(Message, Vec<Part>)>;

impl Client {
    /// The version of a healthy server. Boots no instance.
    pub async fn health(&self) -> Result<Option<String>, ClientError> {
        let request = self.build(Method::GET, "/global/health", &[]);
        let answer = self.call("health", request, self.pace.health_timeout).await?.value;
        if answer["healthy"].as_bool() == Some(true) {
            Ok(wire::text(&answer, "version"))
        } else {
            Err(ClientError::Unexpected("it does not say that it is healthy"))
        }
    }

    /// The newest `keep` sessions of all projects; the others are counted.
    pub async fn all_sessions(&self, keep: usize) -> Result<SessionList, ClientError> {
        let mut list = SessionList::default();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let (page, next) = self.session_page(cursor.as_deref()).await?;
            let before = list.sessions.len() as u64 + list.left_out;
            for info in page {
                if list.sessions.iter().any(|known| known.id == info.id) {
                    continue;
                }
                if list.sessions.len() < keep {
                    list.sessions.push(info);
                } else {
                    list.left_out += 1;
                }
            }
            let has_grown = list.sessions.len() as u64 + list.left_out > before;
            match next.filter(|next| has_grown && cursor.as_ref() != Some(next)) {
                Some(next) => cursor = Some(next),
                None => {
                    list.is_partial = list.left_out > 0;
                    return Ok(list);
                }
            }
        }
        list.is_partial = true;
        Ok(list)
    }

    /// The sessions that changed last: enough to see what others do.
    pub async fn newest_sessions(&self) -> Result<SessionList, ClientError> {
        let (sessions, next) = self.session_page(None).await?;
        Ok(SessionList { is_partial: next.is_some(), sessions, left_out: 0 })
    }

    async fn session_page(
        &self,
        cursor: Option<&str>,
    ) -> Result<(Vec<SessionInfo>, Option<String>), ClientError> {
        let limit = PAGE.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let request = self.build(Method::GET, "/experimental/session", &query);
        let answer = self.call("sessions", request, self.pace.request_timeout).await?;
        let sessions = array(&answer.value)?.iter().filter_map(SessionInfo::read).collect();
        Ok((sessions, answer.next_cursor))
    }

    /// Names of projects, by id.
    pub async fn projects(&self) -> Result<HashMap<String, String>, ClientError> {
        let value = self.get("projects", "/project", &[]).await?;
        let read = |project: &Value| {
            let name = wire::text(project, "name")
                .or_else(|| project["worktree"].as_str().and_then(wire::last_component));
            Some((wire::text(project, "id")?, name?))
        };
        Ok(array(&value)?.iter().filter_map(read).collect())
    }

    /// Only sessions at work or retrying are in it.
    pub async fn statuses(&self, directory: &str) -> Result<HashMap<String, Status>, ClientError> {
        let value = self.get("status", "/session/status", &[("directory", directory)]).await?;
        let map = value.as_object().ok_or(ClientError::Unexpected("the status map is not an object"))?;
        Ok(map.iter().filter_map(|(id, status)| Some((id.clone(), Status::read(status)?))).collect())
    }

    pub async fn permissions(&self, directory: &str) -> Result<Vec<PermissionRequest>, ClientError> {
        let value = self.get("permissions", "/permission", &[("directory", directory)]).await?;
        Ok(array(&value)?.iter().filter_map(PermissionRequest::read).collect())
    }

    pub async fn questions(&self, directory: &str) -> Result<Vec<QuestionRequest>, ClientError> {
        let value = self.get("questions", "/question", &[("directory", directory)]).await?;
        Ok(array(&value)?.iter().filter_map(QuestionRequest::read).collect())
    }

    /// `None`: there is no such session.
    pub async fn session(
        &self,
        session: &str,
        directory: Option<&str>,
    ) -> Result<Option<SessionInfo>, ClientError> {
        let query: Vec<(&str, &str)> =
            directory.map(|directory| ("directory", directory)).into_iter().collect();
        match self.get("session", &format!("/session/{}", segment(session)), &query).await {
            Ok(value) => Ok(SessionInfo::read(&value)),
            Err(ClientError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The newest messages, oldest first.
    pub async fn messages(&self, session: &str, directory: &str) -> Result<Messages, ClientError> {
        let query = [("directory", directory), ("limit", MESSAGES)];
        let value = self.get("messages", &format!("/session/{}/message", segment(session)), &query).await?;
        let read = |entry: &Value| {
            let parts = entry["parts"].as_array().into_iter().flatten().filter_map(Part::read).collect();
            Some((Message::read(&entry["info"])?, parts))
        };
        Ok(array(&value)?.iter().filter_map(read).collect())
    }

    pub async fn todo(&self, session: &str, directory: &str) -> Result<model::Todo, ClientError> {
        let path = format!("/session/{}/todo", segment(session));
        Ok(wire::todo(&self.get("todo", &path, &[("directory", directory)]).await?))
    }

    /// Always answers `true`, even for sessions that do not exist: no proof of anything.
    pub async fn abort(&self, session: &str, directory: &str) -> Result<(), ClientError> {
        self.post("abort", &format!("/session/{}/abort", segment(session)), directory, None).await
    }

    /// Accepted is not done: a wrong model shows only as a `session.error`.
    pub async fn prompt(&self, session: &str, directory: &str, text: &str) -> Result<(), ClientError> {
        let body = json!({ "parts": [{ "type": "text", "text": text }] });
        self.post("prompt", &format!("/session/{}/prompt_async", segment(session)), directory, Some(body))
            .await
    }

    pub async fn reply_permission(
        &self,
        request: &str,
        directory: &str,
        reply: &str,
    ) -> Result<(), ClientError> {
        let path = format!("/permission/{}/reply", segment(request));
        self.post("reply", &path, directory, Some(json!({ "reply": reply }))).await
    }

    /// A line in the server's own log.
    pub async fn log(&self, session: &str, directory: &str, message: &str) -> Result<(), ClientError> {
        let extra = json!({ "session.id": session });
        let body = json!({ "service": "watchkeeper", "level": "info", "message": message, "extra": extra });
        self.post("log", "/log", directory, Some(body)).await
    }

    async fn get(
        &self,
        endpoint: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, ClientError> {
        let request = self.build(Method::GET, path, query);
        Ok(self.call(endpoint, request, self.pace.request_timeout).await?.value)
    }

    async fn post(
        &self,
        endpoint: &'static str,
        path: &str,
        directory: &str,
        body: Option<Value>,
    ) -> Result<(), ClientError> {
        let request = self.build(Method::POST, path, &[("directory", directory)]);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        self.call(endpoint, request, self.pace.request_timeout).await?;
        Ok(())
    }
}

fn array(value: &Value) -> Result<&[Value], ClientError> {
    value.as_array().map(Vec::as_slice).ok_or(ClientError::Unexpected("not a list"))
}

/// An id as one segment of a path: it comes from outside.
fn segment(id: &str) -> String {
    id.chars().filter(|character| character.is_ascii_alphanumeric() || "_-".contains(*character)).collect()
}
