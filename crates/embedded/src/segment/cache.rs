//! Decoded indexes, the last used ones, within a bound.

use std::sync::Arc;

use parking_lot::Mutex;

use super::index::Index;

/// Enough for the indexes of some hundred thousand streams, small beside the memtable.
const CACHE_BYTES_MAX: usize = 32 << 20;

#[derive(Debug, Default)]
pub struct IndexCache {
    /// Numbers of segments and their indexes, the last used one at the end. Held only to
    /// look up or to change; decoding happens outside.
    kept: Mutex<Vec<(u64, Arc<Index>)>>,
}

impl IndexCache {
    pub fn get(&self, segment: u64) -> Option<Arc<Index>> {
        let mut kept = self.kept.lock();
        let position = kept.iter().position(|(number, _)| *number == segment)?;
        let entry = kept.remove(position);
        let index = entry.1.clone();
        kept.push(entry);
        Some(index)
    }

    pub fn put(&self, segment: u64, index: Arc<Index>) {
        let mut kept = self.kept.lock();
        kept.retain(|(number, _)| *number != segment);
        kept.push((segment, index));
        let mut bytes: usize = kept.iter().map(|(_, index)| index.memory_bytes()).sum();
        while bytes > CACHE_BYTES_MAX {
            let (_, oldest) = kept.remove(0);
            bytes -= oldest.memory_bytes();
        }
    }
}
