//! Log records of agents: calls of models and tools, thoughts, retries, failures.

use super::agent::TOOLS;
use super::chance::Chance;
use super::events::{Attribute, Events};

/// The first of so many records says a word that no other says.
const NEEDLE_EVERY: u64 = 100_000;

const FAILURES: [&str; 7] = [
    "connection reset by peer",
    "permission denied",
    "timeout after 30s",
    "no such file or directory",
    "exit status 1",
    "rate limit exceeded",
    "context deadline exceeded",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Clone, Debug)]
pub struct LogLine {
    pub at_nanos: i64,
    pub agent: usize,
    pub severity: Severity,
    pub body: String,
    /// The ids of its trace and span, in hexadecimal digits.
    pub trace: Option<(String, String)>,
    pub attributes: Vec<Attribute>,
}

/// What is said, by which part of the agent.
struct Saying {
    severity: Severity,
    logger: &'static str,
    body: String,
    attributes: Vec<Attribute>,
}

impl Events {
    /// The trace that a record belongs to, whether or not it says so.
    fn log_trace(&self, number: u64, chance: &mut Chance) -> u64 {
        let trace = u128::from(number) * u128::from(self.traces) / u128::from(self.logs);
        (trace as u64).saturating_sub(chance.below(20))
    }

    pub fn log(&self, number: u64) -> LogLine {
        let mut chance = Chance::of("log", number);
        let at_nanos = self.part(number, self.logs) + chance.below(900_000) as i64;
        let trace = self.log_trace(number, &mut chance);
        let agent = self.trace_agent(trace);
        let Saying { severity, logger, mut body, attributes } = self.say(agent, &mut chance);
        if number.is_multiple_of(NEEDLE_EVERY) {
            body = format!("{body} correlation={}", Self::needle(number / NEEDLE_EVERY));
        }
        let mut all = vec![
            ("session.id", Self::session(agent, at_nanos).into()),
            ("gen_ai.agent.name", Self::agent_name(agent).into()),
        ];
        all.extend(attributes);
        all.push(("logger", logger.into()));
        let trace = chance.happens(0.7).then(|| (self.trace_id(trace), chance.hex(16)));
        LogLine { at_nanos, agent, severity, body, trace, attributes: all }
    }

    /// The word that only one record says, for each hundred thousand.
    pub fn needle(number: u64) -> String {
        format!("needle{}", Chance::of("needle", number).hex(16))
    }

    fn say(&self, agent: usize, chance: &mut Chance) -> Saying {
        match chance.unit() {
            kind if kind < 0.03 => self.failure(chance),
            kind if kind < 0.10 => self.warning(chance),
            kind if kind < 0.22 => housekeeping(chance),
            kind if kind < 0.45 => model_call(Self::model(agent), chance),
            kind if kind < 0.70 => tool_call(chance),
            kind if kind < 0.85 => {
                let steps = 2 + chance.below(12);
                let step = 1 + chance.below(steps);
                let length = 6 + chance.below(9) as usize;
                let body = format!("step {step}/{steps}: {}", self.words.sentence(chance, length));
                Saying { severity: Severity::Info, logger: "agent.loop", body, attributes: vec![] }
            }
            _ => {
                let length = 15 + chance.below(36) as usize;
                let body = format!("thought: {}", self.words.sentence(chance, length));
                Saying { severity: Severity::Info, logger: "agent.thought", body, attributes: vec![] }
            }
        }
    }

    fn failure(&self, chance: &mut Chance) -> Saying {
        let (logger, body, attribute) = if chance.happens(0.6) {
            let (tool, failure) = (chance.pick(&TOOLS), chance.pick(&FAILURES));
            let (folder, file) = (self.words.word(chance), self.words.word(chance));
            let line = 1 + chance.below(900);
            let body =
                format!("tool {tool} failed: {failure} path=/workspace/{folder}/{file}.py line {line}");
            ("tool.runner", body, ("tool", tool.into()))
        } else {
            let (message, request) = (self.words.sentence(chance, 8), chance.hex(24));
            let body = format!("llm request failed: provider message: {message} request_id=req_{request}");
            let status = chance.pick(&[429_u64, 500, 502, 503, 529]);
            ("llm.client", body, ("http.response.status_code", status.into()))
        };
        Saying { severity: Severity::Error, logger, body, attributes: vec![attribute] }
    }

    fn warning(&self, chance: &mut Chance) -> Saying {
        let (logger, body) = if chance.happens(0.5) {
            let (attempt, wait_ms) = (1 + chance.below(5), 100 << chance.below(6));
            let reason = self.words.sentence(chance, 3);
            (
                "llm.client",
                format!("retrying request attempt={attempt} after {wait_ms} ms: upstream {reason}"),
            )
        } else {
            let (queue, length) = (chance.pick(&["inbox", "outbox", "tools"]), 50 + chance.below(200));
            ("agent.loop", format!("queue {queue} backlog {length} exceeds soft limit 50"))
        };
        Saying { severity: Severity::Warn, logger, body, attributes: vec![] }
    }
}

fn housekeeping(chance: &mut Chance) -> Saying {
    let (logger, body) = if chance.happens(0.5) {
        let tokens = chance.below(200_000);
        let (percent, evicted) = (tokens as f64 / 2_000.0, chance.below(12));
        let body =
            format!("context window {tokens}/200000 tokens ({percent:.1}%), evicted {evicted} messages");
        ("agent.context", body)
    } else {
        let found = if chance.happens(0.6) { "hit" } else { "miss" };
        let (key, age) = (chance.hex(16), chance.below(3_600));
        ("cache", format!("cache {found} key={key} age_s={age}"))
    };
    Saying { severity: Severity::Debug, logger, body, attributes: vec![] }
}

fn model_call(model: &str, chance: &mut Chance) -> Saying {
    let (input, output) = (chance.below(60_000), chance.below(2_500));
    let millis = chance.exponential(4_000.0) as u64;
    let reason = chance.pick(&["stop", "tool_calls", "length"]);
    let body = format!(
        "llm call finished model={model} input_tokens={input} output_tokens={output} latency_ms={millis} finish_reason={reason}"
    );
    let attributes = vec![
        ("duration_ms", millis.into()),
        ("gen_ai.request.model", model.into()),
        ("gen_ai.usage.input_tokens", input.into()),
        ("gen_ai.usage.output_tokens", output.into()),
    ];
    Saying { severity: Severity::Info, logger: "llm.client", body, attributes }
}

fn tool_call(chance: &mut Chance) -> Saying {
    let (tool, millis) = (chance.pick(&TOOLS), chance.exponential(300.0) as u64);
    let (exit, bytes) = (u8::from(chance.happens(0.05)), chance.below(200_000));
    let body = format!("tool {tool} completed in {millis} ms exit={exit} bytes={bytes}");
    let attributes = vec![("duration_ms", millis.into()), ("tool", tool.into())];
    Saying { severity: Severity::Info, logger: "tool.runner", body, attributes }
}
