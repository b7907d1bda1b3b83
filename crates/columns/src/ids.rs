//! Columns of binary ids of a fixed width, and of references to ids of the same page.
//!
//! ```text
//! ids      0 raw          the ids
//!          1 dictionary   uint distinct ids, those ids in order of appearance,
//!                         then numbers (u32): the id of each row
//! parents  0              block of numbers (u32), a code for each row:
//!                           0 absent
//!                           1 elsewhere: the next of the ids that follow
//!                           2 and more: the zigzag of (row of the parent - this row), plus 2
//!                         then the ids of parents that are elsewhere
//! ```
//!
//! Ids are random, so nothing but repetition makes them shorter: the spans of a trace share
//! its id, and most parents are spans of the same page.

use std::collections::HashMap;

use crate::bytes::{Cursor, put_block, put_uint};
use crate::hash::HashBuilder;
use crate::{Corrupt, ROWS_MAX, numbers};

const WHAT: &str = "a column of ids";

const RAW: u8 = 0;
const DICTIONARY: u8 = 1;

const PARENTS: u8 = 0;
const ABSENT: u32 = 0;
const ELSEWHERE: u32 = 1;
const DISTANCES: u32 = 2;

pub fn encode<const WIDTH: usize>(ids: &[[u8; WIDTH]]) -> Vec<u8> {
    assert!(ids.len() <= ROWS_MAX, "a page is cut before it has so many rows");
    encode_dictionary(ids).unwrap_or_else(|| {
        let mut out = vec![RAW];
        out.extend_from_slice(ids.as_flattened());
        out
    })
}

/// As a dictionary, if that saves at least a quarter of the ids: fewer would hardly pay for
/// the indexes.
fn encode_dictionary<const WIDTH: usize>(ids: &[[u8; WIDTH]]) -> Option<Vec<u8>> {
    let distinct_max = ids.len() - ids.len() / 4;
    let mut places: HashMap<[u8; WIDTH], u32, HashBuilder> = HashMap::default();
    let mut distinct: Vec<[u8; WIDTH]> = Vec::new();
    let mut indexes: Vec<u32> = Vec::with_capacity(ids.len());
    for (row, id) in ids.iter().enumerate() {
        if row > 0 && ids[row - 1] == *id {
            indexes.push(indexes[row - 1]);
            continue;
        }
        let index = *places.entry(*id).or_insert(distinct.len() as u32);
        if index as usize == distinct.len() {
            distinct.push(*id);
        }
        indexes.push(index);
        if distinct.len() >= distinct_max {
            return None;
        }
    }
    let mut out = vec![DICTIONARY];
    put_uint(&mut out, distinct.len() as u64);
    out.extend_from_slice(distinct.as_flattened());
    out.extend_from_slice(&numbers::encode(&indexes));
    (!ids.is_empty()).then_some(out)
}

pub fn decode<const WIDTH: usize>(bytes: &[u8], rows: usize) -> Result<Vec<[u8; WIDTH]>, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    match cursor.byte()? {
        RAW => read_ids(cursor.rest(), rows),
        DICTIONARY => {
            let count = cursor.count()?;
            let size = count.checked_mul(WIDTH).ok_or(Corrupt(WHAT))?;
            let distinct = read_ids(cursor.take(size)?, count)?;
            let indexes = numbers::decode::<u32>(cursor.rest(), rows)?;
            let id = |index: &u32| distinct.get(*index as usize).copied().ok_or(Corrupt(WHAT));
            indexes.iter().map(id).collect()
        }
        _ => Err(cursor.corrupt()),
    }
}

fn read_ids<const WIDTH: usize>(bytes: &[u8], rows: usize) -> Result<Vec<[u8; WIDTH]>, Corrupt> {
    let (ids, rest) = bytes.as_chunks::<WIDTH>();
    if ids.len() == rows && rest.is_empty() { Ok(ids.to_vec()) } else { Err(Corrupt(WHAT)) }
}

/// Parents beside the ids of the same rows.
pub fn encode_parents(parents: &[Option<[u8; 8]>], ids: &[[u8; 8]]) -> Vec<u8> {
    assert_eq!(parents.len(), ids.len(), "a parent, or its absence, beside each id");
    let rows: HashMap<[u8; 8], usize, HashBuilder> =
        ids.iter().enumerate().map(|(row, id)| (*id, row)).collect();
    let mut elsewhere = Vec::new();
    let mut code = |(row, parent): (usize, &Option<[u8; 8]>)| match parent {
        None => ABSENT,
        Some(parent) => match rows.get(parent) {
            Some(&of_parent) => DISTANCES + zigzag(of_parent as i32 - row as i32),
            None => {
                elsewhere.push(*parent);
                ELSEWHERE
            }
        },
    };
    let codes: Vec<u32> = parents.iter().enumerate().map(&mut code).collect();
    let mut out = vec![PARENTS];
    put_block(&mut out, &numbers::encode(&codes));
    out.extend_from_slice(elsewhere.as_flattened());
    out
}

