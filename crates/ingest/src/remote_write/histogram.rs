//! Native histograms, which both versions write alike.

use model::{Bucket, CUSTOM_BUCKETS_SCHEMA, CounterReset, Histogram, Timestamp, is_stale};

use super::wire::{Fields, Malformed, Value, doubles, numbers, signed};

/// What is wrong with one histogram.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistogramError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("schema {0} is none: -4 to 8, or -53 for custom buckets")]
    Schema(i64),
    #[error("its spans need {spans} buckets, and there are {buckets}")]
    Spans { spans: u64, buckets: usize },
    #[error("a bucket is out of range or not after the one before")]
    Order,
    #[error("a count is negative or no number")]
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
    spans: Vec<(i64, u64)>,
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

fn span_of(bytes: &[u8]) -> Result<(i64, u64), Malformed> {
    let (mut offset, mut length) = (0, 0);
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Varint(number)) => offset = signed(number),
            (2, Value::Varint(number)) => length = number,
            _ => {}
        }
    }
    Ok((offset, length))
}

const fn reset(hint: u64) -> CounterReset {
    match hint {
        1 => CounterReset::Reset,
        2 => CounterReset::NotReset,
        3 => CounterReset::Gauge,
        _ => CounterReset::Unknown,
    }
}

/// Buckets with something in them; the index of a span's first one counts from the end of
/// the span before.
fn buckets(side: &Side) -> Result<Vec<Bucket>, HistogramError> {
    let mut count = 0_i64;
    let from_deltas = side.deltas.iter().map(|delta| {
        count = count.saturating_add(*delta);
        count as f64
    });
    let counts: Vec<f64> = if side.counts.is_empty() { from_deltas.collect() } else { side.counts.clone() };
    let spans = side.spans.iter().fold(0_u64, |all, (_, length)| all.saturating_add(*length));
    if spans != counts.len() as u64 || counts.len() > BUCKETS_MAX {
        return Err(HistogramError::Spans { spans, buckets: counts.len() });
    }
    let mut found = Vec::with_capacity(counts.len());
    let mut counts = counts.into_iter();
    let mut next = 0_i64;
    for (place, (offset, length)) in side.spans.iter().enumerate() {
        if place > 0 && *offset < 0 {
            return Err(HistogramError::Order);
        }
        next = next.saturating_add(*offset);
        for count in counts.by_ref().take(*length as usize) {
            let index = i32::try_from(next).map_err(|_| HistogramError::Order)?;
            if count.is_nan() || count < 0.0 {
                return Err(HistogramError::Count);
            }
            if count > 0.0 {
                found.push(Bucket { index, count });
            }
            next += 1;
        }
    }
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
