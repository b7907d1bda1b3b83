//! Native histograms: one row each.

use model::{Bucket, CounterReset, Histogram, HistogramSample};
use parquet::data_type::{ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use storage::{DayRows, StreamRows};

use super::columns::{Group, write as write_column};
use super::samples::write_series;

/// Buckets are maps from their index to their own count, not cumulative. `bounds` are those of
/// custom buckets; with them the schema is -53.
pub const SCHEMA: &str = "
    message histograms {
        required int64 timestamp (TIMESTAMP(NANOS, true));
        required double count;
        required double sum;
        required int32 schema;
        required double zero_threshold;
        required double zero_count;
        required binary reset (STRING);
        required group positive (MAP) {
            repeated group key_value {
                required int32 key;
                required double value;
            }
        }
        required group negative (MAP) {
            repeated group key_value {
                required int32 key;
                required double value;
            }
        }
        required group bounds (LIST) {
            repeated group list {
                required double element;
            }
        }
        required binary metric (STRING);
        required group labels (MAP) {
            repeated group key_value {
                required binary key (STRING);
                required binary value (STRING);
            }
        }
    }";

pub fn write(group: &mut Group<'_>, streams: &[StreamRows]) -> Result<(), ParquetError> {
    let samples = || streams.iter().flat_map(|stream| of(&stream.rows));
    let histograms = || samples().map(|sample| &*sample.histogram);
    write_column::<Int64Type, _>(group, samples(), |sample, to| to.one(sample.at.as_nanos()))?;
    write_column::<DoubleType, _>(group, histograms(), |histogram, to| to.one(histogram.count))?;
    write_column::<DoubleType, _>(group, histograms(), |histogram, to| to.one(histogram.sum))?;
    write_column::<Int32Type, _>(group, histograms(), |histogram, to| to.one(histogram.schema.into()))?;
    write_column::<DoubleType, _>(group, histograms(), |histogram, to| to.one(histogram.zero_threshold))?;
    write_column::<DoubleType, _>(group, histograms(), |histogram, to| to.one(histogram.zero_count))?;
    write_column::<ByteArrayType, _>(group, histograms(), |histogram, to| {
        to.one(reset(histogram.reset).into());
    })?;
    write_buckets(group, histograms(), |histogram| &histogram.positive)?;
    write_buckets(group, histograms(), |histogram| &histogram.negative)?;
    write_column::<DoubleType, _>(group, histograms(), |histogram, to| {
        to.list(histogram.custom_bounds.iter().copied());
    })?;
    write_series(group, streams)
}

fn write_buckets<'a>(
    group: &mut Group<'_>,
    histograms: impl Iterator<Item = &'a Histogram> + Clone,
    buckets: fn(&Histogram) -> &[Bucket],
) -> Result<(), ParquetError> {
    write_column::<Int32Type, _>(group, histograms.clone(), |histogram, to| {
        to.list(buckets(histogram).iter().map(|bucket| bucket.index));
    })?;
    write_column::<DoubleType, _>(group, histograms, |histogram, to| {
        to.list(buckets(histogram).iter().map(|bucket| bucket.count));
    })
}

const fn reset(reset: CounterReset) -> &'static str {
    match reset {
        CounterReset::Unknown => "unknown",
        CounterReset::Reset => "yes",
        CounterReset::NotReset => "no",
        CounterReset::Gauge => "gauge",
    }
}

fn of(rows: &DayRows) -> &[HistogramSample] {
    match rows {
        DayRows::Histograms(samples) => samples,
        _ => &[],
    }
}
