//! What of a search a store can be told, so that it reads little.
//!
//! Only what must hold for the whole is told: parts of an `and` at the top. A store may
//! answer with more than matches, never with less.

use std::time::Duration;

use model::{LogSeverity, SpanStatus, TimeRange, TraceId};
use storage::{LogQuery, SpanQuery, words};

use crate::Query;
use crate::event::status;
use crate::expression::{Comparison, Condition, Expression, Text};

impl Query {
    /// Oldest first and without a limit, unless the caller changes that.
    pub fn log_query(&self, range: TimeRange) -> LogQuery {
        let mut query = LogQuery::of(range);
        for part in self.required() {
            match part {
                Expression::Text(text) => add_text(&mut query, text),
                Expression::Field { name, condition } => match (name.as_str(), condition) {
                    ("body" | "message", Condition::Contains(text)) => add_text(&mut query, text),
                    ("level" | "severity", condition) => {
                        query.severity_min = query.severity_min.max(least_severity(condition));
                    }
                    ("trace" | "trace_id", condition) => query.trace = query.trace.or(trace(condition)),
                    _ => {}
                },
                _ => {}
            }
        }
        query
    }

    /// As [`Query::log_query`].
    pub fn span_query(&self, range: TimeRange) -> SpanQuery {
        let mut query = SpanQuery::of(range);
        for part in self.required() {
            let Expression::Field { name, condition } = part else { continue };
            match (name.as_str(), condition) {
                ("trace" | "trace_id", condition) => query.trace = query.trace.or(trace(condition)),
                ("name", Condition::Is(operand)) => query.name = Some(operand.text.clone()),
                ("status", Condition::Is(operand)) => {
                    query.status = SpanStatus::ALL.into_iter().find(|one| status(*one) == operand.text);
                }
                (
                    "duration",
                    Condition::Compares(Comparison::Greater | Comparison::GreaterOrEqual, least),
                ) => {
                    let nanos = least.duration_nanos.unwrap_or(0.0) as u64;
                    query.duration_min = query.duration_min.max(Duration::from_nanos(nanos));
                }
                _ => {}
            }
        }
        query
    }

    /// Parts of which each must hold.
    fn required(&self) -> impl Iterator<Item = &Expression> {
        let mut parts = vec![];
        collect_required(&self.root, &mut parts);
        parts.into_iter()
    }
}

fn collect_required<'a>(expression: &'a Expression, parts: &mut Vec<&'a Expression>) {
    match expression {
        Expression::And(inner) => inner.iter().for_each(|part| collect_required(part, parts)),
        other => parts.push(other),
    }
}

fn add_text(query: &mut LogQuery, text: &Text) {
    match text {
        Text::Word(word) => query.words.push(word.clone()),
        Text::Part(part) => {
            query.words.extend(whole_words(part));
            // One part is enough to narrow it down; the others are looked for afterwards.
            query.contains.get_or_insert_with(|| part.clone());
        }
        Text::Pattern(_) => {}
    }
}

/// The words of a part that cannot go on beyond its ends.
fn whole_words(part: &str) -> impl Iterator<Item = String> {
    let is_open = |end: Option<char>| end.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (first, last) = (is_open(part.chars().next()), is_open(part.chars().next_back()));
    let all: Vec<&str> = words(part).collect();
    let count = all.len();
    let inner = all.into_iter().enumerate();
    inner
        .filter(move |(place, _)| !(first && *place == 0 || last && *place + 1 == count))
        .map(|(_, word)| word.to_owned())
        .collect::<Vec<_>>()
        .into_iter()
}

fn least_severity(condition: &Condition) -> Option<LogSeverity> {
    match condition {
        Condition::Is(operand)
        | Condition::Compares(Comparison::Greater | Comparison::GreaterOrEqual, operand) => operand.severity,
        _ => None,
    }
}

fn trace(condition: &Condition) -> Option<TraceId> {
    match condition {
        Condition::Is(operand) => TraceId::parse(&operand.text),
        _ => None,
    }
}
