//! Texts as sequences of words that come again and again.
//!
//! ```text
//! uint words, block of them as a `joined` column, the most frequent first
//! block numbers (u32)      how many words each row has
//! uint, numbers (u32)      all words of all rows in order: how many, and their places
//! ```
//!
//! Words are what stands between single spaces, and may be empty. General compression spells
//! a word that it has seen with a distance and a length; its rank among all words takes half
//! of the bits.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::bytes::{Cursor, UNPACKED_BYTES_MAX, put_block, put_uint};
use crate::hash::HashBuilder;
use crate::{Corrupt, ROWS_MAX, numbers};

use super::{Strings, WHAT, decode_distinct, encode_joined};

/// A word pays for its place in the dictionary when it has come so often, on average.
const USES_MIN: usize = 6;

/// The column, if words come often enough.
pub(super) fn encode(rows: &[&str]) -> Option<Vec<u8>> {
    let mut places: HashMap<&str, u32, HashBuilder> = HashMap::default();
    let mut words: Vec<(&str, u32)> = Vec::new();
    let mut uses: Vec<u32> = Vec::new();
    let mut lengths = Vec::with_capacity(rows.len());
    for row in rows {
        let before = uses.len();
        for word in row.split(' ') {
            let place = *places.entry(word).or_insert_with(|| {
                words.push((word, 0));
                words.len() as u32 - 1
            });
            words[place as usize].1 += 1;
            uses.push(place);
        }
        lengths.push((uses.len() - before) as u32);
    }
    if uses.len() < USES_MIN * words.len() || uses.len() > ROWS_MAX {
        return None;
    }
    let mut by_rank: Vec<u32> = (0..words.len() as u32).collect();
    by_rank.sort_by_key(|&place| Reverse(words[place as usize].1));
    let mut rank_of = vec![0u32; words.len()];
    (0..).zip(&by_rank).for_each(|(rank, &place)| rank_of[place as usize] = rank);
    uses.iter_mut().for_each(|place| *place = rank_of[*place as usize]);
    let dictionary: Vec<&str> = by_rank.iter().map(|&place| words[place as usize].0).collect();
    let mut out = Vec::new();
    put_uint(&mut out, dictionary.len() as u64);
    put_block(&mut out, &encode_joined(&dictionary));
    put_block(&mut out, &numbers::encode(&lengths));
    put_uint(&mut out, uses.len() as u64);
    out.extend_from_slice(&numbers::encode(&uses));
    Some(out)
}

pub(super) fn decode(mut cursor: Cursor<'_>, rows: usize) -> Result<Strings, Corrupt> {
    let count = cursor.at_most(ROWS_MAX)?;
    let dictionary = cursor.block()?;
    // Only a joined column: another kind here could nest without end.
    if dictionary.first() != Some(&super::JOINED) {
        return Err(cursor.corrupt());
    }
    let words = decode_distinct(dictionary, count, &|_| true)?;
    let lengths = numbers::decode::<u32>(cursor.block()?, rows)?;
    let uses = cursor.at_most(ROWS_MAX)?;
    let uses = numbers::decode::<u32>(cursor.rest(), uses)?;
    if lengths.iter().map(|&length| u64::from(length)).sum::<u64>() != uses.len() as u64 {
        return Err(Corrupt(WHAT));
    }
    let mut strings = Strings::default();
    let mut uses = uses.into_iter();
    for length in lengths {
        for (number, place) in uses.by_ref().take(length as usize).enumerate() {
            if place as usize >= count {
                return Err(Corrupt(WHAT));
            }
            if number > 0 {
                strings.text.push(' ');
            }
            strings.text.push_str(words.get(place as usize));
            // A long word may come in every row, so that bytes alone bound nothing.
            if strings.text.len() > UNPACKED_BYTES_MAX {
                return Err(Corrupt(WHAT));
            }
        }
        strings.ends.push(strings.text.len() as u32);
    }
    Ok(strings)
}
