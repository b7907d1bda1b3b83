//! Traces of agents: one run, its questions to a model, its tools, and what those touch.

use super::agent::{Agent, TOOLS};
use super::chance::Chance;
use super::events::{Attribute, Events, Value};

/// No further step is begun in a trace of this size.
const SPANS_ENOUGH: usize = 38;
/// Between two spans of one level.
const PAUSE_NANOS: i64 = 100_000;

#[derive(Clone, Debug)]
pub struct SpanLine {
    /// In hexadecimal digits, as the other ids.
    pub trace_id: String,
    pub span_id: String,
    /// Empty for the run itself.
    pub parent_id: String,
    pub name: String,
    /// Asks something outside of the agent.
    pub is_client: bool,
    pub agent: usize,
    pub start_nanos: i64,
    pub end_nanos: i64,
    pub attributes: Vec<Attribute>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A trace that is being told.
struct Telling<'a> {
    events: &'a Events,
    chance: Chance,
    agent: usize,
    trace_id: String,
    root: String,
    session: String,
    now: i64,
    spans: Vec<SpanLine>,
}

impl Events {
    /// The run first, then what it did in order.
    pub fn trace(&self, number: u64) -> Vec<SpanLine> {
        let mut chance = Chance::of("spans", number);
        let (agent, start) = (self.trace_agent(number), self.trace_start(number));
        let mut telling = Telling {
            events: self,
            agent,
            trace_id: self.trace_id(number),
            root: chance.hex(16),
            session: Self::session(agent, start),
            now: start + 1_000_000,
            spans: vec![],
            chance,
        };
        let steps = 3 + telling.chance.below(7);
        for _ in 0..steps {
            telling.question();
            for _ in 0..telling.chance.below(4) {
                telling.tool();
            }
            if telling.spans.len() >= SPANS_ENOUGH {
                break;
            }
        }
        telling.end(start)
    }
}

