//! Maps whose keys are hashes already, such as [`LabelSet::hash`](crate::LabelSet::hash).

use std::hash::{BuildHasherDefault, Hasher};

/// For `HashMap<u128, _, KeysAreHashes>`: a key is not hashed again.
pub type KeysAreHashes = BuildHasherDefault<TakeHash>;

#[derive(Debug, Default)]
pub struct TakeHash(u64);

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
