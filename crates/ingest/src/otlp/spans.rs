//! OTLP's spans.

use model::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, Timestamp, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as otlp;

use super::attribute::attributes_of;
use super::logs::{span_id, trace_id};
use super::received::{Received, too_new};
use super::resource::Sender;
use super::stream::Stream;
use super::vocabulary::VOCABULARY;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum SpanError {
    #[error("its trace id is not 16 bytes, or all zeros")]
    TraceId,
    #[error("its span id is not 8 bytes, or all zeros")]
    SpanId,
    #[error("it has neither a start nor an end")]
    Time,
    #[error("its time is more than a day in the future")]
    Future,
}

pub fn convert(request: &ExportTraceServiceRequest, now: Timestamp) -> Received {
    let mut received = Received::default();
    for resource in &request.resource_spans {
        let sender = Sender::of(resource.resource.as_ref());
        for scope in &resource.scope_spans {
            let stream = Stream::of(&sender, scope.scope.as_ref());
            for span in &scope.spans {
                match convert_span(span, &stream, now) {
                    Ok(span) => received.accept_span(span),
                    Err(error) => received.refuse(&format_args!("the span `{}`: {error}", span.name)),
                }
            }
        }
    }
    received
}

fn convert_span(span: &otlp::Span, stream: &Stream, now: Timestamp) -> Result<Span, SpanError> {
    let trace = trace_id(&span.trace_id).ok_or(SpanError::TraceId)?;
    let id = span_id(&span.span_id).ok_or(SpanError::SpanId)?;
    let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let start = if start == 0 { end } else { start };
    if start == 0 {
        return Err(SpanError::Time);
    }
    if too_new(start.max(end), now) {
        return Err(SpanError::Future);
    }
    let (status, status_message) = status(span.status.as_ref());
    Ok(Span {
        trace,
        id,
        parent: span_id(&span.parent_span_id),
        stream: stream.labels.clone(),
        name: span.name.clone(),
        kind: kind(span.kind),
        status,
        status_message,
        start: instant(start),
        // Clocks go back; nothing ends before it starts.
        duration_nanos: end.saturating_sub(start),
        attributes: attributes(span, stream),
        events: span.events.iter().map(|event| convert_event(event, start)).collect(),
        links: span.links.iter().filter_map(convert_link).collect(),
    })
}

fn attributes(span: &otlp::Span, stream: &Stream) -> model::Attributes {
    let mut attributes = attributes_of(&span.attributes);
    if !span.trace_state.is_empty() {
        attributes.push(("otel.trace_state".to_owned(), span.trace_state.as_str().into()));
    }
    for (name, count) in [
        ("otel.dropped_attributes_count", span.dropped_attributes_count),
        ("otel.dropped_events_count", span.dropped_events_count),
        ("otel.dropped_links_count", span.dropped_links_count),
    ] {
        if count > 0 {
            attributes.push((name.to_owned(), Value::Int(i64::from(count))));
        }
    }
    VOCABULARY.add_meanings(&stream.labels, &span.name, &mut attributes);
    attributes.extend(stream.rest.iter().cloned());
    attributes
}

fn convert_event(event: &otlp::span::Event, start: u64) -> SpanEvent {
    let nanos = if event.time_unix_nano == 0 { start } else { event.time_unix_nano };
    SpanEvent { at: instant(nanos), name: event.name.clone(), attributes: attributes_of(&event.attributes) }
}

/// A link to nowhere is none.
fn convert_link(link: &otlp::span::Link) -> Option<SpanLink> {
    let (trace, span) = (trace_id(&link.trace_id)?, span_id(&link.span_id)?);
    Some(SpanLink { trace, span, attributes: attributes_of(&link.attributes) })
}

fn instant(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn kind(number: i32) -> SpanKind {
    SpanKind::ALL.into_iter().find(|kind| *kind as i32 == number).unwrap_or_default()
}

fn status(status: Option<&otlp::Status>) -> (SpanStatus, String) {
    let Some(status) = status else { return Default::default() };
    let code = SpanStatus::ALL.into_iter().find(|known| *known as i32 == status.code).unwrap_or_default();
    (code, status.message.clone())
}
