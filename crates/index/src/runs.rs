//! Ascending ids as runs.
//!
//! ```text
//! run     uint gap × 2 + more        ids between the last run's end and this one's start
//!         if more: uint length - 2   otherwise it is one id
//! ```
//!
//! An id alone takes what its gap takes: a stream that shares no value with another costs
//! two or three bytes, every fortieth stream costs one byte each time, and the hundred
//! neighbours that one source sends cost three bytes together.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::Corrupt;
use crate::bytes::{Cursor, put_uint};

const WHAT: &str = "the ids of a label";

/// Appends runs to bytes; runs that touch become one.
#[derive(Debug)]
pub struct RunWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Where the last run that was written ends.
    end: u32,
    pending: Range<u32>,
}

impl<'a> RunWriter<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, end: 0, pending: 0..0 }
    }

    /// Runs come in ascending order.
    pub fn push(&mut self, run: Range<u32>) {
        if run.start == self.pending.end {
            self.pending.end = run.end;
        } else {
            self.write_pending();
            self.pending = run;
        }
    }

    pub fn finish(mut self) {
        self.write_pending();
    }

    fn write_pending(&mut self) {
        let len = self.pending.len() as u64;
        if len > 0 {
            let gap = u64::from(self.pending.start - self.end);
            put_uint(self.out, gap << 1 | u64::from(len > 1));
            if len > 1 {
                put_uint(self.out, len - 2);
            }
            self.end = self.pending.end;
        }
    }
}

/// Reads runs; after an error it ends.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    cursor: Cursor<'a>,
    end: u64,
    /// No id is as large as this.
    limit: u32,
}

impl<'a> Runs<'a> {
    pub fn new(bytes: &'a [u8], limit: u32) -> Self {
        Self { cursor: Cursor::new(bytes, WHAT), end: 0, limit }
    }

    #[inline]
    fn read(&mut self) -> Result<Range<u32>, Corrupt> {
        let head = self.cursor.uint()?;
        let start = self.end + (head >> 1);
        let len = if head & 1 == 0 { 1 } else { self.cursor.uint()?.saturating_add(2) };
        let end = start.saturating_add(len);
        if end > u64::from(self.limit) {
            return Err(self.cursor.corrupt());
        }
        self.end = end;
        Ok(start as u32..end as u32)
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<Range<u32>, Corrupt>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.cursor.is_empty() {
            return None;
        }
        let run = self.read();
        if run.is_err() {
            self.cursor = Cursor::new(&[], WHAT);
        }
        Some(run)
    }
}

/// The ids of many lists of runs, all of them within `ids`.
///
/// A bit for every id is less to go through than many runs in no order; `run_count` says
/// about how many there are.
pub fn union<E>(
    ids: Range<u32>,
    run_count: usize,
    runs: impl Iterator<Item = Result<Range<u32>, E>>,
) -> Result<RoaringBitmap, E> {
    if run_count > ids.len() / 64 {
        return dense_union(ids, runs);
    }
    let mut runs = runs.collect::<Result<Vec<_>, E>>()?;
    runs.sort_unstable_by_key(|run| run.start);
    let mut union = RoaringBitmap::new();
    runs.into_iter().for_each(|run| add_run(&mut union, run));
    Ok(union)
}

fn dense_union<E>(
    ids: Range<u32>,
    runs: impl Iterator<Item = Result<Range<u32>, E>>,
) -> Result<RoaringBitmap, E> {
    let offset = ids.start & !63;
    let mut words = vec![0u64; ((ids.end - offset) as usize).div_ceil(64)];
    for run in runs {
        let run = run?;
        set_bits(&mut words, (run.start - offset) as usize, (run.end - offset) as usize);
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Ok(RoaringBitmap::from_lsb0_bytes(offset, &bytes))
}

fn set_bits(words: &mut [u64], start: usize, end: usize) {
    let (first, last) = (start / 64, (end - 1) / 64);
    let (from_start, to_end) = (u64::MAX << (start % 64), u64::MAX >> (63 - (end - 1) % 64));
    if first == last {
        words[first] |= from_start & to_end;
    } else {
        words[first] |= from_start;
        words[first + 1..last].fill(u64::MAX);
        words[last] |= to_end;
    }
}

/// Adds runs that lie behind everything in `ids`, or among it at some cost.
pub fn add_run(ids: &mut RoaringBitmap, run: Range<u32>) {
    if run.len() > 1 {
        ids.insert_range(run);
    } else if ids.try_push(run.start).is_err() {
        ids.insert(run.start);
    }
}

/// Whether any of the run's ids is among `ids`.
pub fn touches(ids: &RoaringBitmap, run: Range<u32>) -> bool {
    if run.len() > 1 { ids.range(run).next().is_some() } else { ids.contains(run.start) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(ids: &RoaringBitmap, bytes_max: usize) {
        let mut bytes = Vec::new();
        let mut writer = RunWriter::new(&mut bytes);
        ids.iter().for_each(|id| writer.push(id..id + 1));
        writer.finish();
        let mut read = RoaringBitmap::new();
        for run in Runs::new(&bytes, ids.max().map_or(0, |last| last + 1)) {
            add_run(&mut read, run.unwrap());
        }
        assert_eq!(read, *ids);
        assert!(bytes.len() <= bytes_max, "{} bytes", bytes.len());
    }

    #[test]
    fn one_id_takes_no_more_than_its_number() {
        check(&RoaringBitmap::from([7]), 1);
        check(&RoaringBitmap::from([499_999]), 3);
        check(&RoaringBitmap::from([u32::MAX - 1]), 5);
    }

    #[test]
    fn neighbours_cost_no_more_than_two() {
        check(&(70_000..170_000).collect(), 6);
    }

    #[test]
    fn an_id_beyond_the_limit_is_corrupt() {
        assert!(Runs::new(&[14], 7).any(|run| run.is_err()));
        assert!(
            Runs::new(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 7)
                .any(|run| run.is_err())
        );
    }

    proptest! {
        #[test]
        fn ids_come_back(ids: Vec<u16>) {
            check(&ids.iter().map(|id| u32::from(*id)).collect(), usize::MAX);
        }

        #[test]
        fn any_bytes_are_runs_or_corrupt(bytes: Vec<u8>) {
            let mut end = 0;
            for run in Runs::new(&bytes, 1000).flatten() {
                prop_assert!(end <= run.start && run.start < run.end && run.end <= 1000);
                end = run.end;
            }
        }
    }
}
