//! Native histograms: from spans and differences to buckets.

use model::{Bucket, CounterReset};

use super::super::message::{Histogram, Span};
use super::PageFault;
use crate::buckets::from_spans;

/// Resolutions that are defined: from one bucket each factor of 65536 to 256 each factor of 2.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

/// A histogram without observations has a span of no length to be told from a classic one.
pub(super) fn is_native(histogram: &Histogram) -> bool {
    !histogram.positive_spans.is_empty()
        || !histogram.negative_spans.is_empty()
        || histogram.zero_threshold > 0.0
        || histogram.zero_count > 0
        || histogram.zero_count_float > 0.0
}

/// Of a histogram of floats when it is one.
pub(super) fn float_or(float: f64, integer: u64) -> f64 {
    if float > 0.0 { float } else { integer as f64 }
}

pub(super) fn count_of(histogram: &Histogram) -> f64 {
    float_or(histogram.count_float, histogram.count)
}

pub(super) fn read(
    histogram: &Histogram,
    is_gauge: bool,
    buckets_max: usize,
) -> Result<model::Histogram, PageFault> {
    if !SCHEMAS.contains(&histogram.schema) {
        return Err(PageFault::Histogram("its schema is not one from -4 to 8"));
    }
    let positive =
        side(&histogram.positive_spans, &histogram.positive_deltas, &histogram.positive_counts, buckets_max)?;
    let negative = side(
        &histogram.negative_spans,
        &histogram.negative_deltas,
        &histogram.negative_counts,
        buckets_max - positive.len().min(buckets_max),
    )?;
    // The stale marker is ours to give.
    let sum = if histogram.sum.is_nan() { f64::NAN } else { histogram.sum };
    Ok(model::Histogram {
        schema: histogram.schema as i8,
        zero_threshold: histogram.zero_threshold,
        zero_count: float_or(histogram.zero_count_float, histogram.zero_count),
        count: count_of(histogram),
        sum,
        positive,
        negative,
        custom_bounds: Vec::new(),
        reset: if is_gauge { CounterReset::Gauge } else { CounterReset::Unknown },
    })
}

fn side(
    spans: &[Span],
    deltas: &[i64],
    counts: &[f64],
    buckets_max: usize,
) -> Result<Vec<Bucket>, PageFault> {
    let spans: Vec<(i32, u32)> = spans.iter().map(|span| (span.offset, span.length)).collect();
    from_spans(&spans, deltas, counts, buckets_max).map_err(PageFault::Buckets)
}
