//! Quantiles and fractions of one classic histogram: cumulative buckets by upper bound.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    pub upper_bound: f64,
    /// Of observations up to the bound.
    pub count: f64,
}

/// Whether counts had to be raised because a larger bound counted less. That happens when
/// buckets were not scraped at the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasRepaired(pub bool);

/// Differences below this fraction are noise of adding floats, not a real fall.
const NOISE: f64 = 1e-12;

pub fn quantile(quantile: f64, buckets: Vec<Bucket>) -> (f64, WasRepaired) {
    let intact = WasRepaired(false);
    if quantile.is_nan() {
        return (f64::NAN, intact);
    }
    if quantile < 0.0 {
        return (f64::NEG_INFINITY, intact);
    }
    if quantile > 1.0 {
        return (f64::INFINITY, intact);
    }
    let Some(mut buckets) = complete(buckets) else { return (f64::NAN, intact) };
    let repaired = make_monotonic(&mut buckets);
    let [.., second_last, last] = &buckets[..] else { return (f64::NAN, repaired) };
    let (highest_finite, observations) = (second_last.upper_bound, last.count);
    // Also true when the count is not a number.
    if observations == 0.0 || observations.is_nan() {
        return (f64::NAN, repaired);
    }
    let rank = quantile * observations;
    let finite = &buckets[..buckets.len() - 1];
    let Some(index) = finite.iter().position(|bucket| bucket.count >= rank) else {
        return (highest_finite, repaired);
    };
    let bucket = buckets[index];
    if index == 0 && bucket.upper_bound <= 0.0 {
        return (bucket.upper_bound, repaired);
    }
    let before = match index {
        0 => Bucket { upper_bound: 0.0, count: 0.0 },
        _ => buckets[index - 1],
    };
    let share = (rank - before.count) / (bucket.count - before.count);
    (before.upper_bound + (bucket.upper_bound - before.upper_bound) * share, repaired)
}

/// The share of observations between `lower` and `upper`.
pub fn fraction(lower: f64, upper: f64, buckets: Vec<Bucket>) -> f64 {
    let Some(buckets) = complete(buckets) else { return f64::NAN };
    let count = buckets.last().map_or(0.0, |bucket| bucket.count);
    if count == 0.0 || count.is_nan() || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (observations_up_to(upper, &buckets).min(count) - observations_up_to(lower, &buckets).min(count)) / count
}

/// Observations up to `value`, interpolated within its bucket. Within a bucket of infinite
/// width nothing is known, so none of its observations lie between two finite values.
fn observations_up_to(value: f64, buckets: &[Bucket]) -> f64 {
    let mut before = 0.0;
    for (index, bucket) in buckets.iter().enumerate() {
        let start = match index {
            0 if bucket.upper_bound > 0.0 => 0.0,
            0 => f64::NEG_INFINITY,
            _ => buckets[index - 1].upper_bound,
        };
        if start >= value {
            return before;
        }
        if value < bucket.upper_bound {
            return if start.is_infinite() {
                bucket.count
            } else if bucket.upper_bound.is_infinite() {
                before
            } else {
                before + (bucket.count - before) * (value - start) / (bucket.upper_bound - start)
            };
        }
        before = bucket.count;
    }
    before
}

/// In order of bounds, each bound once; nothing when the bucket for everything is missing.
fn complete(mut buckets: Vec<Bucket>) -> Option<Vec<Bucket>> {
    buckets.sort_by(|a, b| a.upper_bound.total_cmp(&b.upper_bound));
    if buckets.last()?.upper_bound != f64::INFINITY {
        return None;
    }
    buckets.dedup_by(|later, kept| {
        let is_same = later.upper_bound == kept.upper_bound;
        if is_same {
            kept.count += later.count;
        }
        is_same
    });
    Some(buckets)
}

fn make_monotonic(buckets: &mut [Bucket]) -> WasRepaired {
    let mut repaired = false;
    let mut highest = buckets.first().map_or(0.0, |bucket| bucket.count);
    for bucket in buckets.iter_mut().skip(1) {
        if almost_equal(highest, bucket.count) {
            bucket.count = highest;
        } else if bucket.count < highest {
            bucket.count = highest;
            repaired = true;
        } else {
            highest = bucket.count;
        }
    }
    WasRepaired(repaired)
}

fn almost_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (difference, size) = ((a - b).abs(), a.abs() + b.abs());
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return difference < NOISE * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < NOISE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|(upper_bound, count)| Bucket { upper_bound: *upper_bound, count: *count }).collect()
    }

    #[test]
    fn a_quantile_is_interpolated_within_its_bucket() {
        let histogram = buckets(&[(2.0, 1.0), (4.0, 2.0), (6.0, 3.0), (f64::INFINITY, 3.0)]);
        assert_eq!(quantile(0.5, histogram), (3.0, WasRepaired(false)));
    }

    #[test]
    fn above_the_highest_bound_the_highest_bound_is_all_we_know() {
        let histogram = buckets(&[(1.0, 1.0), (f64::INFINITY, 9.0)]);
        assert_eq!(quantile(0.99, histogram).0, 1.0);
    }

    #[test]
    fn a_bucket_that_fell_is_raised_and_told() {
        let histogram = buckets(&[(1.0, 5.0), (2.0, 4.0), (f64::INFINITY, 10.0)]);
        assert_eq!(quantile(0.5, histogram), (1.0, WasRepaired(true)));
    }

    #[test]
    fn without_a_bucket_for_everything_nothing_is_known() {
        assert!(quantile(0.5, buckets(&[(1.0, 5.0)])).0.is_nan());
        assert!(fraction(0.0, 1.0, buckets(&[(1.0, 5.0)])).is_nan());
    }

    #[test]
    fn the_fraction_of_everything_is_one() {
        let histogram = buckets(&[(-1.0, 2.0), (1.0, 5.0), (f64::INFINITY, 7.0)]);
        assert_eq!(fraction(f64::NEG_INFINITY, f64::INFINITY, histogram), 1.0);
    }
}
