//! Batches as one WAL record. The bytes are drawn in docs/formats/wal.md.
//!
//! A file writes the labels of a stream once, in the record in which the stream occurs
//! first; later records name it by its number in the file. Each file starts anew, so that
//! it can be read without the others.

use columns::Corrupt;
use columns::bytes::{Cursor, put_int, put_text, put_uint};
use model::{
    Attributes, Batch, LabelSet, LogRecord, LogSeverity, Sample, SeriesSamples, Span, SpanEvent, SpanId,
    SpanKind, SpanLink, SpanStatus, Timestamp, TraceId, Value,
};

use crate::intake::{Days, Group, Intake, WalNumber};
use crate::table::Table;

const WHAT: &str = "a group of batches";

/// Numbers of streams in the file that is being written.
#[derive(Debug)]
pub struct FileStreams {
    pub file: u64,
    pub next: u32,
}

impl FileStreams {
    pub fn new(file: u64) -> Self {
        Self { file, next: 0 }
    }
}

/// The rows of a group, and the labels of streams that the file does not know yet.
pub fn encode(group: &Group, intake: &mut Intake, file: &mut FileStreams) -> Vec<u8> {
    let first = file.next;
    let mut streams = StreamWriter { intake, file, labels: Vec::new() };
    let rows = group.row_count(Table::Samples);
    let mut body = Vec::with_capacity(64 + 12 * rows);
    put_uint(&mut body, rows as u64);
    put_samples(&mut body, &group.samples, &mut streams);
    put_uint(&mut body, group.row_count(Table::Logs) as u64);
    streams.for_each_row(
        &group.logs,
        Table::Logs,
        |record| &record.stream,
        |number, record| {
            put_uint(&mut body, u64::from(number));
            put_log(&mut body, record);
        },
    );
    put_uint(&mut body, group.row_count(Table::Spans) as u64);
    streams.for_each_row(
        &group.spans,
        Table::Spans,
        |span| &span.stream,
        |number, span| {
            put_uint(&mut body, u64::from(number));
            put_span(&mut body, span);
        },
    );
    let labels = streams.labels;
    let mut out = Vec::with_capacity(16 + labels.len() + body.len());
    put_uint(&mut out, u64::from(first));
    put_uint(&mut out, u64::from(file.next - first));
    out.extend_from_slice(&labels);
    out.extend_from_slice(&body);
    out
}

/// Rows in columns: numbers, times, values. Neighbours are alike, so differences are short.
fn put_samples(out: &mut Vec<u8>, days: &Days<SeriesSamples>, streams: &mut StreamWriter<'_>) {
    let mut last = 0;
    streams.for_each_row(
        days,
        Table::Samples,
        |series| &series.labels,
        |number, series| {
            for _ in &series.samples {
                put_int(out, i64::from(number) - last);
                last = i64::from(number);
            }
        },
    );
    let samples = || days.values().flat_map(|day| &day.rows).flat_map(|(_, series)| &series.samples);
    let mut last = 0;
    samples().for_each(|sample| last = put_time(out, sample.at, last));
    samples().for_each(|sample| out.extend_from_slice(&sample.value.to_bits().to_le_bytes()));
}

/// Names streams by their numbers in the file, and collects the labels of those that the
/// file does not know yet.
struct StreamWriter<'a> {
    intake: &'a mut Intake,
    file: &'a mut FileStreams,
    labels: Vec<u8>,
}

impl StreamWriter<'_> {
    fn for_each_row<'a, T>(
        &mut self,
        days: &'a Days<T>,
        table: Table,
        labels_of: impl Fn(&'a T) -> &'a LabelSet,
        mut take: impl FnMut(u32, &'a T),
    ) {
        for (day, group) in days {
            let numbers = self.intake.wal_numbers(table, *day);
            for (stream, row) in &group.rows {
                let known = numbers.wal_number(*stream);
                if known.file != self.file.file {
                    *known = WalNumber { file: self.file.file, number: self.file.next };
                    self.file.next += 1;
                    put_labels(&mut self.labels, labels_of(row));
                }
                take(known.number, row);
            }
        }
    }
}

fn put_labels(out: &mut Vec<u8>, labels: &LabelSet) {
    put_uint(out, labels.len() as u64);
    for (name, value) in labels.iter() {
        put_text(out, name);
        put_text(out, value);
    }
}

/// Writes the difference to the time before; returns what the next one is compared with.
fn put_time(out: &mut Vec<u8>, at: Timestamp, last: i64) -> i64 {
    put_int(out, at.as_nanos().wrapping_sub(last));
    at.as_nanos()
}

