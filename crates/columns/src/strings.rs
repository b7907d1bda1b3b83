//! Columns of texts, each in the smallest of a few representations.
//!
//! ```text
//! 0 constant     the text                            all rows are equal (or there are none)
//! 1 dictionary   uint distinct texts, block of them as a column of another kind in order
//!                of appearance, then numbers (u32): the text of each row
//! 2 hex lower    uint bytes of each row; a bit for each of them (lowest first, in whole
//!                bytes): set if it is a digit that varies; the bytes that do not, in order;
//!                then the digits that vary of all rows, two a byte, the first one higher
//! 3 hex upper    the same with capital letters
//! 4 integers     numbers (i64), of which the decimal text is meant
//! 5 joined       block of numbers (u32): bytes of each row; then all rows, packed
//! 6 templates    see `templates`
//! 7 phrases      see `phrases`
//! ```
//!
//! Bodies of agents' logs (pages of 4,096 and of 16,384) took 26.1 and 25.2 bytes a row
//! joined, 20.0 and 18.3 with templates, 15.6 and 13.3 with templates and phrases, at about
//! 1.3 microseconds a row. zstd at level 7 instead of 3 saved 0.7 bytes of the second, for
//! 0.4 microseconds. `cargo run --release -p columns --example measure -- logs` measures it
//! again.

mod hex;
mod phrases;
mod templates;

pub use templates::stands_outside_of_holes;

use std::collections::HashMap;

use crate::bytes::{Cursor, pack, put_block, put_uint, unpack};
use crate::hash::HashBuilder;
use crate::{Corrupt, ROWS_MAX, numbers};

const WHAT: &str = "a column of texts";

const CONSTANT: u8 = 0;
const DICTIONARY: u8 = 1;
const HEX_LOWER: u8 = 2;
const HEX_UPPER: u8 = 3;
const INTEGERS: u8 = 4;
const JOINED: u8 = 5;
const TEMPLATES: u8 = 6;
const PHRASES: u8 = 7;

/// Shorter texts are hardly sentences, and fewer hardly have templates.
const TEMPLATE_BYTES_MIN: usize = 16;
const TEMPLATE_ROWS_MIN: usize = 64;

/// Templates are tried on so many rows, and used for all if they were shorter there.
const TRIAL_ROWS: usize = 512;

/// A column of texts that has been read. Distinct texts are kept once.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    text: String,
    /// Where each distinct text ends.
    ends: Vec<u32>,
    /// The text of each row, if there are fewer texts than rows.
    indexes: Option<Vec<u32>>,
}

