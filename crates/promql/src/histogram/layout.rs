//! Bringing histograms to one layout: schema, zero bucket, custom bounds.

use model::{Bucket, Histogram};

use super::bound;

/// The bucket of a coarser schema in which a finer bucket lies.
fn coarser_index(index: i32, levels: u32) -> i32 {
    (index.saturating_sub(1) >> levels.min(31)) + 1
}

pub fn to_schema(histogram: &Histogram, schema: i8) -> Histogram {
    let mut coarser = histogram.clone();
    let levels = i32::from(histogram.schema) - i32::from(schema);
    if levels > 0 {
        let levels = levels.unsigned_abs();
        coarser.schema = schema;
        coarser.positive = regrouped(&histogram.positive, |index| coarser_index(index, levels));
        coarser.negative = regrouped(&histogram.negative, |index| coarser_index(index, levels));
    }
    coarser
}

/// `index_of` must not change the order.
fn regrouped(buckets: &[Bucket], index_of: impl Fn(i32) -> i32) -> Vec<Bucket> {
    let mut grouped: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let index = index_of(bucket.index);
        match grouped.last_mut() {
            Some(last) if last.index == index => last.count += bucket.count,
            _ => grouped.push(Bucket { index, count: bucket.count }),
        }
    }
    grouped
}

/// With a zero bucket of at least `threshold`: wider where that would cut a bucket which
/// counts something.
pub fn with_zero_threshold(histogram: &Histogram, threshold: f64) -> Histogram {
    let mut wider = histogram.clone();
    if threshold <= histogram.zero_threshold {
        return wider;
    }
    let limits = |bucket: &Bucket| {
        (bound(histogram.schema, bucket.index.saturating_sub(1)), bound(histogram.schema, bucket.index))
    };
    let mut threshold = threshold;
    loop {
        let cut = histogram.positive.iter().chain(&histogram.negative).find_map(|bucket| {
            let (lower, upper) = limits(bucket);
            (bucket.count != 0.0 && lower < threshold && threshold < upper).then_some(upper)
        });
        match cut {
            Some(upper) => threshold = upper,
            None => break,
        }
    }
    wider.zero_threshold = threshold;
    for buckets in [&mut wider.positive, &mut wider.negative] {
        buckets.retain(|bucket| {
            let is_within = limits(bucket).0 < threshold;
            if is_within {
                wider.zero_count += bucket.count;
            }
            !is_within
        });
    }
    wider
}

/// Both with the same zero bucket.
pub fn same_zero_bucket(one: &Histogram, other: &Histogram) -> (Histogram, Histogram) {
    let (mut one, mut other) = (one.clone(), other.clone());
    // Each turn widens at least one, by a bucket that counts something.
    while one.zero_threshold < other.zero_threshold || other.zero_threshold < one.zero_threshold {
        if one.zero_threshold < other.zero_threshold {
            one = with_zero_threshold(&one, other.zero_threshold);
        } else {
            other = with_zero_threshold(&other, one.zero_threshold);
        }
    }
    (one, other)
}

/// The bounds that both have.
pub fn common_bounds(one: &[f64], other: &[f64]) -> Vec<f64> {
    let mut common = Vec::with_capacity(one.len().min(other.len()));
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        if a == b {
            common.push(**a);
            left.next();
            right.next();
        } else if a < b {
            left.next();
        } else {
            right.next();
        }
    }
    common
}

/// `bounds` are some of those that it has.
pub fn to_bounds(histogram: &Histogram, bounds: &[f64]) -> Histogram {
    if histogram.custom_bounds == bounds {
        return histogram.clone();
    }
    let index_of = |index: i32| {
        let own = usize::try_from(index).ok().and_then(|index| histogram.custom_bounds.get(index));
        let upper = own.copied().unwrap_or(f64::INFINITY);
        i32::try_from(bounds.partition_point(|bound| *bound < upper)).unwrap_or(i32::MAX)
    };
    let mut coarser = histogram.clone();
    coarser.positive = regrouped(&histogram.positive, index_of);
    coarser.custom_bounds = bounds.to_vec();
    coarser
}
