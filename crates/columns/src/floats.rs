//! Columns of floating point numbers, bit by bit.
//!
//! ```text
//! 0 constant   8 bytes, little endian                  all rows are equal (or there are none)
//! 1 decimal    byte digits, numbers (as of `i64`)      rows are the number / 10^digits
//! 2 pco        a pco chunk of f64
//! ```
//!
//! Many measured numbers are whole or have a few decimal places: as integers they take a
//! third of the bytes. A division by a power of ten that is exact itself rounds correctly,
//! so whatever was once read from decimal text comes back bit by bit; that is verified for
//! each row, and -0.0, NaN and infinities never pass.

use pco::{DeltaSpec, ModeSpec};

use crate::bytes::Cursor;
use crate::{Corrupt, ROWS_MAX, numbers, pco_chunk};

const WHAT: &str = "a column of floats";

const CONSTANT: u8 = 0;
const DECIMAL: u8 = 1;
const PCO: u8 = 2;

/// More decimal places are seldom meant, and each costs a pass over the column.
const DIGITS_MAX: u8 = 6;

/// Whole numbers up to here are exact.
const MANTISSA_MAX: f64 = 9_007_199_254_740_992.0;

pub fn encode(values: &[f64]) -> Vec<u8> {
    assert!(values.len() <= ROWS_MAX, "a page is cut before it has so many rows");
    let first = values.first().copied().unwrap_or(0.0);
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        let mut out = vec![CONSTANT];
        out.extend_from_slice(&first.to_bits().to_le_bytes());
        return out;
    }
    if let Some((digits, mantissas)) = decimals(values) {
        let mut out = vec![DECIMAL, digits];
        out.extend_from_slice(&numbers::encode(&mantissas));
        return out;
    }
    let delta = if values.len() < 64 { DeltaSpec::NoOp } else { DeltaSpec::TryConsecutive(1) };
    let candidates = [DeltaSpec::NoOp, delta].map(|delta| {
        let mut out = vec![PCO];
        pco_chunk::put(&mut out, values, &pco_chunk::config(ModeSpec::Auto, delta));
        out
    });
    let [plain, delta] = candidates;
    if delta.len() < plain.len() { delta } else { plain }
}

pub fn decode(bytes: &[u8], rows: usize) -> Result<Vec<f64>, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    if rows > ROWS_MAX {
        return Err(cursor.corrupt());
    }
    match cursor.byte()? {
        CONSTANT => {
            let value = f64::from_bits(cursor.word()?);
            cursor.finish()?;
            Ok(vec![value; rows])
        }
        DECIMAL => {
            let digits = cursor.byte()?;
            if digits > DIGITS_MAX {
                return Err(cursor.corrupt());
            }
            let scale = scale(digits);
            let mantissas = numbers::decode::<i64>(cursor.rest(), rows)?;
            Ok(mantissas.iter().map(|&mantissa| mantissa as f64 / scale).collect())
        }
        PCO => pco_chunk::read(cursor.rest(), rows, WHAT),
        _ => Err(cursor.corrupt()),
    }
}

pub(crate) fn scale(digits: u8) -> f64 {
    10f64.powi(digits.into())
}

/// The values as whole numbers of the fewest decimal places that keep every bit.
pub(crate) fn decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut mantissas = Vec::with_capacity(values.len());
    for digits in 0..=DIGITS_MAX {
        let scale = scale(digits);
        mantissas.clear();
        mantissas.extend(values.iter().map_while(|&value| mantissa(value, scale)));
        if mantissas.len() == values.len() {
            return Some((digits, mantissas));
        }
    }
    None
}

/// The whole number that, divided by the scale, gives the value with every bit.
#[inline]
pub(crate) fn mantissa(value: f64, scale: f64) -> Option<i64> {
    // `round` would be a call of a function; ties do not matter, as the result is checked.
    let scaled = value * scale;
    let mantissa = (scaled + 0.5f64.copysign(scaled)) as i64;
    let keeps_every_bit =
        scaled.abs() < MANTISSA_MAX && (mantissa as f64 / scale).to_bits() == value.to_bits();
    keeps_every_bit.then_some(mantissa)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[f64]) -> usize {
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let bytes = encode(values);
        assert_eq!(bits(&decode(&bytes, values.len()).unwrap()), bits(values));
        bytes.len()
    }

    proptest! {
        #[test]
        fn any_bits_come_back(bits: Vec<u64>) {
            check(&bits.iter().copied().map(f64::from_bits).collect::<Vec<_>>());
        }

        #[test]
        fn decimals_come_back(cents in proptest::collection::vec(-1_000_000i64..1_000_000, 0..300), digits in 0u8..9) {
            let values: Vec<f64> = cents.iter().map(|&cents| cents as f64 / scale(digits)).collect();
            check(&values);
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(kind in 0u8..4, bytes: Vec<u8>, rows in 0usize..600) {
            drop(decode(&[&[kind], &bytes[..]].concat(), rows));
        }

        #[test]
        fn a_damaged_column_decodes_or_is_corrupt(values in proptest::collection::vec(-1.0..1.0, 100), at: usize, flip in 1u8..) {
            let mut bytes = encode(&values);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            drop(decode(&bytes, values.len()));
        }
    }

    #[test]
    fn odd_values_come_back_bit_by_bit() {
        let stale = f64::from_bits(0x7ff0_0000_0000_0002);
        check(&[stale, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN, 5e-324]);
        check(&[1.0, 2.0, stale]);
        assert_eq!(check(&[stale; 100]), 9);
    }

    #[test]
    fn prices_are_kept_as_cents() {
        let prices: Vec<f64> = (0..1000).map(|row| f64::from(row * 7 % 100) / 100.0).collect();
        assert!(check(&prices) < 1000, "{}", check(&prices));
    }
}
