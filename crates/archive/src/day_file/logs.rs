//! Log records: one row each.

use std::sync::Arc;

use model::LogRecord;
use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::schema::types::ColumnPath;
use storage::{DayRows, StreamRows};

use super::columns::{Group, write as write_column};
use super::{Pairs, attribute_pairs, label_pairs};

/// Ids are hexadecimal, as every other program shows them, so that they are found by what
/// is on the clipboard; zstd takes back most of what the digits cost.
pub const SCHEMA: &str = "
    message logs {
        required int64 timestamp (TIMESTAMP(NANOS, true));
        required binary severity (STRING);
        required binary body (STRING);
        optional binary trace_id (STRING);
        optional binary span_id (STRING);
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
    }";

pub fn encodings(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let timestamp = ColumnPath::from("timestamp");
    properties
        .set_column_dictionary_enabled(timestamp.clone(), false)
        .set_column_encoding(timestamp, Encoding::DELTA_BINARY_PACKED)
        // Each occurs once.
        .set_column_dictionary_enabled(ColumnPath::from("span_id"), false)
}

pub fn write(group: &mut Group<'_>, streams: &[StreamRows]) -> Result<(), ParquetError> {
    let records = || streams.iter().flat_map(|stream| of(&stream.rows));
    let text = |id: Option<String>| id.map(|id| ByteArray::from(id.as_str()));
    write_column::<Int64Type, _>(group, records(), |record, to| to.one(record.at.as_nanos()))?;
    write_column::<ByteArrayType, _>(group, records(), |record, to| to.one(record.severity.as_str().into()))?;
    write_column::<ByteArrayType, _>(group, records(), |record, to| to.one(record.body.as_str().into()))?;
    write_column::<ByteArrayType, _>(group, records(), |record, to| {
        to.optional(text(record.trace.map(|id| id.to_string())));
    })?;
    write_column::<ByteArrayType, _>(group, records(), |record, to| {
        to.optional(text(record.span.map(|id| id.to_string())));
    })?;
    write_labels(group, streams)?;
    write_column::<ByteArrayType, _>(group, records(), |record, to| {
        to.list(attribute_pairs(&record.attributes).map(|(name, _)| name.into()));
    })?;
    write_column::<ByteArrayType, _>(group, records(), |record, to| {
        to.list(attribute_pairs(&record.attributes).map(|(_, value)| value));
    })
}

/// The map of the stream's labels, for each of its rows.
pub fn write_labels(group: &mut Group<'_>, streams: &[StreamRows]) -> Result<(), ParquetError> {
    let labels: Vec<(usize, Pairs)> =
        streams.iter().map(|stream| (stream.rows.len(), label_pairs(&stream.labels, ""))).collect();
    let rows = || labels.iter().flat_map(|(count, pairs)| std::iter::repeat_n(pairs, *count));
    write_column::<ByteArrayType, _>(group, rows(), |pairs, to| {
        to.list(pairs.iter().map(|(name, _)| name.clone()));
    })?;
    write_column::<ByteArrayType, _>(group, rows(), |pairs, to| {
        to.list(pairs.iter().map(|(_, value)| value.clone()));
    })
}

fn of(rows: &DayRows) -> &[Arc<LogRecord>] {
    match rows {
        DayRows::Logs(records) => records,
        _ => &[],
    }
}
