//! `</` and `>/`: what of a histogram is below or above a value.

use model::{Bucket, Histogram};

use super::quantile::share_below;
use super::{Range, bound, custom_range, zero_range};
use crate::sums::Sum;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Below,
    Above,
}

struct Trim<'a> {
    histogram: &'a Histogram,
    side: Side,
    at: f64,
    /// Of the kept observations, each in the middle of what is left of its bucket.
    sum: Sum,
    count: Sum,
    has_cut: bool,
}

/// When nothing is cut off, the exact sum is kept; otherwise it is estimated.
pub fn trimmed(histogram: &Histogram, side: Side, at: f64) -> Histogram {
    let (sum, count) = (Sum::default(), Sum::default());
    let mut trim = Trim { histogram, side, at, sum, count, has_cut: false };
    let mut kept = histogram.clone();
    let near = |bucket: &Bucket| bound(histogram.schema, bucket.index.saturating_sub(1));
    let far = |bucket: &Bucket| bound(histogram.schema, bucket.index);
    if histogram.has_custom_buckets() {
        kept.positive.iter_mut().for_each(|bucket| bucket.count = trim.kept(custom_range(histogram, bucket)));
    } else {
        for bucket in &mut kept.negative {
            let range = Range { lower: -far(bucket), upper: -near(bucket), count: bucket.count };
            bucket.count = trim.kept(range);
        }
        if histogram.zero_count != 0.0 {
            kept.zero_count = trim.kept(zero_range(histogram));
        }
        for bucket in &mut kept.positive {
            bucket.count = trim.kept(Range { lower: near(bucket), upper: far(bucket), count: bucket.count });
        }
    }
    if !trim.has_cut {
        return histogram.clone();
    }
    kept.sum = trim.sum.total();
    kept.count = trim.count.total();
    super::compact(kept)
}

impl Trim<'_> {
    fn kept(&mut self, range: Range) -> f64 {
        if range.count == 0.0 {
            return 0.0;
        }
        let left = self.rest(range);
        self.has_cut |= left.is_none_or(|left| left.count != range.count);
        let Some(left) = left else { return 0.0 };
        self.count = self.count.plus(left.count);
        self.sum = self.sum.plus(left.count * self.middle(left, range.holds_zero()));
        left.count
    }

    /// What is left of a bucket. One without a bound is kept or dropped as a whole.
    fn rest(&self, mut range: Range) -> Option<Range> {
        let at = self.at;
        match self.side {
            Side::Below => {
                if at == f64::INFINITY {
                    return Some(range);
                }
                if range.upper == f64::INFINITY || at == f64::NEG_INFINITY {
                    return None;
                }
                if range.lower == f64::NEG_INFINITY {
                    if range.upper <= 0.0 {
                        return Some(Range { upper: range.upper.min(at), ..range });
                    }
                    range.lower = 0.0;
                }
                if range.upper <= at {
                    return Some(range);
                }
                if range.lower < at {
                    let count = range.count * share_below(at, self.histogram, range);
                    return Some(Range { upper: at, count, ..range });
                }
                None
            }
            Side::Above => {
                if at == f64::NEG_INFINITY {
                    return Some(range);
                }
                if at == f64::INFINITY {
                    return None;
                }
                if range.lower == f64::NEG_INFINITY {
                    if range.upper <= 0.0 || range.upper == f64::INFINITY || at < 0.0 {
                        return None;
                    }
                    range.lower = 0.0;
                }
                if range.upper == f64::INFINITY {
                    return Some(Range { lower: range.lower.max(at), ..range });
                }
                if range.lower >= at {
                    return Some(range);
                }
                if at < range.upper {
                    let count = range.count * (1.0 - share_below(at, self.histogram, range));
                    return Some(Range { lower: at, count, ..range });
                }
                None
            }
        }
    }

    /// What is left of the zero bucket is still evenly spread.
    fn middle(&self, range: Range, is_even: bool) -> f64 {
        if range.lower == f64::NEG_INFINITY {
            return if range.upper <= 0.0 { range.upper } else { 0.0 };
        }
        if range.upper == f64::INFINITY {
            return range.lower;
        }
        if self.histogram.has_custom_buckets() || is_even {
            return f64::midpoint(range.lower, range.upper);
        }
        (range.lower * range.upper).sqrt().copysign(range.upper)
    }
}
