//! What pages have in common, but for those of samples: streams, optional ids, attributes.
//!
//! ```text
//! heads      block numbers (u32): the streams; block numbers (u32): the rows of each
//! columns    one block each, in the order that the table says
//! optional   block numbers (u32): 1 where the row has one; block ids: those that are there
//! ```

use columns::attributes::{self, ValueRef};
use columns::bytes::{Cursor, put_block, put_uint};
use columns::{Corrupt, ids, numbers};
use model::{Attributes, Matcher, Value};

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

    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        self.cursor.byte()
    }

    pub fn optional_ids(&mut self) -> Result<OptionalIds<'a>, Corrupt> {
        Ok(OptionalIds { presence: self.column()?, ids: self.column()? })
    }

    pub fn finish(self) -> Result<Heads, Corrupt> {
        self.cursor.finish()?;
        Ok(Heads { streams: self.streams, rows: self.rows })
    }
}

/// A column of ids that some rows have.
#[derive(Clone, Copy)]
pub struct OptionalIds<'a> {
    presence: &'a [u8],
    ids: &'a [u8],
}

impl OptionalIds<'_> {
    pub fn decode<const WIDTH: usize>(self, rows: usize) -> Result<Vec<Option<[u8; WIDTH]>>, Corrupt> {
        let presence = numbers::decode::<u32>(self.presence, rows)?;
        let count = presence.iter().filter(|presence| **presence != 0).count();
        let mut present = ids::decode::<WIDTH>(self.ids, count)?.into_iter();
        Ok(presence.into_iter().map(|presence| if presence == 0 { None } else { present.next() }).collect())
    }
}

/// The streams of a page, and how many rows each has.
pub struct Heads {
    streams: Vec<(u32, usize)>,
    pub rows: usize,
}

impl Heads {
    /// The rows of the streams that are wanted (ascending), or of all.
    pub fn rows_of(&self, wanted: Option<&[u32]>) -> Vec<usize> {
        let mut rows = Vec::new();
        let mut start = 0;
        for (stream, count) in &self.streams {
            if wanted.is_none_or(|wanted| wanted.binary_search(stream).is_ok()) {
                rows.extend(start..start + count);
            }
            start += count;
        }
        rows
    }

    /// Makes the chosen rows (ascending), stream by stream.
    pub fn make<T>(
        &self,
        chosen: &[usize],
        mut make: impl FnMut(usize) -> Result<T, Corrupt>,
    ) -> Result<Vec<(u32, Vec<T>)>, Corrupt> {
        let mut found = Vec::new();
        let (mut chosen, mut end) = (chosen, 0);
        for (stream, count) in &self.streams {
            end += count;
            let (here, later) = chosen.split_at(chosen.partition_point(|row| *row < end));
            chosen = later;
            if !here.is_empty() {
                found.push((*stream, here.iter().map(|row| make(*row)).collect::<Result<_, Corrupt>>()?));
            }
        }
        Ok(found)
    }
}

/// Keeps of the chosen rows those whose attributes are selected by all matchers; decodes
/// no other columns than theirs.
pub fn retain_by_attributes(
    attributes: &attributes::Attributes<'_>,
    matchers: &[Matcher],
    chosen: &mut Vec<usize>,
) -> Result<(), Corrupt> {
    if matchers.is_empty() || chosen.is_empty() {
        return Ok(());
    }
    let rows = attributes.rows_of(|key| matchers.iter().any(|matcher| matcher.name() == key))?;
    let selects =
        |matcher: &Matcher, row: usize| match rows.row(row).find(|(name, _)| *name == matcher.name()) {
            None => matcher.matches_absence(),
            Some((_, ValueRef::Text(text))) => matcher.matches_value(text),
            Some((_, value)) => matcher.matches_value(&owned_value(value).to_string()),
        };
    chosen.retain(|row| matchers.iter().all(|matcher| selects(matcher, *row)));
    Ok(())
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
    row.map(|(name, value)| (name.to_owned(), owned_value(value))).collect()
}

fn owned_value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Bool(value) => Value::Bool(value),
        ValueRef::Int(value) => Value::Int(value),
        ValueRef::Float(value) => Value::Float(value),
        ValueRef::Text(value) => Value::Text(value.to_owned()),
    }
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
