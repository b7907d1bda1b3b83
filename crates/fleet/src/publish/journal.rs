//! What happened to agents and sources, as log records.

use model::{
    Agent, AgentId, AgentState, LabelSet, LogRecord, LogSeverity, SourceState, SourceStatus, Timestamp,
};

use crate::opencode::session::{Note, NoteKind};

fn record(at: Timestamp, agent: &str, source: &str, severity: LogSeverity, body: String) -> LogRecord {
    let stream = LabelSet::new([("service", "fleet"), ("agent", agent), ("source", source)]);
    LogRecord::new(at, stream, severity, body)
}

fn with(mut record: LogRecord, attributes: &[(&str, &str)]) -> LogRecord {
    let filled = attributes.iter().filter(|(_, value)| !value.is_empty());
    record.attributes.extend(filled.map(|(name, value)| ((*name).to_owned(), (*value).into())));
    record
}

pub fn transition(agent: &Agent, from: Option<AgentState>, at: Timestamp) -> LogRecord {
    let state = agent.status.state;
    let severity = match state {
        AgentState::Dead | AgentState::Failed => LogSeverity::Error,
        AgentState::Stalled | AgentState::Wedged => LogSeverity::Warn,
        _ => LogSeverity::Info,
    };
    let why: Vec<&str> = agent.status.evidence.iter().map(|evidence| evidence.what.as_str()).collect();
    let before = from.map_or("new", AgentState::as_str);
    let body = format!("{}: {before} to {}: {}", agent.name, state.as_str(), why.join("; "));
    with(
        record(at, agent.id.as_str(), &agent.source, severity, body),
        &[
            ("event", "transition"),
            ("from", before),
            ("to", state.as_str()),
            ("confidence", agent.status.confidence.as_str()),
            ("session", &agent.session),
        ],
    )
}

pub fn note(agent: &AgentId, source: &str, note: &Note) -> LogRecord {
    match &note.what {
        NoteKind::ToolError { tool, error } => with(
            record(note.at, agent.as_str(), source, LogSeverity::Warn, format!("{tool} failed: {error}")),
            &[("event", "tool_error"), ("tool", tool)],
        ),
        NoteKind::LlmError { class, error } => with(
            record(
                note.at,
                agent.as_str(),
                source,
                LogSeverity::Error,
                format!("the model failed: {error} ({class})"),
            ),
            &[("event", "llm_error"), ("class", class)],
        ),
    }
}

pub fn source(status: &SourceStatus, at: Timestamp) -> LogRecord {
    let severity = match status.state {
        SourceState::Live | SourceState::Connecting => LogSeverity::Info,
        SourceState::Refused | SourceState::Wedged | SourceState::Down => LogSeverity::Warn,
    };
    let body = format!("{} is {}: {}", status.name, status.state.as_str(), status.reason);
    with(
        record(at, "", &status.name, severity, body),
        &[("event", "source"), ("state", status.state.as_str()), ("url", &status.url)],
    )
}
