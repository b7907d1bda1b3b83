//! Quantiles, fractions and variance, estimated from buckets.
//!
//! Within an exponential bucket, values are taken to be spread as if the resolution was
//! higher; within custom buckets and the zero bucket, evenly.

use model::Histogram;

use super::{Range, ranges};
use crate::sums::Sum;

/// What observations that are no numbers do to a quantile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    Numbers,
    /// The quantile is higher than that of the numbers alone would be.
    Skewed,
    NoResult,
}

pub fn quantile(quantile: f64, histogram: &Histogram) -> (f64, Observed) {
    let numbers = Observed::Numbers;
    if quantile < 0.0 {
        return (f64::NEG_INFINITY, numbers);
    }
    if quantile > 1.0 {
        return (f64::INFINITY, numbers);
    }
    if histogram.count == 0.0 || quantile.is_nan() {
        return (f64::NAN, numbers);
    }
    // Observations that are no numbers are in no bucket and count as the largest ones.
    let has_nan = histogram.sum.is_nan();
    let is_forward = has_nan || quantile < 0.5;
    let mut all = ranges(histogram);
    if !is_forward {
        all.reverse();
    }
    let rank = histogram.count * if is_forward { quantile } else { 1.0 - quantile };
    let mut count = 0.0;
    let mut found = Range { lower: 0.0, upper: 0.0, count: 0.0 };
    for range in all {
        found = range;
        count += range.count;
        if count >= rank {
            break;
        }
    }
    if histogram.has_custom_buckets() {
        if found.lower == f64::NEG_INFINITY {
            if found.upper <= 0.0 {
                return (found.upper, numbers);
            }
            found.lower = 0.0;
        } else if found.upper == f64::INFINITY {
            return (found.lower, numbers);
        }
    }
    count = count.min(histogram.count);
    if count < rank {
        return if has_nan { (f64::NAN, Observed::NoResult) } else { (found.upper, numbers) };
    }
    let within = if is_forward { rank - (count - found.count) } else { count - rank };
    let value = interpolated(histogram, found, within / found.count);
    (value, if has_nan { Observed::Skewed } else { numbers })
}

fn interpolated(histogram: &Histogram, range: Range, share: f64) -> f64 {
    if histogram.has_custom_buckets() || range.holds_zero() {
        return range.lower + (range.upper - range.lower) * share;
    }
    let (lower, upper) = (range.lower.abs().log2(), range.upper.abs().log2());
    if range.lower > 0.0 {
        (lower + (upper - lower) * share).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - share)).exp2()
    }
}

/// The share of the observations between `lower` and `upper`.
pub fn fraction(lower: f64, upper: f64, histogram: &Histogram) -> f64 {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let all = ranges(histogram);
    (up_to(upper, histogram, &all) - up_to(lower, histogram, &all)) / histogram.count
}

/// How many observations are up to `value`.
fn up_to(value: f64, histogram: &Histogram, all: &[Range]) -> f64 {
    let mut before = 0.0;
    for range in all {
        let lower = if range.lower == f64::NEG_INFINITY && range.upper > 0.0 { 0.0 } else { range.lower };
        if lower >= value {
            break;
        }
        if value < range.upper {
            return before + range.count * share_below(value, histogram, Range { lower, ..*range });
        }
        before += range.count;
    }
    before
}

/// The share of a bucket's observations that is below a value within it. Of a bucket
/// without a bound nothing is known: its observations are at the bound that it has.
pub fn share_below(value: f64, histogram: &Histogram, range: Range) -> f64 {
    if range.lower.is_infinite() {
        return 1.0;
    }
    if range.upper.is_infinite() {
        return 0.0;
    }
    if histogram.has_custom_buckets() || range.holds_zero() {
        return (value - range.lower) / (range.upper - range.lower);
    }
    let (lower, upper, at) = (range.lower.abs().log2(), range.upper.abs().log2(), value.abs().log2());
    if value > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
}

/// Of all observations, each taken to be in the middle of its bucket.
pub fn variance(histogram: &Histogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut squares = Sum::default();
    for range in ranges(histogram) {
        let middle = if histogram.has_custom_buckets() {
            f64::midpoint(range.lower, range.upper)
        } else if range.holds_zero() {
            0.0
        } else {
            (range.lower * range.upper).sqrt().copysign(range.upper)
        };
        let distance = middle - mean;
        squares = squares.plus(range.count * distance * distance);
    }
    squares.total() / histogram.count
}
