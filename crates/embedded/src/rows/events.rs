//! What pages of logs and spans have in common: streams, optional ids, attributes.
//!
//! ```text
//! heads      block numbers (u32): the streams; block numbers (u32): the rows of each
//! columns    one block each, in the order that the table says
//! optional   block numbers (u32): 1 where the row has one; block ids: those that are there
//! ```

use columns::attributes::{self, ValueRef};
use columns::bytes::{Cursor, put_block, put_uint};
use columns::{Corrupt, ids, numbers};
use model::{Attributes, Value};

/// Writes the columns of a page one after the other.
pub struct PageWriter {
    pub out: Vec<u8>,
}

impl PageWriter {
    /// A page begins with its version, its streams, and how many rows each has.
    pub fn new(version: u8, streams: impl Iterator<Item = (u32, usize)> + Clone) -> Self {
        let mut out = vec![version];
        let numbers_of: Vec<u32> = streams.clone().map(|(stream, _)| stream).collect();
        let rows: Vec<u32> = streams.map(|(_, rows)| rows as u32).collect();
        put_uint(&mut out, numbers_of.len() as u64);
        put_block(&mut out, &numbers::encode(&numbers_of));
        put_block(&mut out, &numbers::encode(&rows));
        Self { out }
    }

    pub fn column(&mut self, bytes: &[u8]) {
        put_block(&mut self.out, bytes);
    }

    pub fn optional_ids<const WIDTH: usize>(&mut self, rows: &[Option<[u8; WIDTH]>]) {
        let presence: Vec<u32> = rows.iter().map(|id| u32::from(id.is_some())).collect();
        let present: Vec<[u8; WIDTH]> = rows.iter().copied().flatten().collect();
        self.column(&numbers::encode(&presence));
        self.column(&ids::encode(&present));
    }

    pub fn attributes<'a>(&mut self, rows: impl Iterator<Item = &'a Attributes>) {
        let rows = rows.map(|row| row.iter().map(|(name, value)| (name.as_str(), borrowed(value))));
        self.column(&attributes::encode(rows));
    }
}

/// Reads the columns of a page one after the other.
pub struct PageReader<'a> {
    cursor: Cursor<'a>,
    /// Each stream with the number of its rows, in order of rows.
    pub streams: Vec<(u32, usize)>,
    pub rows: usize,
}

impl<'a> PageReader<'a> {
    pub fn new(page: &'a [u8], version: u8, what: &'static str) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(page, what);
        if cursor.byte()? != version {
            return Err(Corrupt(what));
        }
        let count = cursor.at_most(columns::ROWS_MAX)?;
        let numbers_of = numbers::decode::<u32>(cursor.block()?, count)?;
        let rows = numbers::decode::<u32>(cursor.block()?, count)?;
        let streams: Vec<(u32, usize)> =
            numbers_of.into_iter().zip(rows.iter().map(|rows| *rows as usize)).collect();
        let rows: usize = rows.iter().map(|rows| *rows as usize).sum();
        if rows > columns::ROWS_MAX {
            return Err(Corrupt(what));
        }
        Ok(Self { cursor, streams, rows })
    }

    pub fn column(&mut self) -> Result<&'a [u8], Corrupt> {
        self.cursor.block()
    }

    pub fn optional_ids<const WIDTH: usize>(&mut self) -> Result<Vec<Option<[u8; WIDTH]>>, Corrupt> {
        let presence = numbers::decode::<u32>(self.column()?, self.rows)?;
        let count = presence.iter().filter(|presence| **presence != 0).count();
        let mut present = ids::decode::<WIDTH>(self.column()?, count)?.into_iter();
        Ok(presence.into_iter().map(|presence| if presence == 0 { None } else { present.next() }).collect())
    }

    pub fn attributes(&mut self) -> Result<attributes::Attributes<'a>, Corrupt> {
        attributes::Attributes::decode(self.column()?, self.rows)
    }

    pub fn finish(self) -> Result<Vec<(u32, usize)>, Corrupt> {
        self.cursor.finish()?;
        Ok(self.streams)
    }
}

fn borrowed(value: &Value) -> ValueRef<'_> {
    match value {
        Value::Bool(value) => ValueRef::Bool(*value),
        Value::Int(value) => ValueRef::Int(*value),
        Value::Float(value) => ValueRef::Float(*value),
        Value::Text(value) => ValueRef::Text(value),
    }
}

pub fn owned<'a>(row: impl Iterator<Item = (&'a str, ValueRef<'a>)>) -> Attributes {
    row.map(|(name, value)| {
        let value = match value {
            ValueRef::Bool(value) => Value::Bool(value),
            ValueRef::Int(value) => Value::Int(value),
            ValueRef::Float(value) => Value::Float(value),
            ValueRef::Text(value) => Value::Text(value.to_owned()),
        };
        (name.to_owned(), value)
    })
    .collect()
}

/// What a page says of attributes in its filter: each name with its value as text, as a
/// matcher sees it.
pub fn attribute_hashes(attributes: &Attributes) -> impl Iterator<Item = u64> {
    attributes.iter().filter_map(|(name, value)| match value {
        Value::Text(text) => attribute_hash(name, text),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => None,
    })
}

/// The hash under which a filter knows an attribute with this value, as text. Numbers and
/// truths are not in filters, however they were written: they are many, each page has most
/// of them, and nobody looks for one by its digits.
pub fn attribute_hash(name: &str, value: &str) -> Option<u64> {
    let is_plain = value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
    (!is_plain).then(|| columns::filter::hash_pair(name, value.as_bytes()))
}

/// The hash under which a filter knows a trace.
pub fn trace_hash(trace: &[u8; 16]) -> u64 {
    // A name that no attribute can have: attributes of the same name must not be mixed up.
    columns::filter::hash_pair("\u{0}trace", trace)
}

/// Shorter numbers are in every page.
const DIGITS_MIN: usize = 6;

/// The hash under which a filter knows a word of a body, whatever its ASCII case. Short
/// numbers are not in filters.
pub fn word_hash(word: &str) -> Option<u64> {
    if word.len() < DIGITS_MIN && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        columns::filter::hash_word(&word.to_ascii_lowercase())
    } else {
        columns::filter::hash_word(word)
    })
}

/// The hash under which a filter knows the name of a span.
pub fn name_hash(name: &str) -> u64 {
    columns::filter::hash_pair("\u{0}name", name.as_bytes())
}
