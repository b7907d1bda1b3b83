//! What names mean: the fields that every event has, and short names for long ones.

/// Attributes and labels that a short name stands for, the first that an event has. A name
/// that is not here stands for itself.
const SHORT_NAMES: &[(&str, &[&str])] = &[
    ("agent", &["agent", "watchkeeper.agent", "gen_ai.agent.name", "agent.name"]),
    (
        "conversation",
        &["watchkeeper.conversation", "gen_ai.conversation.id", "conversation.id", "session.id"],
    ),
    ("host", &["host", "host.name"]),
    (
        "model",
        &["watchkeeper.model", "model", "gen_ai.response.model", "gen_ai.request.model", "llm.model_name"],
    ),
    ("provider", &["watchkeeper.provider", "gen_ai.provider.name", "gen_ai.system", "llm.provider"]),
    ("service", &["service.name", "service_name", "service"]),
    ("session", &["session.id", "watchkeeper.conversation", "gen_ai.conversation.id", "session"]),
    ("tool", &["tool", "watchkeeper.tool", "gen_ai.tool.name", "tool_name", "tool.name"]),
];

/// The names under which an event may have what is meant, the best first.
pub fn names(name: &str) -> impl Iterator<Item = &str> {
    let known = SHORT_NAMES.iter().find(|(short, _)| *short == name).map(|(_, long)| *long);
    let itself = known.is_none().then_some(name);
    known.into_iter().flatten().copied().chain(itself)
}

/// A field whose values have a form of their own, which is checked when a search is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Severity,
    TraceId,
    SpanId,
    Duration,
    Any,
}

impl Form {
    pub fn of(name: &str) -> Self {
        match name {
            "level" | "severity" => Form::Severity,
            "trace" | "trace_id" => Form::TraceId,
            "span" | "span_id" | "parent" => Form::SpanId,
            "duration" => Form::Duration,
            _ => Form::Any,
        }
    }
}
