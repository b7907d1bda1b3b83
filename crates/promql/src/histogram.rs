//! Computing with native histograms: what PromQL's functions and operators are made of.
//!
//! [`Total`] adds up histograms of different layouts with compensation, `reset` tells
//! whether a histogram counts on from another, `layout` brings layouts together, and
//! [`ranges`] shows every bucket with its bounds, from the lowest up.

mod buckets;
mod layout;
mod quantile;
mod reset;
mod text;
mod total;
mod trim;

use model::{Bucket, Histogram};

pub use buckets::{ShownBucket, buckets};
pub use quantile::{Observed, fraction, quantile, variance};
pub use reset::{is_reset, merge_hints};
pub use text::format_histogram;
pub use total::{Mixed, Total};
pub use trim::{Side, trimmed};

/// A bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
}

impl Range {
    pub fn holds_zero(&self) -> bool {
        self.lower <= 0.0 && self.upper >= 0.0
    }
}

/// The upper bound of the absolute values in an exponential bucket. The bucket that reaches
/// the end of the numbers ends with the largest of them; what is above has one of its own.
pub fn bound(schema: i8, index: i32) -> f64 {
    let exponent = f64::from(index) * f64::from(-schema).exp2();
    if exponent == f64::from(f64::MAX_EXP) { f64::MAX } else { exponent.exp2() }
}

/// All buckets that count something, in ascending order of their bounds.
pub fn ranges(histogram: &Histogram) -> Vec<Range> {
    let counts = |bucket: &&Bucket| bucket.count != 0.0;
    if histogram.has_custom_buckets() {
        return histogram
            .positive
            .iter()
            .filter(counts)
            .map(|bucket| custom_range(histogram, bucket))
            .collect();
    }
    let mut ranges = Vec::with_capacity(histogram.negative.len() + histogram.positive.len() + 1);
    let limits = |bucket: &Bucket| {
        (bound(histogram.schema, bucket.index.saturating_sub(1)), bound(histogram.schema, bucket.index))
    };
    for bucket in histogram.negative.iter().rev().filter(counts) {
        let (near, far) = limits(bucket);
        ranges.push(Range { lower: -far, upper: -near, count: bucket.count });
    }
    if histogram.zero_count != 0.0 {
        ranges.push(zero_range(histogram));
    }
    for bucket in histogram.positive.iter().filter(counts) {
        let (lower, upper) = limits(bucket);
        ranges.push(Range { lower, upper, count: bucket.count });
    }
    ranges
}

fn custom_range(histogram: &Histogram, bucket: &Bucket) -> Range {
    let bound = |index: i32| usize::try_from(index).ok().and_then(|index| histogram.custom_bounds.get(index));
    let lower = if bucket.index <= 0 {
        f64::NEG_INFINITY
    } else {
        bound(bucket.index - 1).copied().unwrap_or(f64::INFINITY)
    };
    Range { lower, upper: bound(bucket.index).copied().unwrap_or(f64::INFINITY), count: bucket.count }
}

/// Without buckets on one side, nothing of the zero bucket is expected there either.
fn zero_range(histogram: &Histogram) -> Range {
    let (threshold, count) = (histogram.zero_threshold, histogram.zero_count);
    let counts = |buckets: &[Bucket]| buckets.iter().any(|bucket| bucket.count != 0.0);
    match (counts(&histogram.negative), counts(&histogram.positive)) {
        (false, true) => Range { lower: 0.0, upper: threshold, count },
        (true, false) => Range { lower: -threshold, upper: 0.0, count },
        _ => Range { lower: -threshold, upper: threshold, count },
    }
}

/// Every count and the sum times `factor`. What is negative is no counter.
pub fn scaled(histogram: &Histogram, factor: f64) -> Histogram {
    let mut scaled = mapped(histogram, |value| value * factor);
    if factor < 0.0 {
        scaled.reset = model::CounterReset::Gauge;
    }
    scaled
}

/// By nothing, no bucket is left.
pub fn divided(histogram: &Histogram, divisor: f64) -> Histogram {
    let mut divided = mapped(histogram, |value| value / divisor);
    if divisor == 0.0 {
        divided.positive.clear();
        divided.negative.clear();
    }
    if divisor < 0.0 {
        divided.reset = model::CounterReset::Gauge;
    }
    divided
}

fn mapped(histogram: &Histogram, map: impl Fn(f64) -> f64) -> Histogram {
    let mut mapped = histogram.clone();
    for value in [&mut mapped.zero_count, &mut mapped.count, &mut mapped.sum] {
        *value = map(*value);
    }
    for bucket in mapped.positive.iter_mut().chain(&mut mapped.negative) {
        bucket.count = map(bucket.count);
    }
    compact(mapped)
}

/// Without buckets that count nothing.
pub fn compact(mut histogram: Histogram) -> Histogram {
    histogram.positive.retain(|bucket| bucket.count != 0.0);
    histogram.negative.retain(|bucket| bucket.count != 0.0);
    histogram
}

/// Whether both say the same, whatever they are known about resets.
pub fn same(one: &Histogram, other: &Histogram) -> bool {
    let buckets = |one: &[Bucket], other: &[Bucket]| {
        let counts = |bucket: &&Bucket| bucket.count != 0.0;
        one.iter().filter(counts).eq(other.iter().filter(counts))
    };
    let equal = |one: f64, other: f64| one.to_bits() == other.to_bits() || one == other;
    one.schema == other.schema
        && equal(one.count, other.count)
        && equal(one.sum, other.sum)
        && equal(one.zero_count, other.zero_count)
        && one.zero_threshold == other.zero_threshold
        && one.custom_bounds == other.custom_bounds
        && buckets(&one.positive, &other.positive)
        && buckets(&one.negative, &other.negative)
}
