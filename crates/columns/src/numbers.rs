//! Columns of integers.
//!
//! ```text
//! 0 constant   number                                 all rows are equal (or there are none)
//! 1 regular    number first, int step                 each row is the one before plus the step
//! 2 plain      number of each row
//! 3 deltas     number first, int change of each row
//! 4 pco 16     number smallest, a pco chunk of u16    rows are the smallest plus the offset
//! 5 pco 32     number smallest, a pco chunk of u32
//! 6 pco 64     number smallest, a pco chunk of u64
//! ```
//!
//! `number` is an int for `i64` and a uint for `u32` and `u64`. Sums and differences wrap
//! around at 64 bits. pco keeps a lower bound for each of its bins: with offsets of 16 bits
//! instead of 64 that takes a quarter, which is why the width is told apart.

use pco::{DeltaSpec, ModeSpec};

use crate::bytes::{Cursor, put_int, put_uint};
use crate::{Corrupt, ROWS_MAX, pco_chunk};

const WHAT: &str = "a column of numbers";

const CONSTANT: u8 = 0;
const REGULAR: u8 = 1;
const PLAIN: u8 = 2;
const DELTAS: u8 = 3;
const PCO_16: u8 = 4;
const PCO_32: u8 = 5;
const PCO_64: u8 = 6;

/// Up to here the plain kinds may win over pco with its bins, and are tried.
const SHORT_ROWS_MAX: usize = 64;

/// Up to here pco never wins: its bins alone are longer.
const TINY_ROWS_MAX: usize = 8;

/// What a column can consist of: `i64`, `u64`, `u32`.
pub trait Number: Copy + Eq + sealed::Number {}

impl Number for i64 {}
impl Number for u64 {}
impl Number for u32 {}

mod sealed {
    use super::{Corrupt, Cursor, WHAT, put_int, put_uint};

    pub trait Number: Copy {
        /// As an unsigned number of the same order.
        fn ordered(self) -> u64;
        fn from_ordered(ordered: u64) -> Result<Self, Corrupt>;
        fn put(self, out: &mut Vec<u8>);
        fn read(cursor: &mut Cursor<'_>) -> Result<Self, Corrupt>;
    }

    impl Number for u64 {
        fn ordered(self) -> u64 {
            self
        }

        fn from_ordered(ordered: u64) -> Result<Self, Corrupt> {
            Ok(ordered)
        }

        fn put(self, out: &mut Vec<u8>) {
            put_uint(out, self);
        }

        fn read(cursor: &mut Cursor<'_>) -> Result<Self, Corrupt> {
            cursor.uint()
        }
    }

    impl Number for i64 {
        fn ordered(self) -> u64 {
            self as u64 ^ (1 << 63)
        }

        fn from_ordered(ordered: u64) -> Result<Self, Corrupt> {
            Ok((ordered ^ (1 << 63)) as i64)
        }

        fn put(self, out: &mut Vec<u8>) {
            put_int(out, self);
        }

        fn read(cursor: &mut Cursor<'_>) -> Result<Self, Corrupt> {
            cursor.int()
        }
    }

    impl Number for u32 {
        fn ordered(self) -> u64 {
            self.into()
        }

        fn from_ordered(ordered: u64) -> Result<Self, Corrupt> {
            ordered.try_into().map_err(|_| Corrupt(WHAT))
        }

        fn put(self, out: &mut Vec<u8>) {
            put_uint(out, self.into());
        }

