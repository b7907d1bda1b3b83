//! OTLP's log records, in all dialects in which agents write them.

use std::hash::Hasher;

use model::{LogRecord, LogSeverity, SpanId, Timestamp, TraceId, Value};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1 as otlp;
use xxhash_rust::xxh3::Xxh3;

use super::attribute::{attributes_of, text_of};
use super::received::{Received, too_new};
use super::resource::Sender;
use super::stream::Stream;
use super::vocabulary::VOCABULARY;

/// The attribute that tells what a record is about, of whatever version of the protocol.
pub const EVENT_NAME: &str = "event.name";

pub fn convert(request: &ExportLogsServiceRequest, now: Timestamp) -> Received {
    let mut received = Received::default();
    for resource in &request.resource_logs {
        let sender = Sender::of(resource.resource.as_ref());
        for scope in &resource.scope_logs {
            let stream = Stream::of(&sender, scope.scope.as_ref());
            for record in &scope.log_records {
                match convert_record(record, &stream, now) {
                    Some(record) => received.accept_log(record),
                    None => received.refuse(&"a log record: its time is more than a day in the future"),
                }
            }
        }
    }
    received
}

fn convert_record(record: &otlp::LogRecord, stream: &Stream, now: Timestamp) -> Option<LogRecord> {
    let nanos = [record.time_unix_nano, record.observed_time_unix_nano].into_iter().find(|nanos| *nanos != 0);
    let at = match nanos {
        Some(nanos) if too_new(nanos, now) => return None,
        Some(nanos) => Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)),
        None => now,
    };
    let mut attributes = attributes_of(&record.attributes);
    let event = name_event(&mut attributes, &record.event_name);
    let severity = severity(record.severity_number, &record.severity_text);
    if !record.severity_text.is_empty() && !record.severity_text.eq_ignore_ascii_case(severity.as_str()) {
        attributes.push(("otel.severity_text".to_owned(), record.severity_text.as_str().into()));
    }
    if record.dropped_attributes_count > 0 {
        let count = Value::Int(i64::from(record.dropped_attributes_count));
        attributes.push(("otel.dropped_attributes_count".to_owned(), count));
    }
    VOCABULARY.add_meanings(&stream.labels, "", &mut attributes);
    attributes.extend(stream.rest.iter().cloned());
    let body = text_of(record.body.as_ref());
    Some(LogRecord {
        at,
        stream: stream.labels.clone(),
        severity,
        // Events without words are told by their name.
        body: if body.is_empty() { event } else { body },
        trace: trace_id(&record.trace_id),
        span: span_id(&record.span_id),
        attributes,
    })
}

/// The record's own field is left aside where an attribute tells: one agent puts the place in
/// its source code there.
fn name_event(attributes: &mut model::Attributes, name: &str) -> String {
    let told = attributes.iter().find(|(key, _)| key == EVENT_NAME).map(|(_, value)| value.to_string());
    match told {
        Some(told) => {
            if !name.is_empty() && name != told {
                attributes.push(("otel.event_name".to_owned(), name.into()));
            }
            told
        }
        None if name.is_empty() => String::new(),
        None => {
            attributes.push((EVENT_NAME.to_owned(), name.into()));
            name.to_owned()
        }
    }
}

/// By the number, else by the word, else it is information.
fn severity(number: i32, text: &str) -> LogSeverity {
    match number {
        1..=4 => LogSeverity::Trace,
        5..=8 => LogSeverity::Debug,
        9..=12 => LogSeverity::Info,
        13..=16 => LogSeverity::Warn,
        17..=20 => LogSeverity::Error,
        21.. => LogSeverity::Fatal,
        _ => SEVERITY_WORDS
            .iter()
            .find(|(word, _)| text.eq_ignore_ascii_case(word))
            .map_or(LogSeverity::Info, |(_, severity)| *severity),
    }
}

/// Beyond OpenTelemetry's own words those of syslog and of common libraries.
const SEVERITY_WORDS: [(&str, LogSeverity); 14] = [
    ("trace", LogSeverity::Trace),
    ("debug", LogSeverity::Debug),
    ("info", LogSeverity::Info),
    ("information", LogSeverity::Info),
    ("notice", LogSeverity::Info),
    ("warn", LogSeverity::Warn),
    ("warning", LogSeverity::Warn),
    ("error", LogSeverity::Error),
    ("err", LogSeverity::Error),
    ("critical", LogSeverity::Fatal),
    ("crit", LogSeverity::Fatal),
    ("alert", LogSeverity::Fatal),
    ("emergency", LogSeverity::Fatal),
    ("fatal", LogSeverity::Fatal),
];

/// None when it is of another length, or all zeros, which stand for no id.
pub fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    bytes.try_into().ok().filter(|id| *id != [0; 16]).map(TraceId)
}

pub fn span_id(bytes: &[u8]) -> Option<SpanId> {
    bytes.try_into().ok().filter(|id| *id != [0; 8]).map(SpanId)
}

/// Equal for equal records of equal streams.
pub fn hash(record: &LogRecord) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.write_u128(record.stream.hash());
    hasher.write_i64(record.at.as_nanos());
    hasher.write_u8(record.severity as u8);
    let mut text = |text: &str| {
        hasher.write_usize(text.len());
        hasher.update(text.as_bytes());
    };
    text(&record.body);
    for (name, value) in &record.attributes {
        text(name);
        text(&value.to_string());
    }
    hasher.update(&record.trace.map_or([0; 16], |id| id.0));
    hasher.update(&record.span.map_or([0; 8], |id| id.0));
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_come_as_numbers_or_words_or_not_at_all() {
        for (number, text, expected) in [
            (10, "", LogSeverity::Info),
            (24, "", LogSeverity::Fatal),
            (0, "Warning", LogSeverity::Warn),
            (0, "ERROR", LogSeverity::Error),
            (0, "", LogSeverity::Info),
            (-1, "loud", LogSeverity::Info),
            (17, "Info", LogSeverity::Error),
        ] {
            assert_eq!(severity(number, text), expected, "{number} {text}");
        }
    }
}