impl Telling<'_> {
    fn span(&self, id: String, parent: &str, name: String, start: i64, nanos: i64) -> SpanLine {
        SpanLine {
            trace_id: self.trace_id.clone(),
            span_id: id,
            parent_id: parent.to_owned(),
            name,
            is_client: false,
            agent: self.agent,
            start_nanos: start,
            end_nanos: start + nanos,
            attributes: vec![],
            error: None,
        }
    }

    fn question(&mut self) {
        let nanos = (self.chance.exponential(3.0e9) + 2e8) as i64;
        let model = Events::model(self.agent);
        let provider = if model.contains("gpt") { "openai" } else { "anthropic" };
        let id = self.chance.hex(16);
        let mut span = self.span(id, &self.root, format!("chat {model}"), self.now, nanos);
        span.is_client = true;
        span.attributes = vec![
            ("gen_ai.operation.name", "chat".into()),
            ("gen_ai.provider.name", provider.into()),
            ("gen_ai.request.model", model.into()),
            ("gen_ai.response.model", format!("{model}-20260801").into()),
            ("gen_ai.usage.input_tokens", self.chance.below(60_000).into()),
            ("gen_ai.usage.output_tokens", self.chance.below(2_500).into()),
            ("gen_ai.request.temperature", Value::Float(0.7)),
            ("gen_ai.response.finish_reasons", self.chance.pick(&["stop", "tool_calls", "length"]).into()),
            ("gen_ai.response.id", format!("msg_{}", self.chance.hex(24)).into()),
            ("gen_ai.conversation.id", self.session.clone().into()),
        ];
        if self.chance.happens(0.33) {
            let length = 30 + self.chance.below(50) as usize;
            let answer = self.events.words.sentence(&mut self.chance, length);
            let message =
                format!(r#"[{{"role":"assistant","parts":[{{"type":"text","content":"{answer}"}}]}}]"#);
            span.attributes.push(("gen_ai.output.messages", message.into()));
        }
        if self.chance.happens(0.02) {
            let kind = self.chance.pick(&["timeout", "rate_limit", "overloaded"]);
            span.attributes.push(("error.type", kind.into()));
            span.error = Some("provider error".to_owned());
        }
        self.now = span.end_nanos + PAUSE_NANOS;
        self.spans.push(span);
    }

    fn tool(&mut self) {
        let tool = self.chance.pick(&TOOLS);
        let nanos = (self.chance.exponential(4e8) + 5e5) as i64;
        let id = self.chance.hex(16);
        self.touch(&id, nanos);
        let mut span = self.span(id, &self.root, format!("execute_tool {tool}"), self.now, nanos);
        span.attributes = vec![
            ("gen_ai.operation.name", "execute_tool".into()),
            ("gen_ai.tool.name", tool.into()),
            ("gen_ai.tool.call.id", format!("call_{}", self.chance.hex(24)).into()),
            ("gen_ai.tool.type", "function".into()),
            ("gen_ai.conversation.id", self.session.clone().into()),
        ];
        if self.chance.happens(0.04) {
            span.attributes.push(("error.type", "tool_error".into()));
            let reason = self.events.words.sentence(&mut self.chance, 5);
            span.error = Some(format!("tool {tool} failed: {reason}"));
        }
        self.now = span.end_nanos + PAUSE_NANOS;
        self.spans.push(span);
    }

    /// Up to two requests, queries or files below a tool.
    fn touch(&mut self, parent: &str, nanos: i64) {
        let mut start = self.now + PAUSE_NANOS / 2;
        for _ in 0..self.chance.below(3) {
            let share = 0.1 + 0.3 * self.chance.unit();
            let (name, attributes) = self.touched();
            let id = self.chance.hex(16);
            let mut span = self.span(id, parent, name.to_owned(), start, (nanos as f64 * share) as i64);
            span.is_client = true;
            span.attributes = attributes;
            start = span.end_nanos + PAUSE_NANOS / 5;
            self.spans.push(span);
        }
    }

    fn touched(&mut self) -> (&'static str, Vec<Attribute>) {
        let (chance, words) = (&mut self.chance, &self.events.words);
        match chance.below(3) {
            0 => {
                let (host, page) = (words.word(chance), words.word(chance));
                let url = format!("https://{host}.example/{page}/{}", chance.below(10_000));
                let status = if chance.happens(0.95) { 200_u64 } else { 404 };
                let attributes = vec![
                    ("http.request.method", "GET".into()),
                    ("url.full", url.into()),
                    ("http.response.status_code", status.into()),
                ];
                ("GET", attributes)
            }
            1 => {
                let (topic, limit) = (words.word(chance), 1 + chance.below(50));
                let query =
                    format!("SELECT * FROM memory WHERE agent_id = $1 AND topic = '{topic}' LIMIT {limit}");
                let attributes = vec![
                    ("db.system.name", "postgresql".into()),
                    ("db.query.text", query.into()),
                    ("db.response.returned_rows", chance.below(50).into()),
                ];
                ("SELECT memory", attributes)
            }
            _ => {
                let path = format!("/workspace/{}/{}.py", words.word(chance), words.word(chance));
                let attributes =
                    vec![("file.path", path.into()), ("file.size", chance.below(100_000).into())];
                ("fs.read", attributes)
            }
        }
    }

    fn end(mut self, start: i64) -> Vec<SpanLine> {
        let name = Events::agent_name(self.agent);
        let id = std::mem::take(&mut self.root);
        let mut run = self.span(id, "", format!("invoke_agent {name}"), start, self.now - start);
        run.attributes = vec![
            ("gen_ai.operation.name", "invoke_agent".into()),
            ("gen_ai.agent.name", name.into()),
            ("gen_ai.agent.id", Agent::name(self.agent).into()),
            ("gen_ai.conversation.id", self.session.clone().into()),
            ("gen_ai.request.model", Events::model(self.agent).into()),
            ("user.id", format!("user-{:05}", self.chance.below(20_000)).into()),
        ];
        let has_failed = self.spans.iter().any(|span| span.error.is_some());
        if has_failed && self.chance.happens(0.3) {
            run.error = Some("agent run failed".to_owned());
        }
        self.spans.insert(0, run);
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn traces_are_trees_of_the_announced_size() {
        let events = Events::ending_at(1_795_000_000_000_000_000, 6, 500, 1_000, 200);
        let mut spans = 0;
        for number in 0..events.traces {
            let trace = events.trace(number);
            let ids: BTreeSet<&str> = trace.iter().map(|span| &*span.span_id).collect();
            assert_eq!(ids.len(), trace.len());
            assert!(trace.iter().skip(1).all(|span| ids.contains(&*span.parent_id)));
            spans += trace.len();
        }
        let mean = spans / events.traces as usize;
        assert!((20..30).contains(&mean), "{mean} spans a trace");
    }
}