        fn read(cursor: &mut Cursor<'_>) -> Result<Self, Corrupt> {
            Self::from_ordered(cursor.uint()?)
        }
    }
}

pub fn encode<N: Number>(values: &[N]) -> Vec<u8> {
    assert!(values.len() <= ROWS_MAX, "a page is cut before it has so many rows");
    let mut out = Vec::new();
    if let Some((kind, step)) = regularity(values) {
        out.push(kind);
        match values.first() {
            Some(first) => first.put(&mut out),
            None => out.push(0),
        }
        if kind == REGULAR {
            put_int(&mut out, step);
        }
        return out;
    }
    let mut shortest = if values.len() <= TINY_ROWS_MAX { encode_plain(values) } else { encode_pco(values) };
    if values.len() <= SHORT_ROWS_MAX {
        for candidate in [encode_plain(values), encode_deltas(values)] {
            if candidate.len() < shortest.len() {
                shortest = candidate;
            }
        }
    }
    shortest
}

fn step_between<N: Number>(from: N, to: N) -> i64 {
    to.ordered().wrapping_sub(from.ordered()) as i64
}

/// The kind and step of a column without surprises.
fn regularity<N: Number>(values: &[N]) -> Option<(u8, i64)> {
    let [first, second, ..] = values else { return Some((CONSTANT, 0)) };
    let step = step_between(*first, *second);
    let is_regular = values.windows(2).all(|pair| step_between(pair[0], pair[1]) == step);
    is_regular.then_some((if step == 0 { CONSTANT } else { REGULAR }, step))
}

fn encode_plain<N: Number>(values: &[N]) -> Vec<u8> {
    let mut out = vec![PLAIN];
    values.iter().for_each(|value| value.put(&mut out));
    out
}

fn encode_deltas<N: Number>(values: &[N]) -> Vec<u8> {
    let mut out = vec![DELTAS];
    values.first().into_iter().for_each(|first| first.put(&mut out));
    values.windows(2).for_each(|pair| put_int(&mut out, step_between(pair[0], pair[1])));
    out
}

fn encode_pco<N: Number>(values: &[N]) -> Vec<u8> {
    let smallest = values.iter().copied().min_by_key(|value| value.ordered());
    let smallest = smallest.expect("a column without rows is constant");
    let offsets: Vec<u64> = values.iter().map(|value| value.ordered() - smallest.ordered()).collect();
    let largest = offsets.iter().copied().max().unwrap_or(0);
    let config = pco_chunk::config(ModeSpec::Auto, delta_spec(&offsets));
    let mut out = Vec::new();
    if let Ok(_narrow) = u16::try_from(largest) {
        out.push(PCO_16);
        smallest.put(&mut out);
        let offsets: Vec<u16> = offsets.iter().map(|&offset| offset as u16).collect();
        pco_chunk::put(&mut out, &offsets, &config);
    } else if let Ok(_narrow) = u32::try_from(largest) {
        out.push(PCO_32);
        smallest.put(&mut out);
        let offsets: Vec<u32> = offsets.iter().map(|&offset| offset as u32).collect();
        pco_chunk::put(&mut out, &offsets, &config);
    } else {
        out.push(PCO_64);
        smallest.put(&mut out);
        pco_chunk::put(&mut out, &offsets, &config);
    }
    out
}

/// Differences or values: whichever have fewer bits in all.
///
/// pco could find out by trying, but would also try to look back further, for which it
/// reserves a window on reading.
fn delta_spec(offsets: &[u64]) -> DeltaSpec {
    let bits = |value: u64| u64::from(u64::BITS - value.leading_zeros());
    let plain: u64 = offsets.iter().map(|&offset| bits(offset)).sum();
    let steps: u64 = offsets.windows(2).map(|pair| 1 + bits(pair[1].abs_diff(pair[0]))).sum();
    if steps < plain { DeltaSpec::TryConsecutive(1) } else { DeltaSpec::NoOp }
}

pub fn decode<N: Number>(bytes: &[u8], rows: usize) -> Result<Vec<N>, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    if rows > ROWS_MAX {
        return Err(cursor.corrupt());
    }
    let kind = cursor.byte()?;
    match kind {
        PLAIN => {
            // Each row has a byte at least, so a wrong count ends early.
            let values = (0..rows).map(|_| N::read(&mut cursor)).collect::<Result<_, _>>()?;
            cursor.finish()?;
            return Ok(values);
        }
        DELTAS => return decode_deltas(cursor, rows),
        _ => {}
    }
    let first = N::read(&mut cursor)?;
    match kind {
        CONSTANT => {
            cursor.finish()?;
            Ok(vec![first; rows])
        }
        REGULAR => {
            let step = cursor.int()?;
            cursor.finish()?;
            let nth = |row: u64| first.ordered().wrapping_add((step as u64).wrapping_mul(row));
            (0..rows as u64).map(|row| N::from_ordered(nth(row))).collect()
        }
        PCO_16 => above(first, &pco_chunk::read::<u16>(cursor.rest(), rows, WHAT)?),
        PCO_32 => above(first, &pco_chunk::read::<u32>(cursor.rest(), rows, WHAT)?),
        PCO_64 => above(first, &pco_chunk::read::<u64>(cursor.rest(), rows, WHAT)?),
        _ => Err(cursor.corrupt()),
    }
}

