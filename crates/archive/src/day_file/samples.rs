//! Samples: one row each.

use model::METRIC_NAME;
use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::schema::types::ColumnPath;
use storage::{DayRows, StreamRows};

use super::columns::{Group, write as write_column};
use super::{Pairs, label_pairs};

/// `metric` is empty for series that have no name; `labels` are all others. Times are kept
/// to the nanosecond, as the store has them: two samples never become one.
pub const SCHEMA: &str = "
    message samples {
        required int64 timestamp (TIMESTAMP(NANOS, true));
        required double value;
        required binary metric (STRING);
        required group labels (MAP) {
            repeated group key_value {
                required binary key (STRING);
                required binary value (STRING);
            }
        }
    }";

/// Also of histograms and exemplars, whose times are like those of samples.
pub fn encodings(properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    let timestamp = ColumnPath::from("timestamp");
    // Steps between samples are mostly the same, and cost almost nothing.
    properties
        .set_column_dictionary_enabled(timestamp.clone(), false)
        .set_column_encoding(timestamp, Encoding::DELTA_BINARY_PACKED)
}

pub fn write(group: &mut Group<'_>, streams: &[StreamRows]) -> Result<(), ParquetError> {
    let samples = || streams.iter().flat_map(|stream| of(&stream.rows));
    write_column::<Int64Type, _>(group, samples(), |sample, to| to.one(sample.at.as_nanos()))?;
    write_column::<DoubleType, _>(group, samples(), |sample, to| to.one(sample.value))?;
    write_series(group, streams)
}

/// The columns `metric` and `labels`, for each row of the series.
pub fn write_series(group: &mut Group<'_>, streams: &[StreamRows]) -> Result<(), ParquetError> {
    let metrics: Vec<(usize, ByteArray)> =
        streams.iter().map(|stream| (stream.rows.len(), stream.labels.value(METRIC_NAME).into())).collect();
    let rows = || metrics.iter().flat_map(|(count, metric)| std::iter::repeat_n(metric, *count));
    write_column::<ByteArrayType, _>(group, rows(), |metric, to| to.one(metric.clone()))?;
    let labels: Vec<(usize, Pairs)> =
        streams.iter().map(|stream| (stream.rows.len(), label_pairs(&stream.labels, METRIC_NAME))).collect();
    let rows = || labels.iter().flat_map(|(count, pairs)| std::iter::repeat_n(pairs, *count));
    write_column::<ByteArrayType, _>(group, rows(), |pairs, to| {
        to.list(pairs.iter().map(|(name, _)| name.clone()));
    })?;
    write_column::<ByteArrayType, _>(group, rows(), |pairs, to| {
        to.list(pairs.iter().map(|(_, value)| value.clone()));
    })
}

fn of(rows: &DayRows) -> &[model::Sample] {
    match rows {
        DayRows::Samples(samples) => samples,
        _ => &[],
    }
}
