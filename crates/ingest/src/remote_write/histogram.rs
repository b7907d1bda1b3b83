//! Native histograms, which both versions write alike.

use model::{Bucket, CUSTOM_BUCKETS_SCHEMA, CounterReset, Histogram, Timestamp, is_stale};

use crate::buckets::{BucketError, from_spans};

use super::wire::{Fields, Malformed, Value, doubles, numbers, signed};

/// What is wrong with one histogram.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistogramError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("schema {0} is none: -4 to 8, or -53 for custom buckets")]
    Schema(i64),
    #[error(transparent)]
    Buckets(#[from] BucketError),
    #[error("its count is negative or no number")]
    Count,
    #[error("custom bounds do not ascend, or there are more buckets than they bound")]
    Bounds,
}

/// More is no histogram: with schema 8 these span thirty orders of magnitude.
const BUCKETS_MAX: usize = 100_000;

/// One side as it is written: spans of neighbouring buckets, and their counts as such or as
/// differences.
#[derive(Default)]
struct Side {
    spans: Vec<(i32, u32)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

pub fn read(bytes: &[u8]) -> Result<(Timestamp, Histogram), HistogramError> {
    let mut histogram = Histogram::default();
    let (mut millis, mut schema) = (0, 0);
    let (mut negative, mut positive) = (Side::default(), Side::default());
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Varint(count)) => histogram.count = count as f64,
            (2, Value::Word(bits)) => histogram.count = f64::from_bits(bits),
            (3, Value::Word(bits)) => histogram.sum = f64::from_bits(bits),
            (4, Value::Varint(number)) => schema = signed(number),
            (5, Value::Word(bits)) => histogram.zero_threshold = f64::from_bits(bits),
            (6, Value::Varint(count)) => histogram.zero_count = count as f64,
            (7, Value::Word(bits)) => histogram.zero_count = f64::from_bits(bits),
            (8, Value::Bytes(span)) => negative.spans.push(span_of(span)?),
            (9, value) => numbers(value, |number| negative.deltas.push(signed(number)))?,
            (10, value) => doubles(value, |count| negative.counts.push(count))?,
            (11, Value::Bytes(span)) => positive.spans.push(span_of(span)?),
            (12, value) => numbers(value, |number| positive.deltas.push(signed(number)))?,
            (13, value) => doubles(value, |count| positive.counts.push(count))?,
            (14, Value::Varint(hint)) => histogram.reset = reset(hint),
            (15, Value::Varint(number)) => millis = number as i64,
            (16, value) => doubles(value, |bound| histogram.custom_bounds.push(bound))?,
            _ => {}
        }
    }
    histogram.schema = i8::try_from(schema)
        .ok()
        .filter(|schema| (-4..=8).contains(schema) || *schema == CUSTOM_BUCKETS_SCHEMA)
        .ok_or(HistogramError::Schema(schema))?;
    histogram.negative = buckets(&negative)?;
    histogram.positive = buckets(&positive)?;
    check(&histogram)?;
    Ok((Timestamp::from_millis(millis), histogram))
}

fn span_of(bytes: &[u8]) -> Result<(i32, u32), HistogramError> {
    let (mut offset, mut length) = (0, 0);
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Varint(number)) => offset = signed(number),
            (2, Value::Varint(number)) => length = number,
            _ => {}
        }
    }
    let offset = i32::try_from(offset).map_err(|_| BucketError::Range)?;
    Ok((offset, u32::try_from(length).map_err(|_| BucketError::TooMany)?))
}

const fn reset(hint: u64) -> CounterReset {
    match hint {
        1 => CounterReset::Reset,
        2 => CounterReset::NotReset,
        3 => CounterReset::Gauge,
        _ => CounterReset::Unknown,
    }
}

/// Buckets with something in them.
fn buckets(side: &Side) -> Result<Vec<Bucket>, HistogramError> {
    let mut found = from_spans(&side.spans, &side.deltas, &side.counts, BUCKETS_MAX)?;
    found.retain(|bucket| bucket.count > 0.0);
    Ok(found)
}

fn check(histogram: &Histogram) -> Result<(), HistogramError> {
    let is_count = |count: f64| count >= 0.0;
    let has_counts = is_count(histogram.count) && is_count(histogram.zero_count);
    if !has_counts && !is_stale(histogram.sum) {
        return Err(HistogramError::Count);
    }
    if !histogram.has_custom_buckets() {
        return Ok(());
    }
    let bounds = &histogram.custom_bounds;
    let is_bound = |index: i32| usize::try_from(index).is_ok_and(|index| index <= bounds.len());
    let ascends =
        bounds.windows(2).all(|pair| pair[0] < pair[1]) && bounds.iter().all(|bound| bound.is_finite());
    let fits =
        histogram.positive.iter().all(|bucket| is_bound(bucket.index)) && histogram.negative.is_empty();
    if ascends && fits { Ok(()) } else { Err(HistogramError::Bounds) }
}
