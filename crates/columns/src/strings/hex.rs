//! Texts of one width that differ in hexadecimal digits only: ids, with or without a prefix
//! or dashes.

use crate::Corrupt;
use crate::bytes::{Cursor, UNPACKED_BYTES_MAX, put_uint};

use super::Strings;

pub(super) const LOWER: &[u8; 16] = b"0123456789abcdef";
pub(super) const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// The rows, if they are of this kind. There are at least two that differ.
pub(super) fn encode(rows: &[&str], kind: u8, digits: &[u8; 16]) -> Option<Vec<u8>> {
    let first = rows.first()?.as_bytes();
    let varying = varying_digits(rows, &digit_values(digits))?;
    let mut out = vec![kind];
    put_uint(&mut out, first.len() as u64);
    let as_bits = |flags: &[bool]| (0..).zip(flags).map(|(bit, flag)| u8::from(*flag) << bit).sum::<u8>();
    out.extend(varying.chunks(8).map(as_bits));
    out.extend(first.iter().zip(&varying).filter(|(_, varies)| !**varies).map(|(byte, _)| *byte));
    let places: Vec<usize> = (0..first.len()).filter(|&place| varying[place]).collect();
    let values = digit_values(digits);
    let mut nibbles = rows.iter().flat_map(|row| {
        let row = row.as_bytes();
        places.iter().map(move |&place| values[usize::from(row[place])])
    });
    while let Some(high) = nibbles.next() {
        out.push(high << 4 | nibbles.next().unwrap_or(0));
    }
    Some(out)
}

/// Which bytes vary, if the rows have one width and only digits vary.
fn varying_digits(rows: &[&str], values: &[u8; 256]) -> Option<Vec<bool>> {
    let first = rows.first()?.as_bytes();
    if rows.iter().any(|row| row.len() != first.len()) {
        return None;
    }
    let mut varying = vec![false; first.len()];
    for row in rows {
        for ((varies, &byte), &of_first) in varying.iter_mut().zip(row.as_bytes()).zip(first) {
            if byte != of_first {
                if values[usize::from(byte)] > 15 || values[usize::from(of_first)] > 15 {
                    return None;
                }
                *varies = true;
            }
        }
    }
    Some(varying)
}

/// For each byte the value of the digit that it is, or more than 15.
fn digit_values(digits: &[u8; 16]) -> [u8; 256] {
    let mut values = [u8::MAX; 256];
    digits.iter().zip(0..).for_each(|(digit, value)| values[usize::from(*digit)] = value);
    values
}

pub(super) fn decode(mut cursor: Cursor<'_>, rows: usize, digits: &[u8; 16]) -> Result<Strings, Corrupt> {
    let width = cursor.count()?;
    let flags = cursor.take(width.div_ceil(8))?;
    let varies = |place: usize| flags[place / 8] >> (place % 8) & 1 == 1;
    let varying = (0..width).filter(|&place| varies(place)).count();
    let constant = cursor.take(width - varying)?;
    let corrupt = cursor.corrupt();
    let nibbles = cursor.rest();
    // Without a digit that varies, nothing would bound the rows.
    let is_sound = varying > 0
        && nibbles.len() == (varying * rows).div_ceil(2)
        && width.checked_mul(rows).is_some_and(|bytes| bytes <= UNPACKED_BYTES_MAX);
    if !is_sound {
        return Err(corrupt);
    }
    let mut text = Vec::with_capacity(width * rows);
    let mut at = 0;
    for _ in 0..rows {
        let mut constant = constant.iter();
        for place in 0..width {
            if varies(place) {
                let byte = nibbles[at / 2];
                text.push(digits[usize::from(if at % 2 == 0 { byte >> 4 } else { byte & 15 })]);
                at += 1;
            } else {
                text.push(constant.next().copied().unwrap_or(b' '));
            }
        }
    }
    let text = String::from_utf8(text).map_err(|_| corrupt)?;
    let ends: Vec<u32> = (1..=rows).map(|row| (row * width) as u32).collect();
    if ends.iter().any(|&end| !text.is_char_boundary(end as usize)) {
        return Err(corrupt);
    }
    Ok(Strings { text, ends, indexes: None })
}
