//! How the values of one run become residuals: whole numbers that are mostly small.
//!
//! Each step is exact and is taken back in the opposite order on reading:
//!
//! 1. Values become whole numbers: the mantissas of decimals of so many digits, or, if a bit
//!    would be lost, their own bits in an order that follows the values.
//! 2. The first number is set aside; of the others, the change since the one before is kept
//!    (or since the first, for values that jump around a level).
//! 3. Changes are divided by their greatest common divisor.

use crate::floats::{decimals, mantissa, scale};
use crate::numbers::greatest_common_divisor;

/// Stands for "no decimals" among the numbers of digits.
pub(super) const RAW: u8 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Decimal places, or [`RAW`].
    pub digits: u8,
    /// Changes are since the first value rather than the one before.
    pub is_level: bool,
    pub first: i64,
    pub divisor: u64,
}

/// The form that suits a run, and its residuals: one for each value but the first.
/// There are at least two values.
pub(super) fn analyse(values: &[f64]) -> (Form, Vec<i64>) {
    let (digits, numbers) = match decimals(values) {
        Some((digits, mantissas)) => (digits, mantissas),
        None => (RAW, values.iter().map(|&value| ordered(value)).collect()),
    };
    let first = numbers[0];
    let steps: Vec<i64> = numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let levels: Vec<i64> = numbers[1..].iter().map(|number| number.wrapping_sub(first)).collect();
    let is_level = bits(&levels) < bits(&steps);
    let mut residuals = if is_level { levels } else { steps };
    let divisor = common_divisor(&residuals);
    if divisor > 1 {
        residuals.iter_mut().for_each(|residual| *residual /= divisor as i64);
    }
    (Form { digits, is_level, first, divisor }, residuals)
}

/// What [`analyse`] took apart.
pub(super) fn restore(form: &Form, residuals: impl Iterator<Item = i64>, values: &mut Vec<f64>) {
    match form.digits {
        RAW => restore_as(form, residuals, values, from_ordered),
        // The most frequent by far, and a division is slow.
        0 => restore_as(form, residuals, values, |number| number as f64),
        digits => {
            let scale = scale(digits);
            restore_as(form, residuals, values, |number| number as f64 / scale);
        }
    }
}

fn restore_as(
    form: &Form,
    residuals: impl Iterator<Item = i64>,
    values: &mut Vec<f64>,
    value: impl Fn(i64) -> f64,
) {
    values.push(value(form.first));
    let mut last = form.first;
    let change = |residual: i64| residual.wrapping_mul(form.divisor as i64);
    if form.is_level {
        values.extend(residuals.map(|residual| value(form.first.wrapping_add(change(residual)))));
    } else {
        values.extend(residuals.map(|residual| {
            last = last.wrapping_add(change(residual));
            value(last)
        }));
    }
}

/// One value as a number of a form's kind, for the column of first values.
pub(super) fn number_of(value: f64) -> (u8, i64) {
    match (0..RAW).find_map(|digits| Some((digits, mantissa(value, scale(digits))?))) {
        Some((digits, mantissa)) => (digits, mantissa),
        None => (RAW, ordered(value)),
    }
}

pub(super) fn value_of(digits: u8, number: i64) -> f64 {
    if digits >= RAW { from_ordered(number) } else { number as f64 / scale(digits) }
}

/// Bits whose order as signed numbers is the order of the values.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

fn from_ordered(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ ((ordered >> 63) as u64 >> 1) as i64) as u64)
}

/// About how many bits an entropy coder with a bin for each sign and length would take.
pub(super) fn bits(residuals: &[i64]) -> f64 {
    let mut counts = [0u32; 130];
    let mut offsets = 0u64;
    for &residual in residuals {
        let length = 64 - residual.unsigned_abs().leading_zeros();
        offsets += u64::from(length.saturating_sub(1));
        counts[(2 * length + u32::from(residual < 0)) as usize] += 1;
    }
    let all = residuals.len() as f64;
    let bins = counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count));
    bins.map(|count| count * (all / count).log2()).sum::<f64>() + offsets as f64
}

/// What all residuals are multiples of.
fn common_divisor(residuals: &[i64]) -> u64 {
    let mut divisor = 0;
    for &residual in residuals {
        divisor = greatest_common_divisor(divisor, residual.unsigned_abs());
        if divisor == 1 {
            break;
        }
    }
    if divisor > i64::MAX as u64 { 1 } else { divisor.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64]) -> (Form, Vec<i64>) {
        let (form, residuals) = analyse(values);
        let mut restored = Vec::new();
        restore(&form, residuals.iter().copied(), &mut restored);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&restored), bits(values));
        (form, residuals)
    }

    #[test]
    fn bytes_are_counted_in_pages() {
        let (form, residuals) = check(&[40960.0, 45056.0, 45056.0, 36864.0]);
        assert_eq!((form.divisor, residuals), (4096, vec![1, 0, -2]));
    }

    #[test]
    fn the_widest_jumps_are_taken_back() {
        let widest = [f64::from_bits(u64::MAX), f64::from_bits(0), f64::from_bits(i64::MAX as u64)];
        check(&widest);
        check(&[widest[1], widest[0], widest[1], widest[0]]);
        check(&[-0.0, 0.0, -0.0]);
    }
}
