//! "Surely not in this page": a set of hashes in about nine bits each.
//!
//! ```text
//! 0 nothing      the set is empty
//! 1 everything   the set could not be built; it may hold anything
//! 2 few          for each key 2 bytes: the top 16 bits of its hash, ascending
//! 3 fuse         8 bytes seed, 4 bytes segment length, 4 bytes length of all segments
//!                but the last two, little endian; then a byte for each fingerprint
//! ```
//!
//! `fuse` is a binary fuse filter with fingerprints of 8 bits (Graf and Lemire, 2022): of
//! 256 absent keys, one is said to be there. `few` errs for one of 65,536 absent keys and
//! key. Hashes are XXH3 of 64 bits, with seeds of ours that the format fixes: see
//! [`hash_word`] and [`hash_pair`].

use xorf::{BinaryFuse8, BinaryFuse8Ref, Filter as _, FilterRef as _};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Corrupt;
use crate::bytes::Cursor;

const WHAT: &str = "a filter";

const NOTHING: u8 = 0;
const EVERYTHING: u8 = 1;
const FEW: u8 = 2;
const FUSE: u8 = 3;

/// Below, a fuse filter has more spare room than content.
const FEW_MAX: usize = 32;

/// Any constant does, but it is part of the format.
const WORD_SEED: u64 = 0x776f_7264;

/// The hash of a word of a text. Who cuts texts into words says what one is.
pub fn hash_word(word: &str) -> u64 {
    xxh3_64_with_seed(word.as_bytes(), WORD_SEED)
}

/// The hash of "this field has this value". The value is what makes two fields differ in
/// practice; the hash of the field seeds it, so that no separator has to be chosen.
pub fn hash_pair(field: &str, value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, xxh3_64_with_seed(field.as_bytes(), 0))
}

/// Builds the filter of these hashes, in any order, with repetitions.
pub fn encode(mut hashes: Vec<u64>) -> Vec<u8> {
    hashes.sort_unstable();
    hashes.dedup();
    if hashes.is_empty() {
        return vec![NOTHING];
    }
    if hashes.len() <= FEW_MAX {
        let mut out = vec![FEW];
        hashes.iter().for_each(|&hash| out.extend_from_slice(&top(hash).to_le_bytes()));
        return out;
    }
    // Building fails with a chance of about 2^-1000 for distinct keys, but it may.
    let Ok(fuse) = BinaryFuse8::try_from(&hashes) else { return vec![EVERYTHING] };
    let mut out = vec![FUSE];
    out.extend_from_slice(&fuse.descriptor.seed.to_le_bytes());
    out.extend_from_slice(&fuse.descriptor.segment_length.to_le_bytes());
    out.extend_from_slice(&fuse.descriptor.segment_count_length.to_le_bytes());
    out.extend_from_slice(&fuse.fingerprints);
    out
}

/// A filter that has been read, ready to be asked.
#[derive(Clone, Debug)]
pub struct Filter<'a>(Kind<'a>);

#[derive(Clone, Debug)]
enum Kind<'a> {
    Nothing,
    Everything,
    Few(Vec<u16>),
    Fuse(BinaryFuse8Ref<'a>),
}

impl<'a> Filter<'a> {
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        let kind = match cursor.byte()? {
            NOTHING => Kind::Nothing,
            EVERYTHING => Kind::Everything,
            FEW => return Ok(Self(Kind::Few(read_few(cursor)?))),
            FUSE => return Ok(Self(Kind::Fuse(read_fuse(cursor)?))),
            _ => return Err(cursor.corrupt()),
        };
        cursor.finish()?;
        Ok(Self(kind))
    }

    /// `false` is certain, `true` is likely.
    pub fn may_contain(&self, hash: u64) -> bool {
        match &self.0 {
            Kind::Nothing => false,
            Kind::Everything => true,
            Kind::Few(few) => few.binary_search(&top(hash)).is_ok(),
            Kind::Fuse(fuse) => fuse.contains(&hash),
        }
    }
}

