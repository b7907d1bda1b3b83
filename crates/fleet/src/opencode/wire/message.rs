//! Messages and their parts.

use std::hash::{DefaultHasher, Hash, Hasher};

use model::{AgentError, Timestamp};
use serde_json::Value;

use super::{error, text, time_ms};

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: String,
    pub session: String,
    pub is_user: bool,
    /// The user message that this one answers.
    pub answers: Option<String>,
    pub created: Timestamp,
    pub completed: Option<Timestamp>,
    pub finish: Option<String>,
    pub error: Option<AgentError>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub agent: Option<String>,
}

impl Message {
    pub fn read(value: &Value) -> Option<Self> {
        let time = &value["time"];
        let created = time_ms(&time["created"]).unwrap_or_default();
        let completed = time_ms(&time["completed"]);
        Some(Self {
            id: text(value, "id")?,
            session: text(value, "sessionID")?,
            is_user: value["role"].as_str() == Some("user"),
            answers: text(value, "parentID"),
            created,
            completed,
            finish: text(value, "finish"),
            error: error(&value["error"], completed.unwrap_or(created)),
            // Answers name their model, prompts carry it in an object.
            provider: text(value, "providerID").or_else(|| text(&value["model"], "providerID")),
            model: text(value, "modelID").or_else(|| text(&value["model"], "modelID")),
            agent: text(value, "agent").or_else(|| text(value, "mode")),
        })
    }

    /// More answers to the same prompt follow, unless the turn is cut off.
    pub fn is_unfinished(&self) -> bool {
        self.error.is_none() && (self.completed.is_none() || self.finish.as_deref() == Some("tool-calls"))
    }

    /// Written by the agent about itself, to shorten its history.
    pub fn is_compaction(&self) -> bool {
        self.agent.as_deref() == Some("compaction")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub id: String,
    pub message: String,
    pub session: String,
    pub kind: PartKind,
    /// Changes when anything in the part changes: a repeated part is not progress.
    pub fingerprint: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PartKind {
    /// Text or reasoning. Open while the model writes it.
    Text {
        text: String,
        started: Option<Timestamp>,
        ended: bool,
    },
    Tool {
        name: String,
        call: String,
        status: ToolStatus,
        /// What the tool says about itself, or the head of its input.
        title: String,
        started: Option<Timestamp>,
        /// The session of the subagent that it started.
        child: Option<String>,
    },
    StepStart,
    StepFinish,
    Compaction,
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ToolStatus {
    /// The model still writes the call.
    Pending,
    Running,
    Completed,
    /// Failed, with the reason. A command that exits with another code than zero is
    /// `completed` to OpenCode; to us it failed.
    Failed(String),
}

impl Part {
    pub fn read(value: &Value) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        value.to_string().hash(&mut hasher);
        Some(Self {
            id: text(value, "id")?,
            message: text(value, "messageID")?,
            session: text(value, "sessionID")?,
            kind: PartKind::read(value),
            fingerprint: hasher.finish(),
        })
    }
}

impl PartKind {
    fn read(value: &Value) -> Self {
        match value["type"].as_str() {
            Some("text" | "reasoning") => PartKind::Text {
                text: text(value, "text").unwrap_or_default(),
                started: time_ms(&value["time"]["start"]),
                ended: time_ms(&value["time"]["end"]).is_some(),
            },
            Some("tool") => read_tool(value),
            Some("step-start") => PartKind::StepStart,
            Some("step-finish") => PartKind::StepFinish,
            Some("compaction") => PartKind::Compaction,
            _ => PartKind::Other,
        }
    }
}

fn read_tool(value: &Value) -> PartKind {
    let state = &value["state"];
    let status = match state["status"].as_str() {
        Some("running") => ToolStatus::Running,
        Some("completed") => match state["metadata"]["exit"].as_i64() {
            Some(code) if code != 0 => ToolStatus::Failed(format!("exit code {code}")),
            _ => ToolStatus::Completed,
        },
        Some("error") => ToolStatus::Failed(text(state, "error").unwrap_or_default()),
        _ => ToolStatus::Pending,
    };
    PartKind::Tool {
        name: text(value, "tool").unwrap_or_else(|| "tool".to_owned()),
        call: text(value, "callID").unwrap_or_default(),
        status,
        title: text(state, "title")
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| subject(&state["input"])),
        started: time_ms(&state["time"]["start"]),
        child: text(&state["metadata"], "sessionId"),
    }
}

/// The field of an input that tells a person most.
fn subject(input: &Value) -> String {
    const TELLING: [&str; 7] = ["command", "filePath", "description", "pattern", "url", "query", "path"];
    let told = TELLING.iter().find_map(|key| text(input, key));
    told.unwrap_or_else(|| match input {
        Value::Object(fields) if fields.is_empty() => String::new(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}
