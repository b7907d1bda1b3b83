//! One signal and day as a Parquet file.
//!
//! Rows are collected until they are a row group, which is then written column by column;
//! memory holds one row group and what its columns are compressed to. The columns of each
//! signal are named in a module of its name.

mod columns;
mod exemplars;
mod histograms;
mod logs;
mod samples;
mod spans;

use std::sync::Arc;

use model::{Attributes, LabelSet, Timestamp, Value};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use storage::{DayRows, DaySink, Signal, SinkError, StreamRows};

use crate::notes::day_name;
use crate::pipe::Pipe;

/// DuckDB reads row groups in parallel and likes them of this size or a multiple of it.
const GROUP_ROWS_MAX: usize = 2 * 122_880;

/// Long texts make a row group earlier.
const GROUP_BYTES_MAX: usize = 32 << 20;

/// Compressed once and read for years; beyond this level it gets slow and hardly smaller.
const ZSTD_LEVEL: i32 = 6;

/// Takes rows as a sink of [`storage::DayReader`].
pub struct DayFile {
    writer: SerializedFileWriter<Pipe>,
    group: Vec<StreamRows>,
    group_rows: usize,
    group_bytes: usize,
    rows: u64,
    signal: Signal,
}

impl DayFile {
    pub fn new(signal: Signal, day: Timestamp, pipe: Pipe) -> Result<Self, ParquetError> {
        let schema = match signal {
            Signal::Samples => samples::SCHEMA,
            Signal::Logs => logs::SCHEMA,
            Signal::Spans => spans::SCHEMA,
            Signal::Histograms => histograms::SCHEMA,
            Signal::Exemplars => exemplars::SCHEMA,
        };
        let encoded = match signal {
            Signal::Samples | Signal::Histograms | Signal::Exemplars => samples::encodings,
            Signal::Logs => logs::encodings,
            Signal::Spans => spans::encodings,
        };
        let version = env!("CARGO_PKG_VERSION");
        let about = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
        let properties = WriterProperties::builder()
            .set_created_by(format!("watchkeeper {version}"))
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_key_value_metadata(Some(vec![
                about("watchkeeper.version", version),
                about("watchkeeper.signal", signal.as_str()),
                about("watchkeeper.day", &day_name(day)),
            ]));
        let encode: fn(WriterPropertiesBuilder) -> WriterPropertiesBuilder = encoded;
        let properties = encode(properties).build();
        let writer =
            SerializedFileWriter::new(pipe, Arc::new(parse_message_type(schema)?), Arc::new(properties))?;
        Ok(Self { writer, group: Vec::new(), group_rows: 0, group_bytes: 0, rows: 0, signal })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let group = std::mem::take(&mut self.group);
        self.rows += self.group_rows as u64;
        (self.group_rows, self.group_bytes) = (0, 0);
        if group.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer.next_row_group()?;
        match self.signal {
            Signal::Samples => samples::write(&mut writer, &group)?,
            Signal::Logs => logs::write(&mut writer, &group)?,
            Signal::Spans => spans::write(&mut writer, &group)?,
            Signal::Histograms => histograms::write(&mut writer, &group)?,
            Signal::Exemplars => exemplars::write(&mut writer, &group)?,
        }
        writer.close()?;
        Ok(())
    }
}

impl DaySink for DayFile {
    fn take(&mut self, rows: StreamRows) -> Result<(), SinkError> {
        if self.writer.inner().is_closed() {
            return Err("the target takes no more".into());
        }
        self.group_rows += rows.rows.len();
        self.group_bytes += bytes(&rows.rows);
        self.group.push(rows);
        if self.group_rows >= GROUP_ROWS_MAX || self.group_bytes >= GROUP_BYTES_MAX {
            self.write_group()?;
        }
        Ok(())
    }

    /// Of no rows there is no file.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.write_group()?;
        if self.rows > 0 {
            self.writer.finish()?;
        } else {
            self.writer.inner_mut().clear();
        }
        Ok(self.writer.inner_mut().finish()?)
    }
}

/// Roughly what the rows take in memory.
fn bytes(rows: &DayRows) -> usize {
    match rows {
        DayRows::Samples(rows) => 16 * rows.len(),
        DayRows::Histograms(rows) => {
            let numbers = |histogram: &model::Histogram| {
                histogram.positive.len() + histogram.negative.len() + histogram.custom_bounds.len()
            };
            rows.iter().map(|row| 64 + 12 * numbers(&row.histogram)).sum()
        }
        DayRows::Exemplars(rows) => rows.iter().map(|row| 32 + row.labels.memory_bytes()).sum(),
        DayRows::Logs(rows) => {
            let record = |record: &model::LogRecord| 200 + record.body.len() + of(&record.attributes);
            rows.iter().map(|row| record(row)).sum()
        }
        DayRows::Spans(rows) => {
            let span = |span: &model::Span| {
                let events = span.events.iter().map(|event| 64 + event.name.len() + of(&event.attributes));
                let links = span.links.iter().map(|link| 64 + of(&link.attributes));
                300 + span.name.len() + of(&span.attributes) + events.sum::<usize>() + links.sum::<usize>()
            };
            rows.iter().map(|row| span(row)).sum()
        }
    }
}

fn of(attributes: &Attributes) -> usize {
    let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
    attributes.iter().map(|(name, value)| 64 + name.len() + text(value)).sum()
}

/// Names and values of one row's map.
type Pairs = Vec<(ByteArray, ByteArray)>;

fn label_pairs(labels: &LabelSet, without: &str) -> Pairs {
    let pairs = labels.iter().filter(|(name, _)| *name != without);
    pairs.map(|(name, value)| (name.into(), value.into())).collect()
}

/// Of several attributes of one name the first counts, as for queries: a map has each once.
fn attribute_pairs(attributes: &Attributes) -> impl Iterator<Item = (&str, ByteArray)> {
    let is_first = |at: usize, name: &str| !attributes[..at].iter().any(|(other, _)| other == name);
    let firsts = attributes.iter().enumerate().filter(move |(at, (name, _))| is_first(*at, name));
    firsts.map(|(_, (name, value))| match value {
        Value::Text(text) => (name.as_str(), text.as_str().into()),
        value => (name.as_str(), value.to_string().as_str().into()),
    })
}
