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

pub fn sum(values: &[f64]) -> f64 {
    match values {
        [] => 0.0,
        [first, rest @ ..] => {
            rest.iter().fold(Sum::starting_at(*first), |sum, value| sum.plus(*value)).total()
        }
    }
}

/// Sum by count, or a running mean from where the sum would overflow.
pub fn mean(values: &[f64]) -> f64 {
    let [first, rest @ ..] = values else { return f64::NAN };
    let mut sum = Sum::starting_at(*first);
    for (index, value) in rest.iter().enumerate() {
        let next = sum.plus(*value);
        if next.high.is_infinite() {
            let count = (index + 1) as f64;
            let so_far = Sum { high: sum.high / count, low: sum.low / count };
            return running_mean(so_far, &rest[index..], index + 1);
        }
        sum = next;
    }
    let count = values.len() as f64;
    sum.high / count + sum.low / count
}

fn running_mean(mut mean: Sum, values: &[f64], seen: usize) -> f64 {
    for (index, value) in values.iter().enumerate() {
        let count = (seen + index + 1) as f64;
        let same_infinity = value.is_infinite() && (mean.high > 0.0) == (*value > 0.0);
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
pub fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for (index, value) in values.iter().enumerate() {
        let delta = value - mean.total();
        mean = mean.plus(delta / (index + 1) as f64);
        squares = squares.plus(delta * (value - mean.total()));
    }
    squares.total() / values.len() as f64
}

/// The largest value; not a number only when nothing else is there.
pub fn maximum(values: &[f64]) -> f64 {
    values
        .iter()
        .copied()
        .reduce(|most, value| if value > most || most.is_nan() { value } else { most })
        .unwrap_or(f64::NAN)
}

pub fn minimum(values: &[f64]) -> f64 {
    values
        .iter()
        .copied()
        .reduce(|least, value| if value < least || least.is_nan() { value } else { least })
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_survive_beside_large_ones() {
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(mean(&[1.0, 1e100, 1.0, -1e100]), 0.5);
    }

    #[test]
    fn a_mean_does_not_overflow() {
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(mean(&[f64::INFINITY, 0.0, f64::INFINITY]), f64::INFINITY);
        assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn equal_values_do_not_vary() {
        assert_eq!(variance(&[1.5990505637277868; 3]), 0.0);
        assert!((variance(&[0.0, 8.0, 8.0, 2.0, 3.0]) - 10.56).abs() < 1e-12);
    }

    #[test]
    fn extremes_pass_over_what_is_not_a_number() {
        assert_eq!(maximum(&[f64::NAN, 1.0, 2.0]), 2.0);
        assert_eq!(minimum(&[2.0, f64::NAN, 1.0]), 1.0);
        assert!(minimum(&[f64::NAN]).is_nan());
    }
}