impl Strings {
    pub fn len(&self) -> usize {
        self.indexes.as_ref().map_or(self.ends.len(), Vec::len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> &str {
        self.distinct(self.index(row))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// How many texts there are to look at if each is looked at once.
    pub fn distinct_len(&self) -> usize {
        self.ends.len()
    }

    /// The text of an [`index`](Self::index).
    pub fn distinct(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[index] as usize]
    }

    /// Rows of one index have the same text, so that a question about it is asked once.
    pub fn index(&self, row: usize) -> usize {
        self.indexes.as_ref().map_or(row, |indexes| indexes[row] as usize)
    }
}

/// The rows take at most [`UNPACKED_BYTES_MAX`] together.
pub fn encode(rows: &[&str]) -> Vec<u8> {
    assert!(rows.len() <= ROWS_MAX, "a page is cut before it has so many rows");
    let first = rows.first().copied().unwrap_or_default();
    if rows.iter().all(|row| *row == first) {
        let mut out = vec![CONSTANT];
        out.extend_from_slice(first.as_bytes());
        return out;
    }
    encode_dictionary(rows).unwrap_or_else(|| encode_distinct(rows))
}

/// As a dictionary, if that has at most half as many texts as there are rows.
fn encode_dictionary(rows: &[&str]) -> Option<Vec<u8>> {
    let mut places: HashMap<&str, u32, HashBuilder> = HashMap::default();
    let mut distinct = Vec::new();
    let mut indexes = Vec::with_capacity(rows.len());
    for row in rows {
        let index = *places.entry(row).or_insert_with(|| {
            distinct.push(*row);
            distinct.len() as u32 - 1
        });
        indexes.push(index);
        if distinct.len() > rows.len() / 2 {
            return None;
        }
    }
    let mut out = vec![DICTIONARY];
    put_uint(&mut out, distinct.len() as u64);
    put_block(&mut out, &encode_distinct(&distinct));
    out.extend_from_slice(&numbers::encode(&indexes));
    Some(out)
}

fn encode_distinct(rows: &[&str]) -> Vec<u8> {
    hex::encode(rows, HEX_LOWER, hex::LOWER)
        .or_else(|| hex::encode(rows, HEX_UPPER, hex::UPPER))
        .or_else(|| encode_integers(rows))
        .or_else(|| encode_templates(rows))
        .unwrap_or_else(|| encode_prose(rows))
}

/// As phrases, if there are enough of them.
fn encode_prose(rows: &[&str]) -> Vec<u8> {
    let phrases = if rows.len() < TEMPLATE_ROWS_MIN { None } else { phrases::encode(rows) };
    match phrases {
        Some(phrases) => [&[PHRASES], &phrases[..]].concat(),
        None => encode_joined(rows),
    }
}

/// As templates, if a trial says that it pays.
fn encode_templates(rows: &[&str]) -> Option<Vec<u8>> {
    let bytes: usize = rows.iter().map(|row| row.len()).sum();
    if rows.len() < TEMPLATE_ROWS_MIN || bytes < TEMPLATE_BYTES_MIN * rows.len() {
        return None;
    }
    let trial = &rows[..rows.len().min(TRIAL_ROWS)];
    if templates::encode(trial)?.len() >= encode_joined(trial).len() {
        return None;
    }
    let mut out = vec![TEMPLATES];
    out.extend_from_slice(&templates::encode(rows)?);
    Some(out)
}

fn encode_integers(rows: &[&str]) -> Option<Vec<u8>> {
    let integers: Vec<i64> = rows.iter().map(|row| integer(row)).collect::<Option<_>>()?;
    let mut out = vec![INTEGERS];
    out.extend_from_slice(&numbers::encode(&integers));
    Some(out)
}

/// The number of which this is *the* decimal text: no plus, no leading zero.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical = matches!(digits.as_bytes(), [b'0'] | [b'1'..=b'9', ..]) && text != "-0";
    if is_canonical { text.parse().ok() } else { None }
}

fn encode_joined(rows: &[&str]) -> Vec<u8> {
    let lengths: Vec<u32> = rows.iter().map(|row| row.len() as u32).collect();
    let mut out = vec![JOINED];
    put_block(&mut out, &numbers::encode(&lengths));
    pack(&mut out, rows.concat().as_bytes());
    out
}

pub fn decode(bytes: &[u8], rows: usize) -> Result<Strings, Corrupt> {
    decode_if(bytes, rows, &|_| true)
}

/// As [`decode`], but the texts of templates that `keeps` refuses come back empty, with
/// little work. It is asked about the text around the holes, so that it must be content
/// with what is certain there: see [`stands_outside_of_holes`].
pub fn decode_if(bytes: &[u8], rows: usize, keeps: &dyn Fn(&str) -> bool) -> Result<Strings, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    if rows > ROWS_MAX {
        return Err(cursor.corrupt());
    }
    match bytes.first() {
        Some(&CONSTANT) => {
            cursor.byte()?;
            let text = std::str::from_utf8(cursor.rest()).map_err(|_| Corrupt(WHAT))?.to_owned();
            Ok(Strings { ends: vec![text.len() as u32], text, indexes: Some(vec![0; rows]) })
        }
        Some(&DICTIONARY) => {
            cursor.byte()?;
            let distinct = cursor.at_most(rows)?;
            let texts = decode_distinct(cursor.block()?, distinct, keeps)?;
            let indexes = numbers::decode::<u32>(cursor.rest(), rows)?;
            if indexes.iter().any(|&index| index as usize >= distinct) {
                return Err(Corrupt(WHAT));
            }
            Ok(Strings { indexes: Some(indexes), ..texts })
        }
        _ => decode_distinct(bytes, rows, keeps),
    }
}

fn decode_distinct(bytes: &[u8], rows: usize, keeps: &dyn Fn(&str) -> bool) -> Result<Strings, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    match cursor.byte()? {
        HEX_LOWER => hex::decode(cursor, rows, hex::LOWER),
        HEX_UPPER => hex::decode(cursor, rows, hex::UPPER),
        INTEGERS => {
            let integers = numbers::decode::<i64>(cursor.rest(), rows)?;
            Ok(gather(integers.iter().map(i64::to_string)))
        }
        JOINED => decode_joined(cursor, rows),
        TEMPLATES => templates::decode(cursor, rows, keeps),
        PHRASES => phrases::decode(cursor, rows),
        _ => Err(cursor.corrupt()),
    }
}

fn gather(rows: impl Iterator<Item = String>) -> Strings {
    let mut strings = Strings::default();
    for row in rows {
        strings.text.push_str(&row);
        strings.ends.push(strings.text.len() as u32);
    }
    strings
}

fn decode_joined(mut cursor: Cursor<'_>, rows: usize) -> Result<Strings, Corrupt> {
    let lengths = numbers::decode::<u32>(cursor.block()?, rows)?;
    let text = String::from_utf8(unpack(cursor.rest(), WHAT)?).map_err(|_| Corrupt(WHAT))?;
    let mut end = 0usize;
    let mut ends = Vec::with_capacity(rows);
    for length in lengths {
        end = end.saturating_add(length as usize);
        if !text.is_char_boundary(end) {
            return Err(Corrupt(WHAT));
        }
        ends.push(end as u32);
    }
    if end == text.len() { Ok(Strings { text, ends, indexes: None }) } else { Err(Corrupt(WHAT)) }
}

#[cfg(test)]
mod tests;