pub fn decode_parents(bytes: &[u8], ids: &[[u8; 8]]) -> Result<Vec<Option<[u8; 8]>>, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    let codes = parent_codes(&mut cursor, ids.len())?;
    let parent = |(row, code): (usize, u32)| match code {
        ABSENT => Ok(None),
        ELSEWHERE => cursor.array().map(Some),
        distance => Ok(Some(ids[row_of_parent(row, distance, ids.len())?])),
    };
    let parents = codes.into_iter().enumerate().map(parent).collect::<Result<_, _>>()?;
    cursor.finish()?;
    Ok(parents)
}

/// The row of each parent that is in the page.
pub fn decode_parent_rows(bytes: &[u8], rows: usize) -> Result<Vec<Option<u32>>, Corrupt> {
    let codes = parent_codes(&mut Cursor::new(bytes, WHAT), rows)?;
    let row_of = |(row, code): (usize, u32)| match code {
        ABSENT | ELSEWHERE => Ok(None),
        distance => row_of_parent(row, distance, rows).map(|of_parent| Some(of_parent as u32)),
    };
    codes.into_iter().enumerate().map(row_of).collect()
}

fn parent_codes(cursor: &mut Cursor<'_>, rows: usize) -> Result<Vec<u32>, Corrupt> {
    if cursor.byte()? != PARENTS {
        return Err(cursor.corrupt());
    }
    numbers::decode::<u32>(cursor.block()?, rows)
}

fn row_of_parent(row: usize, distance: u32, rows: usize) -> Result<usize, Corrupt> {
    let of_parent = row as i64 + i64::from(unzigzag(distance - DISTANCES));
    usize::try_from(of_parent).ok().filter(|of_parent| *of_parent < rows).ok_or(Corrupt(WHAT))
}

fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<const WIDTH: usize>(ids: &[[u8; WIDTH]]) -> usize {
        let bytes = encode(ids);
        assert_eq!(decode::<WIDTH>(&bytes, ids.len()).unwrap(), ids);
        bytes.len()
    }

    fn check_parents(parents: &[Option<[u8; 8]>], ids: &[[u8; 8]]) -> usize {
        let bytes = encode_parents(parents, ids);
        assert_eq!(decode_parents(&bytes, ids).unwrap(), parents);
        let of_rows = decode_parent_rows(&bytes, ids.len()).unwrap();
        for (parent, row) in parents.iter().zip(of_rows) {
            assert_eq!(row.map(|row| ids[row as usize]), parent.filter(|parent| ids.contains(parent)));
        }
        bytes.len()
    }

    proptest! {
        #[test]
        fn any_ids_come_back(ids: Vec<[u8; 16]>, times in 1usize..4) {
            check(&ids.iter().flat_map(|id| vec![*id; times]).collect::<Vec<_>>());
            check(&ids.repeat(times));
        }

        #[test]
        fn any_parents_come_back(rows in proptest::collection::vec((0u8..40, proptest::option::of(0u8..50)), 0..60)) {
            let id = |byte: u8| [byte; 8];
            let ids: Vec<_> = rows.iter().map(|row| id(row.0)).collect();
            let parents: Vec<_> = rows.iter().map(|row| row.1.map(id)).collect();
            check_parents(&parents, &ids);
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(kind in 0u8..3, bytes: Vec<u8>, ids: Vec<[u8; 8]>) {
            let bytes = [&[kind], &bytes[..]].concat();
            drop(decode::<8>(&bytes, ids.len()));
            drop(decode_parents(&bytes, &ids));
            drop(decode_parent_rows(&bytes, ids.len()));
        }

        #[test]
        fn damaged_columns_decode_or_are_corrupt(ids in proptest::collection::vec(any::<[u8; 8]>(), 1..40), at: usize, flip in 1u8..) {
            let ids = ids.repeat(3);
            let parents: Vec<_> = ids.iter().rev().copied().map(Some).collect();
            for mut bytes in [encode(&ids), encode_parents(&parents, &ids)] {
                let at = at % bytes.len();
                bytes[at] ^= flip;
                drop(decode::<8>(&bytes, ids.len()));
                drop(decode_parents(&bytes, &ids));
            }
        }
    }

    #[test]
    fn the_id_of_a_trace_is_kept_once() {
        let ids: Vec<[u8; 16]> = (0..1000u128).map(|row| (row / 20).to_le_bytes()).collect();
        assert!(check(&ids) < 50 * 16 + 200, "{} bytes", check(&ids));
    }

    #[test]
    fn parents_in_the_page_take_a_distance() {
        let ids: Vec<[u8; 8]> = (0..1000u64).map(u64::to_le_bytes).collect();
        let parents: Vec<_> = (0..1000).map(|row| (row % 10 > 0).then(|| ids[row - 1])).collect();
        assert!(check_parents(&parents, &ids) < 200, "{} bytes", check_parents(&parents, &ids));
    }
}