fn put_log(out: &mut Vec<u8>, record: &LogRecord) {
    out.extend_from_slice(&record.at.as_nanos().to_le_bytes());
    out.push(record.severity as u8);
    put_text(out, &record.body);
    put_optional(out, record.trace.map(|trace| trace.0));
    put_optional(out, record.span.map(|span| span.0));
    put_attributes(out, &record.attributes);
}

fn put_span(out: &mut Vec<u8>, span: &Span) {
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

/// The streams that a file has named so far. One is unknown when the record that named it
/// could not be read.
pub type KnownStreams = Vec<Option<LabelSet>>;

/// What a record holds.
#[derive(Debug, Default, PartialEq)]
pub struct Record {
    pub batch: Batch,
    /// Rows of streams that the file should have named before.
    pub lost_rows: u64,
}

pub fn decode(bytes: &[u8], streams: &mut KnownStreams) -> Result<Record, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    read_streams(&mut cursor, streams)?;
    let mut record = Record::default();
    read_samples(&mut cursor, streams, &mut record)?;
    for _ in 0..cursor.count()? {
        let stream = read_stream(&mut cursor, streams)?;
        let log = read_log(&mut cursor)?;
        match stream {
            Some(stream) => record.batch.logs.push(LogRecord { stream, ..log }),
            None => record.lost_rows += 1,
        }
    }
    for _ in 0..cursor.count()? {
        let stream = read_stream(&mut cursor, streams)?;
        let span = read_span(&mut cursor)?;
        match stream {
            Some(stream) => record.batch.spans.push(Span { stream, ..span }),
            None => record.lost_rows += 1,
        }
    }
    cursor.finish()?;
    Ok(record)
}

/// More than a file of its size can name; a larger number is damage.
const STREAMS_MAX: usize = 8 << 20;

fn read_streams(cursor: &mut Cursor<'_>, streams: &mut KnownStreams) -> Result<(), Corrupt> {
    let first = cursor.at_most(STREAMS_MAX)?;
    let count = cursor.count()?;
    let mut fresh = Vec::new();
    for _ in 0..count {
        let pairs: Result<Vec<(&str, &str)>, Corrupt> =
            (0..cursor.count()?).map(|_| Ok((cursor.text()?, cursor.text()?))).collect();
        fresh.push(Some(LabelSet::from_sorted(pairs?.iter().copied())));
    }
    streams.resize(first, None);
    streams.extend(fresh);
    Ok(())
}

fn read_stream(cursor: &mut Cursor<'_>, streams: &KnownStreams) -> Result<Option<LabelSet>, Corrupt> {
    let number = usize::try_from(cursor.uint()?).map_err(|_| Corrupt(WHAT))?;
    Ok(streams.get(number).cloned().flatten())
}

fn read_samples(cursor: &mut Cursor<'_>, streams: &KnownStreams, record: &mut Record) -> Result<(), Corrupt> {
    let rows = cursor.count()?;
    let mut number = 0i64;
    let numbers: Result<Vec<i64>, Corrupt> = (0..rows)
        .map(|_| {
            number = number.wrapping_add(cursor.int()?);
            Ok(number)
        })
        .collect();
    let mut at = 0i64;
    let times: Result<Vec<i64>, Corrupt> = (0..rows)
        .map(|_| {
            at = at.wrapping_add(cursor.int()?);
            Ok(at)
        })
        .collect();
    let (numbers, times) = (numbers?, times?);
    let values = cursor.take(8 * rows)?.chunks_exact(8);
    let values = values.map(|bytes| f64::from_le_bytes(bytes.try_into().expect("a chunk has eight bytes")));
    let samples = times.into_iter().zip(values);
    let mut samples = samples.map(|(at, value)| Sample { at: Timestamp::from_nanos(at), value });
    for run in numbers.chunk_by(|a, b| a == b) {
        let samples = samples.by_ref().take(run.len()).collect();
        let labels = usize::try_from(run[0]).ok().and_then(|number| streams.get(number).cloned().flatten());
        match labels {
            Some(labels) => record.batch.series.push(SeriesSamples { labels, samples }),
            None => record.lost_rows += run.len() as u64,
        }
    }
    Ok(())
}

/// A log record without its stream.
fn read_log(cursor: &mut Cursor<'_>) -> Result<LogRecord, Corrupt> {
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
fn read_span(cursor: &mut Cursor<'_>) -> Result<Span, Corrupt> {
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
