//! The sorted values of one label, each with its ids.
//!
//! ```text
//! entry   uint shared      bytes that it has in common with the value before
//!         uint length, the other bytes
//!         uint length of its postings
//! block   8 entries; the first shares nothing
//! table   per block u32 offset of its first entry, u32 offset of that entry's postings
//! ```
//!
//! A value's *ordinal* is its place in the order. Eight to a block: a value is found by
//! its ordinal in some tens of nanoseconds, and the table costs a byte a value.
//!
//! An `fst` would be no smaller for values that are mostly numbers with a prefix, is slower
//! to walk, finds no value by its ordinal, and panics when its bytes are damaged.

use crate::Corrupt;
use crate::bytes::{Cursor, put_block, put_uint};

pub const BLOCK_VALUES: usize = 8;
pub const TABLE_ENTRY_BYTES: usize = 8;

const WHAT: &str = "the values of a label";

/// How many table entries so many values have.
pub fn block_count(values: usize) -> usize {
    values.div_ceil(BLOCK_VALUES)
}

#[derive(Debug, Default)]
pub struct DictionaryWriter {
    pub table: Vec<u8>,
    pub entries: Vec<u8>,
    pub postings: Vec<u8>,
    pub values: usize,
    last: Vec<u8>,
}

impl DictionaryWriter {
    /// Values come in ascending order; `put_postings` appends the ids of this one.
    pub fn push<E>(
        &mut self,
        value: &[u8],
        put_postings: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let shared = if self.values.is_multiple_of(BLOCK_VALUES) {
            self.table.extend(offset(self.entries.len()));
            self.table.extend(offset(self.postings.len()));
            0
        } else {
            self.last.iter().zip(value).take_while(|(last, this)| last == this).count()
        };
        put_uint(&mut self.entries, shared as u64);
        put_block(&mut self.entries, &value[shared..]);
        let start = self.postings.len();
        put_postings(&mut self.postings)?;
        put_uint(&mut self.entries, (self.postings.len() - start) as u64);
        value.clone_into(&mut self.last);
        self.values += 1;
        Ok(())
    }
}

/// As our tables hold it.
pub fn offset(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes)
        .expect("a label's values take less than 4 GiB, or memory had run out before")
        .to_le_bytes()
}

#[derive(Clone, Copy, Debug)]
pub struct Dictionary<'a> {
    pub values: usize,
    pub table: &'a [u8],
    pub entries: &'a [u8],
    pub postings: &'a [u8],
}

impl<'a> Dictionary<'a> {
    /// All of it, from the first value.
    pub fn walk(&self) -> Result<Walk<'a>, Corrupt> {
        self.walk_from_block(0)
    }

    /// Stands at the value with this ordinal.
    pub fn walk_to(&self, ordinal: usize) -> Result<Walk<'a>, Corrupt> {
        let mut walk = self.walk_from_block(ordinal / BLOCK_VALUES)?;
        walk.skip_to(ordinal)?;
        Ok(walk)
    }

    /// The walk whose next values include all that are not less than `value`.
    pub fn walk_before(&self, value: &[u8]) -> Result<Walk<'a>, Corrupt> {
        let (mut low, mut high) = (0, block_count(self.values));
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.first_of_block(middle)? <= value { low = middle } else { high = middle }
        }
        self.walk_from_block(low)
    }

    pub fn ordinal(&self, value: &[u8]) -> Result<Option<usize>, Corrupt> {
        let mut walk = self.walk_before(value)?;
        while walk.next()? && walk.value() <= value {
            if walk.value() == value {
                return Ok(Some(walk.ordinal()));
            }
        }
        Ok(None)
    }

    /// Appends one value; less to do than a walk to it.
    pub fn append_value(&self, ordinal: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        if ordinal >= self.values {
            return Err(Corrupt(WHAT));
        }
        let (entries, _) = self.block(ordinal / BLOCK_VALUES)?;
        let mut entries = Cursor::new(entries, WHAT);
        let start = out.len();
        for _ in 0..=ordinal % BLOCK_VALUES {
            let shared = entries.at_most(out.len() - start)?;
            out.truncate(start + shared);
            out.extend_from_slice(entries.block()?);
            entries.uint()?;
        }
        Ok(())
    }

    fn first_of_block(&self, block: usize) -> Result<&'a [u8], Corrupt> {
        let (entry, _) = self.block(block)?;
        let mut cursor = Cursor::new(entry, WHAT);
        cursor.uint()?;
        cursor.block()
    }

    fn walk_from_block(&self, block: usize) -> Result<Walk<'a>, Corrupt> {
        let next = block * BLOCK_VALUES;
        let (entries, postings) = if next < self.values { self.block(block)? } else { Default::default() };
        Ok(Walk {
            next,
            values: self.values,
            entries: Cursor::new(entries, WHAT),
            postings: Cursor::new(postings, WHAT),
            value: Vec::new(),
            shared: 0,
            ids: &[],
        })
    }

    /// Entries and postings from a block on.
    fn block(&self, block: usize) -> Result<(&'a [u8], &'a [u8]), Corrupt> {
        let at = block * TABLE_ENTRY_BYTES;
        let mut cursor = Cursor::new(self.table.get(at..).unwrap_or_default(), WHAT);
        let mut rest_of = |bytes: &'a [u8]| bytes.get(cursor.offset().ok()?..);
        rest_of(self.entries).zip(rest_of(self.postings)).ok_or(Corrupt(WHAT))
    }
}

