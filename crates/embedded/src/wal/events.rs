//! Log records and spans as they stand in a record.

use columns::Corrupt;
use columns::bytes::{Cursor, put_int, put_text, put_uint};
use model::{
    Attributes, LabelSet, LogRecord, LogSeverity, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus,
    Timestamp, TraceId, Value,
};

pub fn put_log(out: &mut Vec<u8>, record: &LogRecord) {
    out.extend_from_slice(&record.at.as_nanos().to_le_bytes());
    out.push(record.severity as u8);
    put_text(out, &record.body);
    put_optional(out, record.trace.map(|trace| trace.0));
    put_optional(out, record.span.map(|span| span.0));
    put_attributes(out, &record.attributes);
}

pub fn put_span(out: &mut Vec<u8>, span: &Span) {
    out.extend_from_slice(&span.trace.0);
    out.extend_from_slice(&span.id.0);
    put_optional(out, span.parent.map(|parent| parent.0));
    put_text(out, &span.name);
    out.extend([span.kind as u8, span.status as u8]);
    put_text(out, &span.status_message);
    out.extend_from_slice(&span.start.as_nanos().to_le_bytes());
    put_uint(out, span.duration_nanos);
    put_attributes(out, &span.attributes);
    put_uint(out, span.events.len() as u64);
    for event in &span.events {
        out.extend_from_slice(&event.at.as_nanos().to_le_bytes());
        put_text(out, &event.name);
        put_attributes(out, &event.attributes);
    }
    put_uint(out, span.links.len() as u64);
    for link in &span.links {
        out.extend_from_slice(&link.trace.0);
        out.extend_from_slice(&link.span.0);
        put_attributes(out, &link.attributes);
    }
}

fn put_optional<const LEN: usize>(out: &mut Vec<u8>, id: Option<[u8; LEN]>) {
    out.push(u8::from(id.is_some()));
    out.extend(id.into_iter().flatten());
}

const BOOL: u8 = 0;
const INT: u8 = 1;
const FLOAT: u8 = 2;
const TEXT: u8 = 3;

/// Also how segments keep the attributes of events and links.
pub fn put_attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    put_uint(out, attributes.len() as u64);
    for (name, value) in attributes {
        put_text(out, name);
        match value {
            Value::Bool(value) => out.extend([BOOL, u8::from(*value)]),
            Value::Int(value) => {
                out.push(INT);
                put_int(out, *value);
            }
            Value::Float(value) => {
                out.push(FLOAT);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Value::Text(value) => {
                out.push(TEXT);
                put_text(out, value);
            }
        }
    }
}

pub fn read_attributes(cursor: &mut Cursor<'_>) -> Result<Attributes, Corrupt> {
    (0..cursor.count()?)
        .map(|_| {
            let name = cursor.text()?.to_owned();
            let value = match cursor.byte()? {
                BOOL => Value::Bool(cursor.byte()? != 0),
                INT => Value::Int(cursor.int()?),
                FLOAT => Value::Float(f64::from_bits(cursor.word()?)),
                TEXT => Value::Text(cursor.text()?.to_owned()),
                _ => return Err(cursor.corrupt()),
            };
            Ok((name, value))
        })
        .collect()
}

/// A log record without its stream.
pub fn read_log(cursor: &mut Cursor<'_>) -> Result<LogRecord, Corrupt> {
    let at = Timestamp::from_nanos(cursor.word()? as i64);
    let number = cursor.byte()?;
    let severity = LogSeverity::ALL.into_iter().find(|severity| *severity as u8 == number);
    let severity = severity.ok_or(Corrupt("a severity"))?;
    let body = cursor.text()?.to_owned();
    let trace = read_optional(cursor)?.map(TraceId);
    let span = read_optional(cursor)?.map(SpanId);
    let attributes = read_attributes(cursor)?;
    Ok(LogRecord { at, stream: LabelSet::empty(), severity, body, trace, span, attributes })
}

/// A span without its stream.
pub fn read_span(cursor: &mut Cursor<'_>) -> Result<Span, Corrupt> {
    let trace = TraceId(cursor.array()?);
    let id = SpanId(cursor.array()?);
    let parent = read_optional(cursor)?.map(SpanId);
    let name = cursor.text()?.to_owned();
    let kind = SpanKind::ALL.get(usize::from(cursor.byte()?)).copied().ok_or(Corrupt("a span's kind"))?;
    let status =
        SpanStatus::ALL.get(usize::from(cursor.byte()?)).copied().ok_or(Corrupt("a span's status"))?;
    let status_message = cursor.text()?.to_owned();
    let start = Timestamp::from_nanos(cursor.word()? as i64);
    let duration_nanos = cursor.uint()?;
    let attributes = read_attributes(cursor)?;
    let events: Result<Vec<SpanEvent>, Corrupt> = (0..cursor.count()?)
        .map(|_| {
            let at = Timestamp::from_nanos(cursor.word()? as i64);
            Ok(SpanEvent { at, name: cursor.text()?.to_owned(), attributes: read_attributes(cursor)? })
        })
        .collect();
    let links: Result<Vec<SpanLink>, Corrupt> = (0..cursor.count()?)
        .map(|_| {
            let (trace, span) = (TraceId(cursor.array()?), SpanId(cursor.array()?));
            Ok(SpanLink { trace, span, attributes: read_attributes(cursor)? })
        })
        .collect();
    Ok(Span {
        trace,
        id,
        parent,
        stream: LabelSet::empty(),
        name,
        kind,
        status,
        status_message,
        start,
        duration_nanos,
        attributes,
        events: events?,
        links: links?,
    })
}

fn read_optional<const LEN: usize>(cursor: &mut Cursor<'_>) -> Result<Option<[u8; LEN]>, Corrupt> {
    match cursor.byte()? {
        0 => Ok(None),
        1 => cursor.array().map(Some),
        _ => Err(cursor.corrupt()),
    }
}
