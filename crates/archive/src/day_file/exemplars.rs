//! Exemplars: one row each.

use model::Exemplar;
use parquet::data_type::{ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use storage::{DayRows, StreamRows};

use super::columns::{Group, write as write_column};
use super::label_pairs;
use super::samples::write_series;

/// `exemplar` is what is said of the observation itself, `trace_id` and `span_id` included.
pub const SCHEMA: &str = "
    message exemplars {
        required int64 timestamp (TIMESTAMP(NANOS, true));
        required double value;
        required group exemplar (MAP) {
            repeated group key_value {
                required binary key (STRING);
                required binary value (STRING);
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
    let exemplars = || streams.iter().flat_map(|stream| of(&stream.rows));
    write_column::<Int64Type, _>(group, exemplars(), |exemplar, to| to.one(exemplar.at.as_nanos()))?;
    write_column::<DoubleType, _>(group, exemplars(), |exemplar, to| to.one(exemplar.value))?;
    let pairs = || exemplars().map(|exemplar| label_pairs(&exemplar.labels, ""));
    write_column::<ByteArrayType, _>(group, pairs(), |pairs, to| {
        to.list(pairs.into_iter().map(|(name, _)| name));
    })?;
    write_column::<ByteArrayType, _>(group, pairs(), |pairs, to| {
        to.list(pairs.into_iter().map(|(_, value)| value));
    })?;
    write_series(group, streams)
}

fn of(rows: &DayRows) -> &[Exemplar] {
    match rows {
        DayRows::Exemplars(exemplars) => exemplars,
        _ => &[],
    }
}
