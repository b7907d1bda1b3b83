//! Spans: one row each, with their events and links as lists.

use std::sync::Arc;

use model::{Span, SpanKind, SpanStatus};
use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::schema::types::ColumnPath;
use storage::{DayRows, StreamRows};

use super::attribute_pairs;
use super::columns::{Group, write as write_column};
use super::logs::write_labels;

/// Ids as in logs. The parent of a root is absent.
pub const SCHEMA: &str = "
    message spans {
        required binary trace_id (STRING);
        required binary span_id (STRING);
        optional binary parent_span_id (STRING);
        required binary name (STRING);
        required binary kind (STRING);
        required binary status (STRING);
        required binary status_message (STRING);
        required int64 start (TIMESTAMP(NANOS, true));
        required int64 duration_ns;
        required group labels (MAP) {
            repeated group key_value {
                required binary key (STRING);
                required binary value (STRING);
            }
        }
        required group attributes (MAP) {
            repeated group key_value {
                required binary key (STRING);
                required binary value (STRING);
            }
        }
        required group events (LIST) {
            repeated group list {
                required group element {
                    required int64 timestamp (TIMESTAMP(NANOS, true));
                    required binary name (STRING);
                    required group attributes (MAP) {
                        repeated group key_value {
                            required binary key (STRING);
                            required binary value (STRING);
                        }
                    }
                }
            }
        }
        required group links (LIST) {
            repeated group list {
                required group element {
                    required binary trace_id (STRING);
                    required binary span_id (STRING);
                    required group attributes (MAP) {
                        repeated group key_value {
                            required binary key (STRING);
                            required binary value (STRING);
                        }
                    }
                }
            }
        }
    }";

pub fn encodings(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let start = ColumnPath::from("start");
    let duration = ColumnPath::from("duration_ns");
    properties
        .set_column_dictionary_enabled(start.clone(), false)
        .set_column_encoding(start, Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(duration.clone(), false)
        .set_column_encoding(duration, Encoding::DELTA_BINARY_PACKED)
        // Each occurs once.
        .set_column_dictionary_enabled(ColumnPath::from("span_id"), false)
}

pub fn write(group: &mut Group<'_>, streams: &[StreamRows]) -> Result<(), ParquetError> {
    let spans = || streams.iter().flat_map(|stream| of(&stream.rows));
    let text = |id: String| ByteArray::from(id.as_str());
    write_column::<ByteArrayType, _>(group, spans(), |span, to| to.one(text(span.trace.to_string())))?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| to.one(text(span.id.to_string())))?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| {
        to.optional(span.parent.map(|id| text(id.to_string())));
    })?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| to.one(span.name.as_str().into()))?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| to.one(kind(span.kind).into()))?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| to.one(status(span.status).into()))?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| to.one(span.status_message.as_str().into()))?;
    write_column::<Int64Type, _>(group, spans(), |span, to| to.one(span.start.as_nanos()))?;
    write_column::<Int64Type, _>(group, spans(), |span, to| {
        to.one(i64::try_from(span.duration_nanos).unwrap_or(i64::MAX));
    })?;
    write_labels(group, streams)?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| {
        to.list(attribute_pairs(&span.attributes).map(|(name, _)| name.into()));
    })?;
    write_column::<ByteArrayType, _>(group, spans(), |span, to| {
        to.list(attribute_pairs(&span.attributes).map(|(_, value)| value));
    })?;
    write_events(group, spans())?;
    write_links(group, spans())
}

fn write_events<'a>(
    group: &mut Group<'_>,
    spans: impl Iterator<Item = &'a Arc<Span>> + Clone,
) -> Result<(), ParquetError> {
    write_column::<Int64Type, _>(group, spans.clone(), |span, to| {
        to.list(span.events.iter().map(|event| event.at.as_nanos()));
    })?;
    write_column::<ByteArrayType, _>(group, spans.clone(), |span, to| {
        to.list(span.events.iter().map(|event| event.name.as_str().into()));
    })?;
    write_column::<ByteArrayType, _>(group, spans.clone(), |span, to| {
        to.lists(
            span.events.iter().map(|event| attribute_pairs(&event.attributes).map(|(name, _)| name.into())),
        );
    })?;
    write_column::<ByteArrayType, _>(group, spans, |span, to| {
        to.lists(span.events.iter().map(|event| attribute_pairs(&event.attributes).map(|(_, value)| value)));
    })
}

fn write_links<'a>(
    group: &mut Group<'_>,
    spans: impl Iterator<Item = &'a Arc<Span>> + Clone,
) -> Result<(), ParquetError> {
    write_column::<ByteArrayType, _>(group, spans.clone(), |span, to| {
        to.list(span.links.iter().map(|link| link.trace.to_string().as_str().into()));
    })?;
    write_column::<ByteArrayType, _>(group, spans.clone(), |span, to| {
        to.list(span.links.iter().map(|link| link.span.to_string().as_str().into()));
    })?;
    write_column::<ByteArrayType, _>(group, spans.clone(), |span, to| {
        to.lists(
            span.links.iter().map(|link| attribute_pairs(&link.attributes).map(|(name, _)| name.into())),
        );
    })?;
    write_column::<ByteArrayType, _>(group, spans, |span, to| {
        to.lists(span.links.iter().map(|link| attribute_pairs(&link.attributes).map(|(_, value)| value)));
    })
}

/// OpenTelemetry's words.
fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "unspecified",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

fn status(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error => "error",
    }
}

fn of(rows: &DayRows) -> &[Arc<Span>] {
    match rows {
        DayRows::Spans(spans) => spans,
        _ => &[],
    }
}
