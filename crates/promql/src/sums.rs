//! Sums, means and variances that lose as few digits as Prometheus' do.

/// Neumaier's sum: the lost low digits are kept beside the sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub high: f64,
    pub low: f64,
}

impl Sum {
    pub fn starting_at(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }

    #[must_use]
    pub fn plus(self, value: f64) -> Self {
        let high = self.high + value;
        let low = if high.is_infinite() {
            0.0
        } else if self.high.abs() >= value.abs() {
            self.low + ((self.high - high) + value)
        } else {
            self.low + ((value - high) + self.high)
        };
        Self { high, low }
    }

    pub fn total(self) -> f64 {
        self.high + self.low
    }
}

pub fn sum(mut values: impl Iterator<Item = f64>) -> f64 {
    let first = Sum::starting_at(values.next().unwrap_or(0.0));
    values.fold(first, Sum::plus).total()
}

/// Sum by count, or a running mean from where the sum would overflow.
pub fn mean(mut values: impl Iterator<Item = f64>) -> f64 {
    let Some(first) = values.next() else { return f64::NAN };
    let (mut sum, mut count) = (Sum::starting_at(first), 1.0);
    while let Some(value) = values.next() {
        let next = sum.plus(value);
        if next.high.is_infinite() {
            let so_far = Sum { high: sum.high / count, low: sum.low / count };
            return running_mean(so_far, count, std::iter::once(value).chain(values));
        }
        (sum, count) = (next, count + 1.0);
    }
    sum.high / count + sum.low / count
}

fn running_mean(mut mean: Sum, mut count: f64, values: impl Iterator<Item = f64>) -> f64 {
    for value in values {
        count += 1.0;
        let same_infinity = value.is_infinite() && (mean.high > 0.0) == (value > 0.0);
        if mean.high.is_infinite() && (same_infinity || value.is_finite()) {
            // Nothing finite moves an infinite mean; subtracting infinities would.
            continue;
        }
        let weight = (count - 1.0) / count;
        mean = Sum { high: weight * mean.high, low: weight * mean.low }.plus(value / count);
    }
    mean.total()
}

/// Population variance by Welford's method.
pub fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut squares, mut count) = (Sum::default(), Sum::default(), 0.0);
    for value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean = mean.plus(delta / count);
        squares = squares.plus(delta * (value - mean.total()));
    }
    squares.total() / count
}

/// The largest value; not a number only when nothing else is there.
pub fn maximum(values: impl Iterator<Item = f64>) -> f64 {
    let larger = |most: f64, value| if value > most || most.is_nan() { value } else { most };
    values.reduce(larger).unwrap_or(f64::NAN)
}

pub fn minimum(values: impl Iterator<Item = f64>) -> f64 {
    let smaller = |least: f64, value| if value < least || least.is_nan() { value } else { least };
    values.reduce(smaller).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_survive_beside_large_ones() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100].into_iter()), 2.0);
        assert_eq!(mean([1.0, 1e100, 1.0, -1e100].into_iter()), 0.5);
    }

    #[test]
    fn a_mean_does_not_overflow() {
        assert_eq!(mean([f64::MAX, f64::MAX].into_iter()), f64::MAX);
        assert_eq!(mean([f64::INFINITY, 0.0, f64::INFINITY].into_iter()), f64::INFINITY);
        assert!(mean([f64::INFINITY, f64::NEG_INFINITY].into_iter()).is_nan());
    }

    #[test]
    fn equal_values_do_not_vary() {
        assert_eq!(variance([1.5990505637277868; 3].into_iter()), 0.0);
        assert!((variance([0.0, 8.0, 8.0, 2.0, 3.0].into_iter()) - 10.56).abs() < 1e-12);
    }

    #[test]
    fn extremes_pass_over_what_is_not_a_number() {
        assert_eq!(maximum([f64::NAN, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(minimum([2.0, f64::NAN, 1.0].into_iter()), 1.0);
        assert!(minimum([f64::NAN].into_iter()).is_nan());
    }
}
