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

/// What many values become one by one, so that many sums can grow side by side.
pub trait Accumulate: Copy {
    fn starting_at(value: f64) -> Self;

    #[must_use]
    fn plus(self, value: f64) -> Self;

    fn total(self) -> f64;
}

impl Accumulate for Sum {
    fn starting_at(value: f64) -> Self {
        Sum::starting_at(value)
    }

    fn plus(self, value: f64) -> Self {
        Sum::plus(self, value)
    }

    fn total(self) -> f64 {
        Sum::total(self)
    }
}

/// Sum by count, or a running mean from where the sum would overflow.
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    /// The mean itself once it runs.
    sum: Sum,
    count: f64,
    runs: bool,
}

impl Mean {
    fn run_on(self, value: f64) -> Self {
        let Self { sum: mean, count, .. } = self;
        let count = count + 1.0;
        let same_infinity = value.is_infinite() && (mean.high > 0.0) == (value > 0.0);
        if mean.high.is_infinite() && (same_infinity || value.is_finite()) {
            // Nothing finite moves an infinite mean; subtracting infinities would.
            return Self { sum: mean, count, runs: true };
        }
        let weight = (count - 1.0) / count;
        let sum = Sum { high: weight * mean.high, low: weight * mean.low }.plus(value / count);
        Self { sum, count, runs: true }
    }
}

impl Accumulate for Mean {
    fn starting_at(value: f64) -> Self {
        Self { sum: Sum::starting_at(value), count: 1.0, runs: false }
    }

    fn plus(self, value: f64) -> Self {
        if self.runs {
            return self.run_on(value);
        }
        let sum = self.sum.plus(value);
        if sum.high.is_infinite() {
            let mean = Sum { high: self.sum.high / self.count, low: self.sum.low / self.count };
            return Self { sum: mean, ..self }.run_on(value);
        }
        Self { sum, count: self.count + 1.0, runs: false }
    }

    fn total(self) -> f64 {
        let Self { sum, count, runs } = self;
        if runs { sum.total() } else { sum.high / count + sum.low / count }
    }
}

/// Population variance by Welford's method.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variance {
    mean: Sum,
    squares: Sum,
    count: f64,
}

impl Accumulate for Variance {
    fn starting_at(value: f64) -> Self {
        Self::default().plus(value)
    }

    fn plus(self, value: f64) -> Self {
        let count = self.count + 1.0;
        let delta = value - self.mean.total();
        let mean = self.mean.plus(delta / count);
        let squares = self.squares.plus(delta * (value - mean.total()));
        Self { mean, squares, count }
    }

    fn total(self) -> f64 {
        self.squares.total() / self.count
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Deviation(Variance);

impl Accumulate for Deviation {
    fn starting_at(value: f64) -> Self {
        Self(Variance::starting_at(value))
    }

    fn plus(self, value: f64) -> Self {
        Self(self.0.plus(value))
    }

    fn total(self) -> f64 {
        self.0.total().sqrt()
    }
}

/// The largest value; not a number only when nothing else is there.
#[derive(Clone, Copy, Debug)]
pub struct Maximum(f64);

impl Accumulate for Maximum {
    fn starting_at(value: f64) -> Self {
        Self(value)
    }

    fn plus(self, value: f64) -> Self {
        if value > self.0 || self.0.is_nan() { Self(value) } else { self }
    }

    fn total(self) -> f64 {
        self.0
    }
}

/// The least value, as [`Maximum`].
#[derive(Clone, Copy, Debug)]
pub struct Minimum(f64);

impl Accumulate for Minimum {
    fn starting_at(value: f64) -> Self {
        Self(value)
    }

    fn plus(self, value: f64) -> Self {
        if value < self.0 || self.0.is_nan() { Self(value) } else { self }
    }

    fn total(self) -> f64 {
        self.0
    }
}

fn accumulated<A: Accumulate>(mut values: impl Iterator<Item = f64>) -> Option<A> {
    let first = A::starting_at(values.next()?);
    Some(values.fold(first, A::plus))
}

pub fn sum(values: impl Iterator<Item = f64>) -> f64 {
    accumulated::<Sum>(values).map_or(0.0, Sum::total)
}

pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    accumulated::<Mean>(values).map_or(f64::NAN, Mean::total)
}

pub fn variance(values: impl Iterator<Item = f64>) -> f64 {
    accumulated::<Variance>(values).map_or(f64::NAN, Variance::total)
}

pub fn maximum(values: impl Iterator<Item = f64>) -> f64 {
    accumulated::<Maximum>(values).map_or(f64::NAN, Maximum::total)
}

pub fn minimum(values: impl Iterator<Item = f64>) -> f64 {
    accumulated::<Minimum>(values).map_or(f64::NAN, Minimum::total)
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