fn top(hash: u64) -> u16 {
    (hash >> 48) as u16
}

fn read_few(mut cursor: Cursor<'_>) -> Result<Vec<u16>, Corrupt> {
    let mut few = Vec::new();
    while let Ok(bytes) = cursor.array() {
        few.push(u16::from_le_bytes(bytes));
    }
    if !few.is_sorted() {
        return Err(cursor.corrupt());
    }
    cursor.finish()?;
    Ok(few)
}

/// A key is looked up at three places, in neighbouring segments of which the first starts
/// within `segment_count_length`. What is checked here keeps them within the fingerprints.
fn read_fuse(mut cursor: Cursor<'_>) -> Result<BinaryFuse8Ref<'_>, Corrupt> {
    let seed: [u8; 8] = cursor.array()?;
    let segment_length = cursor.half()?;
    let segment_count_length = cursor.half()?;
    let corrupt = cursor.corrupt();
    let fingerprints = cursor.rest();
    let expected = u64::from(segment_count_length) + 2 * u64::from(segment_length);
    let is_sound = segment_length.is_power_of_two()
        && segment_count_length > 0
        && segment_count_length.is_multiple_of(segment_length)
        && fingerprints.len() as u64 == expected
        && u32::try_from(expected).is_ok();
    if !is_sound {
        return Err(corrupt);
    }
    // The layout that `xorf` takes a descriptor in: what we keep, and the mask.
    let mut descriptor = [0; 20];
    descriptor[..8].copy_from_slice(&seed);
    descriptor[8..12].copy_from_slice(&segment_length.to_le_bytes());
    descriptor[12..16].copy_from_slice(&(segment_length - 1).to_le_bytes());
    descriptor[16..].copy_from_slice(&segment_count_length.to_le_bytes());
    Ok(BinaryFuse8Ref::from_dma(&descriptor, fingerprints))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(hashes: Vec<u64>, repeated: u8) {
            let mut all = hashes.clone();
            all.extend(hashes.iter().take(repeated.into()));
            let bytes = encode(all);
            let filter = Filter::decode(&bytes).unwrap();
            prop_assert!(hashes.iter().all(|&hash| filter.may_contain(hash)));
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(kind in 0u8..5, bytes: Vec<u8>, hash: u64) {
            if let Ok(filter) = Filter::decode(&[&[kind], &bytes[..]].concat()) {
                filter.may_contain(hash);
            }
        }

        #[test]
        fn any_sound_sizes_can_be_asked(seed: u64, log in 0u32..6, segments in 1usize..9, hashes: [u64; 32]) {
            let segment = 1usize << log;
            let mut bytes = vec![FUSE];
            bytes.extend(seed.to_le_bytes());
            bytes.extend((segment as u32).to_le_bytes());
            bytes.extend(((segment * segments) as u32).to_le_bytes());
            bytes.extend(vec![0; segment * (segments + 2)]);
            let filter = Filter::decode(&bytes).unwrap();
            hashes.iter().for_each(|&hash| { filter.may_contain(hash); });
        }
    }

    #[test]
    fn a_large_filter_takes_about_nine_bits_a_key_and_errs_for_one_in_256() {
        let hash = |key: u32| hash_pair("trace_id", &key.to_le_bytes());
        let bytes = encode((0..50_000).map(hash).collect());
        assert!(bytes.len() * 8 < 50_000 * 10, "{} bytes", bytes.len());
        let filter = Filter::decode(&bytes).unwrap();
        let wrong = (50_000..150_000).filter(|&key| filter.may_contain(hash(key))).count();
        assert!(wrong < 100_000 / 200, "{wrong} of 100,000");
    }

    #[test]
    fn fields_and_values_do_not_run_into_each_other() {
        assert_ne!(hash_pair("ab", b"c"), hash_pair("a", b"bc"));
        assert_ne!(hash_pair("word", b"x"), hash_word("x"));
    }
}
