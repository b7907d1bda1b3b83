//! What kind of work a span is.

use model::{Span, SpanKind, Value};

/// For whom or what the time of a span passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A language model answers.
    Model,
    /// A tool works.
    Tool,
    /// A person is waited for.
    Human,
    /// Something waits for its turn.
    Queue,
    /// A failed call waits to be made again.
    Retry,
    /// All else: the program's own work.
    Own,
}

impl Class {
    pub const ALL: [Class; 6] =
        [Class::Model, Class::Tool, Class::Human, Class::Queue, Class::Retry, Class::Own];

    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Model => "model",
            Class::Tool => "tool",
            Class::Human => "human",
            Class::Queue => "queue",
            Class::Retry => "retry",
            Class::Own => "own",
        }
    }
}

enum Sign {
    /// The span's name is this, or begins with this and a space.
    Name(&'static str),
    /// An attribute has one of these values.
    Attribute(&'static str, &'static [&'static str]),
    Kind(SpanKind),
}

/// The first sign that a span bears says it. Sources: the conventions for generative AI of
/// OpenTelemetry, OpenInference, OpenLLMetry and the Vercel AI SDK, and the names that Claude
/// Code and Codex use.
const SIGNS: &[(Sign, Class)] = &[
    (Sign::Name("claude_code.tool.blocked_on_user"), Class::Human),
    (Sign::Name("wait_for_approval"), Class::Human),
    (Sign::Name("retry"), Class::Retry),
    (Sign::Name("backoff"), Class::Retry),
    (Sign::Name("queue"), Class::Queue),
    (Sign::Attribute("gen_ai.operation.name", &["execute_tool"]), Class::Tool),
    (
        Sign::Attribute(
            "gen_ai.operation.name",
            &["chat", "generate_content", "text_completion", "embeddings", "retrieval", "fetch_response"],
        ),
        Class::Model,
    ),
    (Sign::Attribute("openinference.span.kind", &["LLM", "EMBEDDING", "RERANKER"]), Class::Model),
    (Sign::Attribute("openinference.span.kind", &["TOOL"]), Class::Tool),
    (Sign::Attribute("traceloop.span.kind", &["tool"]), Class::Tool),
    (Sign::Attribute("llm.request.type", &["chat", "completion", "embedding"]), Class::Model),
    (Sign::Name("ai.streamText.doStream"), Class::Model),
    (Sign::Name("ai.generateText.doGenerate"), Class::Model),
    (Sign::Name("ai.streamObject.doStream"), Class::Model),
    (Sign::Name("ai.generateObject.doGenerate"), Class::Model),
    (Sign::Name("ai.toolCall"), Class::Tool),
    (Sign::Name("claude_code.llm_request"), Class::Model),
    (Sign::Name("claude_code.tool"), Class::Tool),
    (Sign::Name("claude_code.tool.execution"), Class::Tool),
    (Sign::Name("run_sampling_request"), Class::Model),
    (Sign::Name("exec_command"), Class::Tool),
    (Sign::Name("execute_tool"), Class::Tool),
    (Sign::Name("chat"), Class::Model),
    (Sign::Kind(SpanKind::Producer), Class::Queue),
];

impl Class {
    pub fn of(span: &Span) -> Self {
        let found = SIGNS.iter().find(|(sign, _)| match sign {
            Sign::Name(name) => {
                span.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            }
            Sign::Attribute(name, values) => span.attributes.iter().any(|(other, value)| {
                other == name && matches!(value, Value::Text(text) if values.contains(&text.as_str()))
            }),
            Sign::Kind(kind) => span.kind == *kind,
        });
        found.map_or(Class::Own, |(_, class)| *class)
    }
}