fn decode_deltas<N: Number>(mut cursor: Cursor<'_>, rows: usize) -> Result<Vec<N>, Corrupt> {
    let mut last = N::read(&mut cursor)?;
    let mut values = vec![last];
    for _ in 1..rows {
        last = N::from_ordered(last.ordered().wrapping_add(cursor.int()? as u64))?;
        values.push(last);
    }
    cursor.finish()?;
    Ok(values)
}

fn above<N: Number, O: Copy + Into<u64>>(smallest: N, offsets: &[O]) -> Result<Vec<N>, Corrupt> {
    let smallest = smallest.ordered();
    offsets.iter().map(|&offset| N::from_ordered(smallest.wrapping_add(offset.into()))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<N: Number + std::fmt::Debug>(values: &[N]) -> usize {
        let bytes = encode(values);
        assert_eq!(decode::<N>(&bytes, values.len()).unwrap(), values);
        bytes.len()
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(signed: Vec<i64>, unsigned: Vec<u64>, half: Vec<u32>) {
            check(&signed);
            check(&unsigned);
            check(&half);
        }

        #[test]
        fn near_numbers_come_back(base: i64, offsets in proptest::collection::vec(-300i64..300, 0..400)) {
            let values: Vec<i64> = offsets.iter().map(|offset| base.wrapping_add(*offset)).collect();
            check(&values);
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(kind in 0u8..8, bytes: Vec<u8>, rows in 0usize..600) {
            let bytes = [&[kind], &bytes[..]].concat();
            drop(decode::<i64>(&bytes, rows));
            drop(decode::<u64>(&bytes, rows));
            drop(decode::<u32>(&bytes, rows));
        }

        #[test]
        fn a_damaged_column_decodes_or_is_corrupt(values in proptest::collection::vec(0u32..5000, 100), at: usize, flip in 1u8..) {
            let mut bytes = encode(&values);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            drop(decode::<u32>(&bytes, values.len()));
        }
    }

    #[test]
    fn the_ends_of_time_come_back() {
        check(&[i64::MIN, i64::MAX]);
        check(&[i64::MIN, -1, 0, i64::MAX, i64::MIN]);
    }

    #[test]
    fn short_and_regular_columns_take_a_few_bytes() {
        assert_eq!(check::<u32>(&[]), 2);
        assert_eq!(check(&[7u32; 10_000]), 2);
        assert_eq!(check(&(0..10_000u64).map(|row| 5 + 3 * row).collect::<Vec<_>>()), 3);
        assert_eq!(check(&[3u32, 1, 4, 1, 5, 9, 2, 6, 5, 3]), 11);
    }

    #[test]
    fn rows_beyond_the_limit_are_corrupt() {
        assert_eq!(decode::<u32>(&encode(&[1u32]), ROWS_MAX + 1), Err(Corrupt(WHAT)));
    }
}
