//! What log records and spans have in common: when which trace of which agent runs.

use super::agent::{Agent, MODELS};
use super::chance::Chance;
use super::words::Words;

pub const SERVICES: [&str; 8] =
    ["planner", "executor", "retriever", "gateway", "tool-runner", "memory", "evaluator", "scheduler"];

/// A session of an agent ends with the third of an hour that it began in.
const SESSION_NANOS: i64 = 1_200 * 1_000_000_000;

pub type Attribute = (&'static str, Value);

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Float(f64),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Value::Int(number as i64)
    }
}

impl Value {
    /// What it takes as text or as a word of memory.
    pub fn bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Int(_) | Value::Float(_) => 8,
        }
    }
}

/// Log records and traces of a fleet, spread evenly over a span of time.
#[derive(Clone, Debug)]
pub struct Events {
    pub agents: usize,
    pub logs: u64,
    pub traces: u64,
    pub start_nanos: i64,
    pub length_nanos: i64,
    pub(super) words: Words,
}

impl Events {
    pub fn ending_at(end_nanos: i64, hours: u64, agents: usize, logs: u64, traces: u64) -> Self {
        let length_nanos = hours as i64 * 3_600 * 1_000_000_000;
        let start_nanos = end_nanos - length_nanos;
        Self { agents, logs, traces, start_nanos, length_nanos, words: Words::of_a_language() }
    }

    pub fn end_nanos(&self) -> i64 {
        self.start_nanos + self.length_nanos
    }

    pub fn service(agent: usize) -> &'static str {
        SERVICES[agent % SERVICES.len()]
    }

    /// What all log records and spans of an agent share.
    pub fn resource(agent: usize) -> Vec<(&'static str, String)> {
        vec![
            ("service.name", Self::service(agent).to_owned()),
            ("service.instance.id", Agent::name(agent)),
            ("host.name", Agent::number(agent).host),
            ("deployment.environment.name", "prod".to_owned()),
        ]
    }

    pub fn trace_id(&self, trace: u64) -> String {
        Chance::of("trace", trace).hex(32)
    }

    pub fn trace_agent(&self, trace: u64) -> usize {
        Chance::of("trace of", trace).below(self.agents as u64) as usize
    }

    pub(super) fn trace_start(&self, trace: u64) -> i64 {
        self.part(trace, self.traces)
    }

    /// When the `number`th of `count` things begins.
    pub(super) fn part(&self, number: u64, count: u64) -> i64 {
        self.start_nanos + (i128::from(self.length_nanos) * i128::from(number) / i128::from(count)) as i64
    }

    pub(super) fn model(agent: usize) -> &'static str {
        MODELS[agent % MODELS.len()]
    }

    pub(super) fn agent_name(agent: usize) -> String {
        format!("{}-{:02}", Self::service(agent), agent % 40)
    }

    /// As a UUID is written.
    pub(super) fn session(agent: usize, at_nanos: i64) -> String {
        let number = ((agent as u64) << 32) ^ (at_nanos / SESSION_NANOS) as u64;
        let hex = Chance::of("session", number).hex(32);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}
