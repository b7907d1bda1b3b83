//! Batches as one WAL record. The bytes are drawn in docs/formats/wal.md.
//!
//! A file writes the labels of a stream once, in the record in which the stream occurs
//! first; later records name it by its number in the file. Each file starts anew, so that
//! it can be read without the others.

use columns::Corrupt;
use columns::bytes::{Cursor, put_int, put_text, put_uint};
use model::{
    Batch, ExemplarSeries, HistogramSeries, LabelSet, LogRecord, Sample, SeriesSamples, Span, Timestamp,
};

use super::events::{put_log, put_span, read_log, read_span};
use super::metrics::{put_exemplar, put_histogram, read_exemplar, read_histogram};
use crate::intake::{Days, Group, Intake, SeriesRows, WalNumber};
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
    // Most records end here.
    let has_more = !group.histograms.is_empty() || !group.exemplars.is_empty();
    if has_more {
        put_series(&mut body, &group.histograms, Table::Histograms, &mut streams, put_histogram);
        put_series(&mut body, &group.exemplars, Table::Exemplars, &mut streams, put_exemplar);
    }
    let labels = streams.labels;
    let mut out = Vec::with_capacity(16 + labels.len() + body.len());
    put_uint(&mut out, u64::from(first));
    put_uint(&mut out, u64::from(file.next - first));
    out.extend_from_slice(&labels);
    out.extend_from_slice(&body);
    out
}

/// Rows in columns: numbers, times, values. Neighbours are alike, so differences are short.
fn put_samples(out: &mut Vec<u8>, days: &Days<SeriesRows<Sample>>, streams: &mut StreamWriter<'_>) {
    let mut last = 0;
    streams.for_each_row(
        days,
        Table::Samples,
        |series| &series.labels,
        |number, series| {
            for _ in &series.rows {
                put_int(out, i64::from(number) - last);
                last = i64::from(number);
            }
        },
    );
    let samples = || days.values().flat_map(|day| &day.rows).flat_map(|(_, series)| &series.rows);
    let mut last = 0;
    samples().for_each(|sample| last = put_time(out, sample.at, last));
    samples().for_each(|sample| out.extend_from_slice(&sample.value.to_bits().to_le_bytes()));
}

/// Series with their rows.
fn put_series<T>(
    out: &mut Vec<u8>,
    days: &Days<SeriesRows<T>>,
    table: Table,
    streams: &mut StreamWriter<'_>,
    put: fn(&mut Vec<u8>, &T),
) {
    put_uint(out, days.values().map(|day| day.rows.len() as u64).sum());
    streams.for_each_row(
        days,
        table,
        |series| &series.labels,
        |number, series| {
            put_uint(out, u64::from(number));
            put_uint(out, series.rows.len() as u64);
            series.rows.iter().for_each(|row| put(out, row));
        },
    );
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

pub fn put_labels(out: &mut Vec<u8>, labels: &LabelSet) {
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
    if !cursor.is_empty() {
        for (labels, samples) in read_series(&mut cursor, streams, &mut record.lost_rows, read_histogram)? {
            record.batch.histograms.push(HistogramSeries { labels, samples });
        }
        for (labels, exemplars) in read_series(&mut cursor, streams, &mut record.lost_rows, read_exemplar)? {
            record.batch.exemplars.push(ExemplarSeries { labels, exemplars });
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
        fresh.push(Some(read_labels(cursor)?));
    }
    streams.resize(first, None);
    streams.extend(fresh);
    Ok(())
}

pub fn read_labels(cursor: &mut Cursor<'_>) -> Result<LabelSet, Corrupt> {
    let pairs: Result<Vec<(&str, &str)>, Corrupt> =
        (0..cursor.count()?).map(|_| Ok((cursor.text()?, cursor.text()?))).collect();
    Ok(LabelSet::from_sorted(pairs?.iter().copied()))
}

/// The series of which the streams are known; rows of others are lost.
fn read_series<T>(
    cursor: &mut Cursor<'_>,
    streams: &KnownStreams,
    lost_rows: &mut u64,
    read: fn(&mut Cursor<'_>) -> Result<T, Corrupt>,
) -> Result<Vec<(LabelSet, Vec<T>)>, Corrupt> {
    let mut found = Vec::new();
    for _ in 0..cursor.count()? {
        let stream = read_stream(cursor, streams)?;
        let rows: Result<Vec<T>, Corrupt> = (0..cursor.count()?).map(|_| read(cursor)).collect();
        match stream {
            Some(stream) => found.push((stream, rows?)),
            None => *lost_rows += rows?.len() as u64,
        }
    }
    Ok(found)
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
