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
mod needle;
mod phrases;
mod templates;

use std::collections::HashMap;

pub use needle::Needle;

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
            let texts = decode_distinct(cursor.block()?, distinct)?;
            let indexes = numbers::decode::<u32>(cursor.rest(), rows)?;
            if indexes.iter().any(|&index| index as usize >= distinct) {
                return Err(Corrupt(WHAT));
            }
            Ok(Strings { indexes: Some(indexes), ..texts })
        }
        _ => decode_distinct(bytes, rows),
    }
}

/// A column in which only some texts are looked for.
#[derive(Debug)]
pub struct Candidates {
    strings: Strings,
    /// Which rows are; all of them when it is not known better.
    known: Option<Vec<bool>>,
}

impl Candidates {
    /// The text of a row, unless it surely has not all that is looked for.
    pub fn get(&self, row: usize) -> Option<&str> {
        let is_candidate = self.known.as_ref().is_none_or(|known| known[row]);
        is_candidate.then(|| self.strings.get(row))
    }
}

/// As [`decode`], for those of the chosen rows (ascending) that have all of the needles. Texts
/// that surely have not are not put together, where that saves much.
pub fn decode_where(
    bytes: &[u8],
    rows: usize,
    chosen: &[usize],
    needles: &[Needle],
) -> Result<Candidates, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    let are_rows = chosen.iter().all(|row| *row < rows);
    if bytes.first() != Some(&TEMPLATES) || rows > ROWS_MAX || !are_rows {
        return Ok(Candidates { strings: decode(bytes, rows)?, known: None });
    }
    cursor.byte()?;
    let may_match = |template: &str| needles.iter().all(|needle| needle.may_be_in(template));
    let (strings, known) = templates::decode_where(cursor, rows, chosen, &may_match)?;
    Ok(Candidates { strings, known: Some(known) })
}

fn decode_distinct(bytes: &[u8], rows: usize) -> Result<Strings, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    match cursor.byte()? {
        HEX_LOWER => hex::decode(cursor, rows, hex::LOWER),
        HEX_UPPER => hex::decode(cursor, rows, hex::UPPER),
        INTEGERS => {
            let integers = numbers::decode::<i64>(cursor.rest(), rows)?;
            Ok(gather(integers.iter().map(i64::to_string)))
        }
        JOINED => decode_joined(cursor, rows),
        TEMPLATES => templates::decode(cursor, rows),
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(rows: &[&str]) -> Vec<u8> {
        let bytes = encode(rows);
        let strings = decode(&bytes, rows.len()).unwrap();
        assert_eq!(strings.iter().collect::<Vec<_>>(), rows);
        bytes
    }

    fn check_kind(rows: &[impl AsRef<str>], kind: u8) {
        let rows: Vec<&str> = rows.iter().map(AsRef::as_ref).collect();
        assert_eq!(check(&rows)[0], kind);
    }

    proptest! {
        #[test]
        fn any_texts_come_back(rows: Vec<String>, times in 1usize..4) {
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            check(&rows.repeat(times));
        }

        #[test]
        fn texts_of_digits_come_back(rows in proptest::collection::vec("-?[0-9a-f]{0,4}", 0..40)) {
            check(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        }

        #[test]
        fn messages_come_back(rows in proptest::collection::vec(("[a-z0-9 ä.=-]{16,30}", 0u64.., any::<u64>()), 64..80), at: usize, flip in 1u8..) {
            let rows: Vec<String> = rows.iter().map(|(text, number, id)| format!("{text} took {number} ms, id={id:x}")).collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let bytes = check(&rows);
            let templates = templates::encode(&rows).unwrap();
            let strings = templates::decode(Cursor::new(&templates, "it"), rows.len()).unwrap();
            prop_assert_eq!(strings.iter().collect::<Vec<_>>(), rows.clone());
            let part = &rows[at % rows.len()];
            let (start, end) = (at % part.len(), at % part.len() + 9);
            let part = part.get(start..end).unwrap_or("took");
            let chosen: Vec<usize> = (0..rows.len()).filter(|row| row % 3 != at % 4).collect();
            let found = decode_where(&bytes, rows.len(), &chosen, &[Needle::new(part)]).unwrap();
            for row in chosen {
                match found.get(row) {
                    Some(found) => prop_assert_eq!(found, rows[row]),
                    None => prop_assert!(!rows[row].contains(part), "{} is in {}", part, rows[row]),
                }
            }
            for mut damaged in [bytes, templates] {
                let at = at % damaged.len();
                damaged[at] ^= flip;
                drop(decode(&damaged, rows.len()));
                drop(templates::decode(Cursor::new(&damaged, "it"), rows.len()));
            }
        }

        #[test]
        fn sentences_come_back(rows in proptest::collection::vec("([ab]{0,2}|ä{1,2}|c) ?(d|e|f)?( d)?", 64..99), at: usize, flip in 1u8..) {
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let mut phrases = phrases::encode(&rows).unwrap_or_default();
            if phrases.is_empty() {
                return Ok(());
            }
            let strings = phrases::decode(Cursor::new(&phrases, "it"), rows.len()).unwrap();
            prop_assert_eq!(strings.iter().collect::<Vec<_>>(), rows.clone());
            let at = at % phrases.len();
            phrases[at] ^= flip;
            drop(phrases::decode(Cursor::new(&phrases, "it"), rows.len()));
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(kind in 0u8..9, bytes: Vec<u8>, rows in 0usize..50) {
            drop(decode(&[&[kind], &bytes[..]].concat(), rows));
        }

        #[test]
        fn a_damaged_column_decodes_or_is_corrupt(
            rows in proptest::collection::vec("[äb1]{0,9}", 1..60), times in 1usize..4, at: usize, flip in 1u8..,
        ) {
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let rows = rows.repeat(times);
            let mut bytes = encode(&rows);
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(strings) = decode(&bytes, rows.len()) {
                assert_eq!(strings.iter().count(), rows.len());
            }
        }
    }

    #[test]
    fn each_shape_has_its_kind() {
        check_kind(&["prod"; 100], CONSTANT);
        check_kind(&[""; 0], CONSTANT);
        check_kind(&["a", "b", "a", "a"], DICTIONARY);
        check_kind(&["00ff", "12ab", "abcd"], HEX_LOWER);
        check_kind(&["00FF", "12AB", "abcg"], JOINED);
        check_kind(&["00FF", "12AB", "ABCD"], HEX_UPPER);
        check_kind(&["0", "-17", "9223372036854775807"], INTEGERS);
        check_kind(&["6ba7b810-9dad", "00b1c0d4-1234"], HEX_LOWER);
        check_kind(&["req_1a", "req_2b", "req_3c"], HEX_LOWER);
        check_kind(&["0", "-0", "013"], JOINED);
        check_kind(&["abc", "ab", ""], JOINED);
    }

    #[test]
    fn messages_of_a_program_are_templates() {
        let rows: Vec<String> = (0..1000u64)
            .map(|row| {
                format!(
                    "tool {} completed in {} ms key={:016x}",
                    row % 3,
                    row * row % 997,
                    row.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                )
            })
            .collect();
        check_kind(&rows, TEMPLATES);
    }

    #[test]
    fn rows_of_one_index_have_the_same_text() {
        let rows = ["idle", "busy", "idle", "idle"];
        let strings = decode(&encode(&rows), 4).unwrap();
        assert_eq!(strings.distinct_len(), 2);
        assert_eq!(strings.index(0), strings.index(3));
        assert_eq!(strings.distinct(strings.index(1)), "busy");
    }
}
