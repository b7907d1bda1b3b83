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
//! 7 nearly     number first, int step, uint unit, uint exceptions, for each: uint rows since
//!   regular    the last exception (or the start), int deviation in units
//! 8 few        uint distinct numbers, those in order of appearance, then for each row which
//!              of them it is, in as few bits as all need, lowest bits first
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
const NEARLY_REGULAR: u8 = 7;
const FEW: u8 = 8;

/// Up to here the plain kinds may win over pco with its bins, and are tried.
const SHORT_ROWS_MAX: usize = 512;

/// Up to here an index of four bits does for `few`.
const FEW_MAX: usize = 16;

/// Of so many rows, one may deviate from a regular column.
const ROWS_OF_EXCEPTION: usize = 8;

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
        for candidate in [Some(encode_plain(values)), Some(encode_deltas(values)), encode_few(values)] {
            shortest = shorter(shortest, candidate);
        }
    }
    shorter(shortest, encode_nearly_regular(values))
}

fn shorter(one: Vec<u8>, other: Option<Vec<u8>>) -> Vec<u8> {
    match other {
        Some(other) if other.len() < one.len() => other,
        _ => one,
    }
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

/// Scrapes are due at regular times, and some are late.
fn encode_nearly_regular<N: Number>(values: &[N]) -> Option<Vec<u8>> {
    let first = *values.first()?;
    let step = usual_step(values)?;
    let mut exceptions: Vec<(usize, i64)> = Vec::new();
    for (row, value) in values.iter().enumerate() {
        let deviation = value.ordered().wrapping_sub(nth(first, step, row)) as i64;
        if deviation != 0 {
            exceptions.push((row, deviation));
            if exceptions.len() * ROWS_OF_EXCEPTION > values.len() {
                return None;
            }
        }
    }
    let unit = exceptions
        .iter()
        .fold(0, |unit, (_, deviation)| greatest_common_divisor(unit, deviation.unsigned_abs()));
    let unit = i64::try_from(unit).unwrap_or(1).max(1);
    let mut out = vec![NEARLY_REGULAR];
    first.put(&mut out);
    put_int(&mut out, step);
    put_uint(&mut out, unit as u64);
    put_uint(&mut out, exceptions.len() as u64);
    let mut last = 0;
    for (row, deviation) in exceptions {
        put_uint(&mut out, (row - last) as u64);
        put_int(&mut out, deviation / unit);
        last = row;
    }
    Some(out)
}

/// The step that two neighbouring steps at the start agree on.
fn usual_step<N: Number>(values: &[N]) -> Option<i64> {
    let steps = values.windows(3).take(2 * ROWS_OF_EXCEPTION);
    let mut steps = steps.map(|rows| (step_between(rows[0], rows[1]), step_between(rows[1], rows[2])));
    steps.find(|(one, next)| one == next).map(|(step, _)| step)
}

fn nth<N: Number>(first: N, step: i64, row: usize) -> u64 {
    first.ordered().wrapping_add((step as u64).wrapping_mul(row as u64))
}

pub(crate) fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// As indexes of few distinct numbers.
fn encode_few<N: Number>(values: &[N]) -> Option<Vec<u8>> {
    let mut distinct: Vec<N> = Vec::new();
    let mut indexes = Vec::with_capacity(values.len());
    for value in values {
        let index = distinct.iter().position(|known| known == value).unwrap_or(distinct.len());
        if index == FEW_MAX {
            return None;
        }
        if index == distinct.len() {
            distinct.push(*value);
        }
        indexes.push(index as u8);
    }
    let mut out = vec![FEW];
    put_uint(&mut out, distinct.len() as u64);
    distinct.iter().for_each(|value| value.put(&mut out));
    let bits = index_bits(distinct.len());
    let (mut word, mut used) = (0u16, 0);
    for index in indexes {
        word |= u16::from(index) << used;
        used += bits;
        if used >= 8 {
            out.push(word as u8);
            word >>= 8;
            used -= 8;
        }
    }
    if used > 0 {
        out.push(word as u8);
    }
    Some(out)
}

/// How many bits the index of one of so many takes; none if there is no choice.
fn index_bits(distinct: usize) -> u32 {
    distinct.saturating_sub(1).checked_ilog2().map_or(0, |log| log + 1)
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
        FEW => return decode_few(cursor, rows),
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
            regular(first, step, rows)
        }
        NEARLY_REGULAR => decode_nearly_regular(first, cursor, rows),
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

fn regular<N: Number>(first: N, step: i64, rows: usize) -> Result<Vec<N>, Corrupt> {
    (0..rows).map(|row| N::from_ordered(nth(first, step, row))).collect()
}

fn decode_nearly_regular<N: Number>(
    first: N,
    mut cursor: Cursor<'_>,
    rows: usize,
) -> Result<Vec<N>, Corrupt> {
    let step = cursor.int()?;
    let mut ordered: Vec<u64> = (0..rows).map(|row| nth(first, step, row)).collect();
    let unit = cursor.uint()?;
    let mut row = 0usize;
    for _ in 0..cursor.count()? {
        row = row.saturating_add(cursor.at_most(ROWS_MAX)?);
        let value = ordered.get_mut(row).ok_or(cursor.corrupt())?;
        *value = value.wrapping_add(unit.wrapping_mul(cursor.int()? as u64));
    }
    cursor.finish()?;
    ordered.into_iter().map(N::from_ordered).collect()
}

fn decode_few<N: Number>(mut cursor: Cursor<'_>, rows: usize) -> Result<Vec<N>, Corrupt> {
    let distinct = cursor.at_most(FEW_MAX)?;
    let distinct: Vec<N> = (0..distinct).map(|_| N::read(&mut cursor)).collect::<Result<_, _>>()?;
    let bits = index_bits(distinct.len()) as usize;
    let corrupt = cursor.corrupt();
    let indexes = cursor.rest();
    if indexes.len() != (rows * bits).div_ceil(8) {
        return Err(corrupt);
    }
    let byte = |at: usize| u16::from(indexes.get(at).copied().unwrap_or(0));
    let value = |row: usize| {
        let (at, shift) = (row * bits / 8, row * bits % 8);
        let index = (byte(at) | byte(at + 1) << 8) >> shift & ((1 << bits) - 1);
        distinct.get(usize::from(index)).copied().ok_or(corrupt)
    };
    (0..rows).map(value).collect()
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
        fn any_bytes_decode_or_are_corrupt(kind in 0u8..10, bytes: Vec<u8>, rows in 0usize..600) {
            let bytes = [&[kind], &bytes[..]].concat();
            drop(decode::<i64>(&bytes, rows));
            drop(decode::<u64>(&bytes, rows));
            drop(decode::<u32>(&bytes, rows));
        }

        #[test]
        fn late_scrapes_come_back(first: i64, step: i32, late in proptest::collection::vec((0usize..200, any::<i64>()), 0..20)) {
            let mut times: Vec<i64> =
                (0..200).map(|row| first.wrapping_add(i64::from(step).wrapping_mul(row))).collect();
            late.into_iter().for_each(|(row, by)| times[row] = times[row].wrapping_add(by));
            check(&times);
        }

        #[test]
        fn few_numbers_come_back(few in proptest::collection::vec(any::<i64>(), 1..18), rows in proptest::collection::vec(0usize..18, 0..300)) {
            check(&rows.iter().map(|row| few[row % few.len()]).collect::<Vec<_>>());
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