/// Goes through values in order; stands at none before the first [`Walk::next`].
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    next: usize,
    values: usize,
    entries: Cursor<'a>,
    postings: Cursor<'a>,
    value: Vec<u8>,
    shared: usize,
    ids: &'a [u8],
}

impl<'a> Walk<'a> {
    /// Goes on to the next value, unless there is none.
    #[inline]
    pub fn next(&mut self) -> Result<bool, Corrupt> {
        if self.next >= self.values {
            return Ok(false);
        }
        let is_first = self.next.is_multiple_of(BLOCK_VALUES);
        self.shared = self.entries.at_most(if is_first { 0 } else { self.value.len() })?;
        self.value.truncate(self.shared);
        self.value.extend_from_slice(self.entries.block()?);
        let len = self.entries.at_most(self.postings.rest().len())?;
        self.ids = self.postings.take(len)?;
        self.next += 1;
        Ok(true)
    }

    /// Goes on to a value that is not behind.
    pub fn skip_to(&mut self, ordinal: usize) -> Result<(), Corrupt> {
        while self.next <= ordinal {
            if !self.next()? {
                return Err(Corrupt(WHAT));
            }
        }
        Ok(())
    }

    /// Whether walking there is not farther than through a block.
    pub fn is_near(&self, ordinal: usize) -> bool {
        ordinal < self.next + BLOCK_VALUES
    }

    pub fn ordinal(&self) -> usize {
        self.next.saturating_sub(1)
    }

    pub fn value(&self) -> &[u8] {
        &self.value
    }

    pub fn text(&self) -> Result<&str, Corrupt> {
        std::str::from_utf8(&self.value).map_err(|_| Corrupt(WHAT))
    }

    /// How many first bytes are those of the value before.
    pub fn shared(&self) -> usize {
        self.shared
    }

    /// The ids of this value, as runs.
    pub fn ids(&self) -> &'a [u8] {
        self.ids
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn written(values: &BTreeSet<String>) -> DictionaryWriter {
        let mut writer = DictionaryWriter::default();
        for value in values {
            let put = |out: &mut Vec<u8>| -> Result<(), ()> {
                out.extend_from_slice(value.as_bytes());
                Ok(())
            };
            writer.push(value.as_bytes(), put).unwrap();
        }
        writer
    }

    fn opened(writer: &DictionaryWriter) -> Dictionary<'_> {
        Dictionary {
            values: writer.values,
            table: &writer.table,
            entries: &writer.entries,
            postings: &writer.postings,
        }
    }

    proptest! {
        #[test]
        fn values_are_found_by_order_by_ordinal_and_by_text(
            values in proptest::collection::btree_set("[ab]{1,7}", 0..80),
            other in "[ab]{0,7}",
        ) {
            let writer = written(&values);
            let dictionary = opened(&writer);
            let mut walk = dictionary.walk().unwrap();
            for (ordinal, value) in values.iter().enumerate() {
                prop_assert!(walk.next().unwrap());
                prop_assert_eq!(walk.text().unwrap(), value);
                prop_assert_eq!(walk.ids(), value.as_bytes());
                prop_assert_eq!(dictionary.ordinal(value.as_bytes()).unwrap(), Some(ordinal));
                let found = dictionary.walk_to(ordinal).unwrap();
                prop_assert_eq!(found.text().unwrap(), value);
                let mut appended = b"x".to_vec();
                dictionary.append_value(ordinal, &mut appended).unwrap();
                prop_assert_eq!(&appended[1..], value.as_bytes());
            }
            prop_assert!(!walk.next().unwrap());
            let expected = values.iter().position(|value| *value == other);
            prop_assert_eq!(dictionary.ordinal(other.as_bytes()).unwrap(), expected);
        }

        #[test]
        fn any_bytes_are_values_or_corrupt(values in 0..100usize, table: Vec<u8>, entries: Vec<u8>, postings: Vec<u8>) {
            let dictionary = Dictionary { values, table: &table, entries: &entries, postings: &postings };
            let _ = dictionary.ordinal(b"a");
            let _ = dictionary.append_value(values / 2, &mut Vec::new());
            let mut walk = dictionary.walk();
            while walk.as_mut().is_ok_and(|walk| walk.next() == Ok(true)) {}
        }
    }
}
