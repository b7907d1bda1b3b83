//! The dense numbers of the streams of one table and day.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use model::LabelSet;

use super::limits::{Limit, Limits};

/// Under which number a WAL file knows a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalNumber {
    /// Valid in this file only. No file has the number 0.
    pub file: u64,
    pub number: u32,
}

#[derive(Debug, Default)]
pub struct Numbers {
    by_hash: HashMap<u128, u32, BuildHasherDefault<TakeHash>>,
    /// Greater than every number that was given away.
    next: u32,
    memory_base: u32,
    /// By the stream's number, as far as it was needed.
    wal: Vec<WalNumber>,
}

impl Numbers {
    /// A stream that is on disk or in frozen memory.
    pub fn load(&mut self, stream: u32, hash: u128) {
        self.by_hash.insert(hash, stream);
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
        if let Some(number) = self.by_hash.get(&labels.hash()) {
            return Ok(*number);
        }
        limits.check_stream(labels, self.next)?;
        let number = self.next;
        self.by_hash.insert(labels.hash(), number);
        fresh.push(labels.clone());
        self.next += 1;
        Ok(number)
    }

    /// Takes back the last numbers.
    pub fn forget(&mut self, fresh: &[LabelSet]) {
        for labels in fresh {
            self.by_hash.remove(&labels.hash());
        }
        self.next -= fresh.len() as u32;
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

/// Keys are hashes already.
#[derive(Default)]
struct TakeHash(u64);

impl Hasher for TakeHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
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
    fn streams_on_disk_keep_their_numbers() {
        let (mut numbers, limits) = (Numbers::default(), Limits::default());
        numbers.load(0, labels("a").hash());
        numbers.load(1, labels("b").hash());
        numbers.reserve(5);
        assert_eq!(numbers.number(&labels("b"), &mut Vec::new(), &limits).unwrap(), 1);
        assert_eq!(numbers.number(&labels("c"), &mut Vec::new(), &limits).unwrap(), 5);
        assert_eq!(numbers.memory_base(), 5);
    }
}
