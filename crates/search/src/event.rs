//! What a search looks at: log records and spans under one face.

use std::borrow::Cow;

use model::{Attributes, LabelSet, LogRecord, LogSeverity, Span, SpanKind, SpanStatus, Value};

use crate::fields;

/// Something that a search can be about.
pub trait Event {
    /// The texts that words and phrases are looked for in.
    fn texts(&self) -> impl Iterator<Item = &str>;

    /// What it has under a name; short names stand for long ones.
    fn field(&self, name: &str) -> Option<Found<'_>>;
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Severity(LogSeverity),
    /// In nanoseconds.
    Duration(u64),
}

impl Found<'_> {
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Found::Text(text) => Cow::Borrowed(text),
            Found::Number(number) => Cow::Owned(number.to_string()),
            Found::Severity(severity) => Cow::Borrowed(severity.as_str()),
            Found::Duration(nanos) => Cow::Owned(format!("{}s", *nanos as f64 / 1e9)),
        }
    }
}

fn owned<'a>(id: impl ToString) -> Found<'a> {
    Found::Text(Cow::Owned(id.to_string()))
}

fn borrowed(text: &str) -> Found<'_> {
    Found::Text(Cow::Borrowed(text))
}

/// An attribute of the event itself comes before a label of its stream.
fn named<'a>(attributes: &'a Attributes, stream: &'a LabelSet, name: &str) -> Option<Found<'a>> {
    fields::names(name).find_map(|name| {
        let attribute = attributes.iter().find(|(other, _)| other == name).map(|(_, value)| match value {
            Value::Text(text) => borrowed(text),
            Value::Int(number) => Found::Number(*number as f64),
            Value::Float(number) => Found::Number(*number),
            Value::Bool(is_so) => borrowed(if *is_so { "true" } else { "false" }),
        });
        attribute.or_else(|| stream.get(name).map(borrowed))
    })
}

impl Event for LogRecord {
    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.body.as_str())
    }

    fn field(&self, name: &str) -> Option<Found<'_>> {
        match name {
            "level" | "severity" => Some(Found::Severity(self.severity)),
            "trace" | "trace_id" => self.trace.map(owned),
            "span" | "span_id" => self.span.map(owned),
            "body" | "message" => Some(borrowed(&self.body)),
            name => named(&self.attributes, &self.stream, name),
        }
    }
}

impl Event for Span {
    /// Its name, why it failed, and what attributes say, those of its events included.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let events = self.events.iter().flat_map(|event| &event.attributes);
        let values = self.attributes.iter().chain(events).filter_map(|(_, value)| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        });
        [self.name.as_str(), self.status_message.as_str()].into_iter().chain(values)
    }

    fn field(&self, name: &str) -> Option<Found<'_>> {
        match name {
            "trace" | "trace_id" => Some(owned(self.trace)),
            "span" | "span_id" => Some(owned(self.id)),
            "parent" => self.parent.map(owned),
            "name" => Some(borrowed(&self.name)),
            "kind" => Some(borrowed(kind(self.kind))),
            "status" => Some(borrowed(status(self.status))),
            "duration" => Some(Found::Duration(self.duration_nanos)),
            "message" => (!self.status_message.is_empty()).then(|| borrowed(&self.status_message)),
            name => named(&self.attributes, &self.stream, name),
        }
    }
}

const fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "unspecified",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

pub const fn status(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error => "error",
    }
}
