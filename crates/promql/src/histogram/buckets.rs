//! The buckets of a histogram as they are shown to people and to other programs.

use model::{Bucket, Histogram};

use super::{bound, custom_range};

/// A bucket with its bounds, and whether values that equal a bound are in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShownBucket {
    pub lower: f64,
    pub upper: f64,
    pub includes_lower: bool,
    pub includes_upper: bool,
    pub count: f64,
}

/// Buckets that count something, from the lowest up. Unlike [`ranges`](super::ranges) this
/// shows the zero bucket as wide as it is, whatever lies beside it.
pub fn buckets(histogram: &Histogram) -> impl Iterator<Item = ShownBucket> {
    let zero = ShownBucket {
        lower: -histogram.zero_threshold,
        upper: histogram.zero_threshold,
        includes_lower: true,
        includes_upper: true,
        count: histogram.zero_count,
    };
    let negative = histogram.negative.iter().rev().map(|bucket| negative(histogram.schema, bucket));
    let positive = histogram.positive.iter().map(|bucket| positive(histogram, bucket));
    negative.chain([zero]).chain(positive).filter(|bucket| bucket.count != 0.0)
}

fn negative(schema: i8, bucket: &Bucket) -> ShownBucket {
    let (near, far) = (bound(schema, bucket.index.saturating_sub(1)), bound(schema, bucket.index));
    ShownBucket {
        lower: -far,
        upper: -near,
        includes_lower: true,
        includes_upper: false,
        count: bucket.count,
    }
}

fn positive(histogram: &Histogram, bucket: &Bucket) -> ShownBucket {
    let (lower, upper) = if histogram.has_custom_buckets() {
        let range = custom_range(histogram, bucket);
        (range.lower, range.upper)
    } else {
        let lower = bound(histogram.schema, bucket.index.saturating_sub(1));
        (lower, bound(histogram.schema, bucket.index))
    };
    let includes_lower = lower == f64::NEG_INFINITY;
    ShownBucket { lower, upper, includes_lower, includes_upper: true, count: bucket.count }
}
