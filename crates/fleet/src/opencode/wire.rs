//! OpenCode's JSON as plain values.
//!
//! Read by hand from [`Value`]s and not by derived types, on purpose: a field that is missing,
//! new or of another type must cost that field and never the event. Texts stay as they are;
//! the session cleans what it keeps.

mod event;
mod message;

use model::{AgentError, Timestamp, TokenCounts};
use serde_json::Value;

pub use event::{Envelope, Event, decode};
pub use message::{Message, Part, PartKind, ToolStatus};

/// `Session` of the API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionInfo {
    pub id: String,
    pub slug: String,
    pub title: String,
    pub directory: String,
    /// The project's name, or the last part of its path.
    pub project: Option<String>,
    pub project_id: Option<String>,
    pub parent: Option<String>,
    pub agent: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub version: Option<String>,
    pub cost: f64,
    pub tokens: TokenCounts,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub archived: bool,
}

/// An entry of `/session/status`.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    Idle,
    Busy,
    Retry { attempt: u32, message: String, next: Timestamp },
}

#[derive(Clone, Debug, PartialEq)]
pub struct PermissionRequest {
    pub id: String,
    pub session: String,
    /// `bash: rm -f tmpfile`.
    pub what: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct QuestionRequest {
    pub id: String,
    pub session: String,
    pub what: String,
}

impl SessionInfo {
    /// `None` without an id.
    pub fn read(value: &Value) -> Option<Self> {
        let id = text(value, "id").filter(|id| !id.is_empty())?;
        let time = &value["time"];
        let created = time_ms(&time["created"]).unwrap_or_default();
        Some(Self {
            id,
            slug: text(value, "slug").unwrap_or_default(),
            title: text(value, "title").unwrap_or_default(),
            directory: text(value, "directory").unwrap_or_default(),
            project: text(&value["project"], "name")
                .or_else(|| value["project"]["worktree"].as_str().and_then(last_component)),
            project_id: text(value, "projectID"),
            parent: text(value, "parentID"),
            agent: text(value, "agent"),
            provider: text(&value["model"], "providerID"),
            model: text(&value["model"], "id"),
            version: text(value, "version"),
            cost: value["cost"].as_f64().filter(|cost| cost.is_finite()).unwrap_or(0.0),
            tokens: tokens(&value["tokens"]),
            created,
            updated: time_ms(&time["updated"]).unwrap_or(created),
            archived: time_ms(&time["archived"]).is_some(),
        })
    }
}

impl Status {
    /// What is not known to be at rest or retrying is busy.
    pub fn read(value: &Value) -> Option<Self> {
        match value["type"].as_str()? {
            "idle" => Some(Status::Idle),
            "retry" => Some(Status::Retry {
                attempt: count(&value["attempt"]) as u32,
                message: text(value, "message").unwrap_or_default(),
                next: time_ms(&value["next"]).unwrap_or_default(),
            }),
            _ => Some(Status::Busy),
        }
    }
}

impl PermissionRequest {
    pub fn read(value: &Value) -> Option<Self> {
        let permission = text(value, "permission").unwrap_or_else(|| "something".to_owned());
        let patterns: Vec<&str> =
            value["patterns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let what = match patterns.as_slice() {
            [] => permission,
            patterns => format!("{permission}: {}", patterns.join(", ")),
        };
        Some(Self { id: text(value, "id")?, session: text(value, "sessionID")?, what })
    }
}

impl QuestionRequest {
    pub fn read(value: &Value) -> Option<Self> {
        let questions: Vec<&str> = value["questions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|question| question["question"].as_str())
            .collect();
        Some(Self { id: text(value, "id")?, session: text(value, "sessionID")?, what: questions.join(" ") })
    }
}

/// `{name, data: {message, statusCode?, isRetryable?}}`.
pub fn error(value: &Value, at: Timestamp) -> Option<AgentError> {
    if !value.is_object() {
        return None;
    }
    let data = &value["data"];
    let class = text(value, "name").unwrap_or_else(|| "UnknownError".to_owned());
    let message = text(data, "message").or_else(|| text(value, "message")).unwrap_or_default();
    let status = data["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let is_hopeless =
        matches!(class.as_str(), "ProviderAuthError" | "ContextOverflowError" | "ContentFilterError");
    let may_retry = data["isRetryable"].as_bool().unwrap_or(!is_hopeless);
    let retryable = may_retry && !crate::judge::is_final(&message);
    Some(AgentError { class, message, status, retryable, at })
}

pub fn tokens(value: &Value) -> TokenCounts {
    TokenCounts {
        input: count(&value["input"]),
        output: count(&value["output"]),
        reasoning: count(&value["reasoning"]),
        cache_read: count(&value["cache"]["read"]),
        cache_write: count(&value["cache"]["write"]),
    }
}

pub fn todo(value: &Value) -> model::Todo {
    let todos = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_done = |todo: &&Value| matches!(todo["status"].as_str(), Some("completed" | "cancelled"));
    model::Todo { done: todos.iter().filter(is_done).count() as u32, total: todos.len() as u32 }
}

pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

/// A count that may come as a float; negative or absent counts are zero.
pub(crate) fn count(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64)).unwrap_or(0)
}

/// Milliseconds since the epoch.
pub(crate) fn time_ms(value: &Value) -> Option<Timestamp> {
    let millis = value.as_i64().or_else(|| value.as_f64().map(|number| number as i64))?;
    Some(Timestamp::from_millis(millis))
}

/// When the server made an id, `per_2065861d1001PGzX1Lvtoz4MoR`: ids of one kind sort by their
/// time, the milliseconds in nine hexadecimal digits, and three that count. The digits come
/// round every two years, so the newest time before `now` is meant.
pub(crate) fn time_of_id(id: &str, now: Timestamp) -> Option<Timestamp> {
    const ROUND: i64 = 1 << 36;
    let (_, digits) = id.split_once('_')?;
    let millis = i64::from_str_radix(digits.get(..9)?, 16).ok()?;
    let age = (now.as_millis() - millis).rem_euclid(ROUND);
    Some(Timestamp::from_millis(now.as_millis() - age))
}

/// The last part of a path.
pub(crate) fn last_component(path: &str) -> Option<String> {
    let name = path.trim_end_matches('/').rsplit('/').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made() {
        let made = Timestamp::from_millis(1_795_404_442_163);
        for (id, now_ms, expected) in [
            ("msg_20671aa33001r7r7kxA06FUHcX", 1_795_404_442_163, Some(made)),
            ("msg_20671aa33001r7r7kxA06FUHcX", 1_795_504_442_163, Some(made)),
            ("per_20671aa33fff", 1_795_404_500_000, Some(made)),
            ("per_1", 1_795_404_500_000, None),
            ("mine", 1_795_404_500_000, None),
            ("per_\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", 1_795_404_500_000, None),
        ] {
            assert_eq!(time_of_id(id, Timestamp::from_millis(now_ms)), expected, "{id}");
        }
        let ahead = time_of_id("msg_20671aa33001", made - std::time::Duration::from_secs(1)).unwrap();
        assert!(ahead < Timestamp::from_millis(1_735_000_000_000), "the round before: {ahead}");
    }
}
