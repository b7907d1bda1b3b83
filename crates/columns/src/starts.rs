//! Columns of the times at which spans start, beside their durations and parents.
//!
//! ```text
//! starts      numbers (i64)               the times
//!           | byte 64, numbers (i64)      the gap of each row: its time less its reference
//!
//! reference   if the parent is an earlier row: the end of the last row before this one
//!             with the same parent, or the start of the parent if there is none
//!             otherwise: the start of the row before, or 0 for the first row
//! ```
//!
//! What a program does, it does mostly in steps: one begins when another ends, a little
//! later each time. The end is known from the row that has it, so only the gap is kept. All
//! sums wrap around at 64 bits. The first byte of `numbers` is always below 64.

use crate::bytes::Cursor;
use crate::{Corrupt, numbers};

const WHAT: &str = "a column of starts";

const GAPS: u8 = 64;

/// `parent_rows` is what [`decode_parent_rows`](crate::ids::decode_parent_rows) says of the
/// column of parents beside this one.
pub fn encode(starts: &[i64], durations: &[u64], parent_rows: &[Option<u32>]) -> Vec<u8> {
    assert!(starts.len() == durations.len() && starts.len() == parent_rows.len(), "one of each a row");
    let mut references = References::new(durations, parent_rows);
    let mut gaps = Vec::with_capacity(starts.len());
    for (row, start) in starts.iter().enumerate() {
        gaps.push(start.wrapping_sub(references.next(&starts[..row])));
    }
    if bits(&gaps) >= bits(&steps(starts)) {
        return numbers::encode(starts);
    }
    let mut out = vec![GAPS];
    out.extend_from_slice(&numbers::encode(&gaps));
    out
}

/// What plain times would be encoded as, roughly.
fn steps(starts: &[i64]) -> Vec<i64> {
    let before = std::iter::once(0).chain(starts.iter().copied());
    starts.iter().zip(before).map(|(start, before)| start.wrapping_sub(before)).collect()
}

fn bits(numbers: &[i64]) -> u64 {
    numbers.iter().map(|number| u64::from(u64::BITS - number.unsigned_abs().leading_zeros())).sum()
}

/// `durations` and `parent_rows` are those of as many rows, decoded.
pub fn decode(bytes: &[u8], durations: &[u64], parent_rows: &[Option<u32>]) -> Result<Vec<i64>, Corrupt> {
    let rows = durations.len();
    if parent_rows.len() != rows {
        return Err(Corrupt(WHAT));
    }
    if bytes.first() != Some(&GAPS) {
        return numbers::decode(bytes, rows);
    }
    let mut cursor = Cursor::new(bytes, WHAT);
    cursor.byte()?;
    let mut references = References::new(durations, parent_rows);
    let mut starts = Vec::with_capacity(rows);
    for gap in numbers::decode::<i64>(cursor.rest(), rows)? {
        starts.push(references.next(&starts).wrapping_add(gap));
    }
    Ok(starts)
}

/// Walks through the rows, and knows for each parent the last child so far.
struct References<'a> {
    durations: &'a [u64],
    parent_rows: &'a [Option<u32>],
    last_child: Vec<Option<u32>>,
}

impl<'a> References<'a> {
    fn new(durations: &'a [u64], parent_rows: &'a [Option<u32>]) -> Self {
        Self { durations, parent_rows, last_child: vec![None; durations.len()] }
    }

    /// The reference of the row that follows those whose starts are given.
    fn next(&mut self, starts: &[i64]) -> i64 {
        let row = starts.len();
        let parent = self.parent_rows[row].map(|parent| parent as usize).filter(|parent| *parent < row);
        let Some(parent) = parent else { return starts.last().copied().unwrap_or(0) };
        match self.last_child[parent].replace(row as u32) {
            Some(child) => starts[child as usize].wrapping_add(self.durations[child as usize] as i64),
            None => starts[parent],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(starts: &[i64], durations: &[u64], parent_rows: &[Option<u32>]) -> usize {
        let bytes = encode(starts, durations, parent_rows);
        assert_eq!(decode(&bytes, durations, parent_rows).unwrap(), starts);
        bytes.len()
    }

    proptest! {
        #[test]
        fn any_starts_come_back(rows in proptest::collection::vec((any::<i64>(), any::<u64>(), proptest::option::of(0u32..80)), 0..60)) {
            let starts: Vec<i64> = rows.iter().map(|row| row.0).collect();
            let durations: Vec<u64> = rows.iter().map(|row| row.1).collect();
            let parents: Vec<Option<u32>> = rows.iter().map(|row| row.2).collect();
            check(&starts, &durations, &parents);
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(kind in prop_oneof![0u8..10, Just(GAPS)], bytes: Vec<u8>, rows in proptest::collection::vec((any::<u64>(), proptest::option::of(any::<u32>())), 0..60)) {
            let (durations, parents): (Vec<u64>, Vec<Option<u32>>) = rows.into_iter().unzip();
            drop(decode(&[&[kind], &bytes[..]].concat(), &durations, &parents));
        }
    }

    /// Runs of ten steps each, as `(starts, durations, parent rows)`: durations are random.
    fn steps_of_runs(rows: u32) -> (Vec<i64>, Vec<u64>, Vec<Option<u32>>) {
        let durations: Vec<u64> =
            (0..u64::from(rows)).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34).collect();
        let (mut starts, mut now) = (Vec::new(), 1_795_000_000_000_000_000);
        for (row, duration) in (0..rows).zip(&durations) {
            starts.push(now);
            now += if row % 10 == 0 { 1_000_000 } else { *duration as i64 + 100_000 };
        }
        let parents = (0..rows).map(|row| (row % 10 > 0).then_some(row - row % 10)).collect();
        (starts, durations, parents)
    }

    #[test]
    fn steps_of_a_run_take_no_bytes_but_those_of_the_run() {
        let (starts, durations, parents) = steps_of_runs(5_000);
        assert!(check(&starts, &durations, &parents) < 500 * 8, "{}", check(&starts, &durations, &parents));
        assert!(numbers::encode(&starts).len() > 5_000 * 3);
    }

    #[test]
    fn spans_that_have_no_parents_here_are_plain_times() {
        let starts: Vec<i64> = (0..1_000).map(|row| 7 * row).collect();
        assert_eq!(encode(&starts, &[5; 1_000], &[None; 1_000]), numbers::encode(&starts));
    }

    #[test]
    fn the_ends_of_time_come_back() {
        check(&[i64::MIN, i64::MAX, i64::MIN], &[u64::MAX; 3], &[None, Some(0), Some(0)]);
    }
}
