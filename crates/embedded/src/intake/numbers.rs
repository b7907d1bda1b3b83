//! The dense numbers of the streams of one table and day.

use std::collections::HashMap;

use model::{KeysAreHashes, LabelSet};

use super::limits::{Limit, Limits};
use super::sources::source_of;

/// Under which number a WAL file knows a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalNumber {
    /// Valid in this file only. No file has the number 0.
    pub file: u64,
    pub number: u32,
}

/// In the place of a hash that is not known.
const UNKNOWN: u128 = 0;

#[derive(Debug, Default)]
pub struct Numbers {
    by_hash: HashMap<u128, u32, KeysAreHashes>,
    /// By the stream's number, or [`UNKNOWN`].
    hashes: Vec<u128>,
    /// The number that was asked for last.
    last: u32,
    /// Greater than every number that was given away.
    next: u32,
    memory_base: u32,
    /// How many streams each source has.
    of_sources: HashMap<Box<str>, u32>,
    /// By the stream's number, as far as it was needed.
    wal: Vec<WalNumber>,
}

impl Numbers {
    /// A stream that is on disk or in frozen memory.
    pub fn load(&mut self, stream: u32, labels: &LabelSet) {
        if self.by_hash.insert(labels.hash(), stream).is_none() {
            self.count_source(labels);
        }
        self.remember(stream, labels.hash());
        self.reserve(stream + 1);
    }

    /// Gives away no number below `next` any more.
    pub fn reserve(&mut self, next: u32) {
        self.next = self.next.max(next);
        self.memory_base = self.next;
    }

    pub fn memory_base(&self) -> u32 {
        self.memory_base
    }

    pub fn freeze(&mut self) {
        self.memory_base = self.next;
    }

    /// The number of a stream; a new one is added to `fresh`, unless it passes a limit.
    pub fn number(
        &mut self,
        labels: &LabelSet,
        fresh: &mut Vec<LabelSet>,
        limits: &Limits,
    ) -> Result<u32, Limit> {
        if let Some(known) = self.known(labels.hash()) {
            return Ok(known);
        }
        let of_source = self.of_sources.get(source_of(labels)).copied().unwrap_or(0);
        limits.check_stream(labels, self.next, of_source)?;
        self.count_source(labels);
        let number = self.next;
        self.by_hash.insert(labels.hash(), number);
        self.remember(number, labels.hash());
        fresh.push(labels.clone());
        self.next += 1;
        Ok(number)
    }

    /// Senders name their streams in the same order again and again, so the one behind the
    /// last is tried before the table is asked, which with half a million streams is in no
    /// cache.
    fn known(&mut self, hash: u128) -> Option<u32> {
        let next = self.last + 1;
        let is_next = hash != UNKNOWN && self.hashes.get(next as usize) == Some(&hash);
        self.last = if is_next { next } else { *self.by_hash.get(&hash)? };
        Some(self.last)
    }

    fn remember(&mut self, stream: u32, hash: u128) {
        let place = stream as usize;
        if place >= self.hashes.len() {
            self.hashes.resize(place + 1, UNKNOWN);
        }
        self.hashes[place] = hash;
        self.last = stream;
    }

    fn count_source(&mut self, labels: &LabelSet) {
        let source = source_of(labels);
        match self.of_sources.get_mut(source) {
            Some(streams) => *streams += 1,
            None => drop(self.of_sources.insert(source.into(), 1)),
        }
    }

    /// Takes back the last numbers.
    pub fn forget(&mut self, fresh: &[LabelSet]) {
        for labels in fresh {
            self.by_hash.remove(&labels.hash());
            if let Some(streams) = self.of_sources.get_mut(source_of(labels)) {
                *streams -= 1;
            }
        }
        self.next -= fresh.len() as u32;
        self.hashes.truncate(self.next as usize);
        self.last = 0;
        self.wal.truncate(self.next as usize);
    }

    /// What `file` knows the stream as; of another file when it does not know it yet.
    pub fn wal_number(&mut self, stream: u32) -> &mut WalNumber {
        let index = stream as usize;
        if index >= self.wal.len() {
            self.wal.resize(index + 1, WalNumber::default());
        }
        &mut self.wal[index]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn labels(name: &str) -> LabelSet {
        LabelSet::metric(name, [("job", "a")])
    }

    #[test]
    fn numbers_are_dense_and_stay() {
        let (mut numbers, mut fresh, limits) = (Numbers::default(), Vec::new(), Limits::default());
        let mut number = |name| numbers.number(&labels(name), &mut fresh, &limits).unwrap();
        assert_eq!([number("a"), number("b"), number("a"), number("c")], [0, 1, 0, 2]);
        assert_eq!(fresh, ["a", "b", "c"].map(labels));
    }

    #[test]
    fn numbers_that_are_taken_back_are_given_again() {
        let (mut numbers, limits) = (Numbers::default(), Limits::default());
        numbers.number(&labels("a"), &mut Vec::new(), &limits).unwrap();
        let mut fresh = Vec::new();
        numbers.number(&labels("b"), &mut fresh, &limits).unwrap();
        numbers.wal_number(1).file = 7;
        numbers.forget(&fresh);
        assert_eq!(numbers.number(&labels("c"), &mut Vec::new(), &limits).unwrap(), 1);
        assert_eq!(*numbers.wal_number(1), WalNumber::default());
        assert_eq!(numbers.number(&labels("b"), &mut Vec::new(), &limits).unwrap(), 2);
    }

    #[test]
    fn one_source_does_not_take_the_numbers_of_others() {
        let limits = Limits { source_streams_max: 2, ..Limits::default() };
        let (mut numbers, mut fresh) = (Numbers::default(), Vec::new());
        let of = |name: &str, job: &str| LabelSet::metric(name, [("job", job)]);
        numbers.load(0, &of("a", "loud"));
        numbers.number(&of("b", "loud"), &mut fresh, &limits).unwrap();
        let refused = numbers.number(&of("c", "loud"), &mut fresh, &limits).unwrap_err();
        assert_eq!((refused.setting, refused.most), ("source_streams_max", 2));
        numbers.number(&of("c", "quiet"), &mut fresh, &limits).unwrap();
        assert_eq!(
            numbers.number(&of("b", "loud"), &mut fresh, &limits).unwrap(),
            1,
            "a known stream goes on"
        );
        numbers.forget(&fresh);
        numbers.number(&of("c", "loud"), &mut Vec::new(), &limits).unwrap();
    }

    #[test]
    fn streams_on_disk_keep_their_numbers() {
        let (mut numbers, limits) = (Numbers::default(), Limits::default());
        numbers.load(0, &labels("a"));
        numbers.load(1, &labels("b"));
        numbers.reserve(5);
        assert_eq!(numbers.number(&labels("b"), &mut Vec::new(), &limits).unwrap(), 1);
        assert_eq!(numbers.number(&labels("c"), &mut Vec::new(), &limits).unwrap(), 5);
        assert_eq!(numbers.memory_base(), 5);
    }
}
