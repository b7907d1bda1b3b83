//! Samples of many series in memory, appended in any order of series.
//!
//! Each series is a chain of small chunks that lie in large slabs. A chunk wastes at most
//! fifteen places, a slab is never moved when another is needed, and nothing is freed
//! before all of it is.

use model::{LabelSet, METRIC_NAME, Sample, TimeRange};

use crate::rows::{Rows, SampleRows, StreamKey};

/// Long enough that the link costs little, short enough that fifty thousand series with
/// one sample each take 13 MB.
const CHUNK_ROWS: usize = 16;
const SLAB_CHUNKS: usize = 1024;
const NONE: u32 = u32::MAX;

struct Chunk {
    rows: [Sample; CHUNK_ROWS],
    next: u32,
}

/// Where the samples of one series are.
#[derive(Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
    rows: u32,
    /// Of the series: a hash of its metric's name.
    group: u32,
}

/// Samples by the dense number of their series.
#[derive(Default)]
pub struct SampleChunks {
    /// By the number of the series; those without samples are there too.
    chains: Vec<Chain>,
    slabs: Vec<Vec<Chunk>>,
    chunk_count: u32,
    rows: usize,
}

impl SampleChunks {
    /// Series of one metric stand together in segments.
    pub fn extend(&mut self, series: u32, labels: &LabelSet, samples: Vec<Sample>) {
        let index = series as usize;
        if index >= self.chains.len() {
            self.chains.resize(index + 1, Chain { first: NONE, last: NONE, rows: 0, group: 0 });
        }
        if self.chains[index].rows == 0 {
            self.chains[index].group = columns::filter::hash_word(labels.value(METRIC_NAME)) as u32;
        }
        samples.into_iter().for_each(|sample| self.push(index, sample));
    }

    fn push(&mut self, index: usize, sample: Sample) {
        let mut chain = self.chains[index];
        let place = chain.rows as usize % CHUNK_ROWS;
        if place == 0 {
            let fresh = self.add_chunk(sample);
            match chain.last {
                NONE => chain.first = fresh,
                last => self.chunk_mut(last).next = fresh,
            }
            chain.last = fresh;
        } else {
            self.chunk_mut(chain.last).rows[place] = sample;
        }
        chain.rows += 1;
        self.chains[index] = chain;
        self.rows += 1;
    }

    fn add_chunk(&mut self, first: Sample) -> u32 {
        if (self.chunk_count as usize).is_multiple_of(SLAB_CHUNKS) {
            self.slabs.push(Vec::with_capacity(SLAB_CHUNKS));
        }
        let slab = self.slabs.last_mut().expect("a slab was added when the last one was full");
        slab.push(Chunk { rows: [first; CHUNK_ROWS], next: NONE });
        self.chunk_count += 1;
        self.chunk_count - 1
    }

    fn chunk(&self, number: u32) -> &Chunk {
        &self.slabs[number as usize / SLAB_CHUNKS][number as usize % SLAB_CHUNKS]
    }

    fn chunk_mut(&mut self, number: u32) -> &mut Chunk {
        &mut self.slabs[number as usize / SLAB_CHUNKS][number as usize % SLAB_CHUNKS]
    }

    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// What the slabs and chains take.
    pub fn memory_bytes(&self) -> usize {
        self.slabs.len() * SLAB_CHUNKS * size_of::<Chunk>() + self.chains.len() * size_of::<Chain>()
    }

    /// Keys of the series that have samples, ascending by number.
    pub fn keys(&self) -> impl Iterator<Item = StreamKey> {
        let chains = (0..).zip(&self.chains).filter(|(_, chain)| chain.rows > 0);
        chains.map(|(number, chain)| StreamKey::new(number, chain.group))
    }

    /// The samples of a series within the range, in order of time.
    pub fn read(&self, series: u32, range: TimeRange) -> SampleRows {
        let rows = self.chains.get(series as usize).map_or(0, |chain| chain.rows as usize);
        let mut found = SampleRows { times: Vec::with_capacity(rows), values: Vec::with_capacity(rows) };
        for sample in self.runs(series).flatten().filter(|sample| range.contains(sample.at)) {
            found.push(*sample);
        }
        found.settle();
        found
    }

    /// Looks no further than the first.
    pub fn has_rows(&self, series: u32, range: TimeRange) -> bool {
        self.runs(series).flatten().any(|sample| range.contains(sample.at))
    }

    /// The samples of a series, chunk by chunk.
    fn runs(&self, series: u32) -> impl Iterator<Item = &[Sample]> {
        let chain = self.chains.get(series as usize);
        let (mut number, mut left) = chain.map_or((0, 0), |chain| (chain.first, chain.rows as usize));
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let chunk = self.chunk(number);
            let here = left.min(CHUNK_ROWS);
            (number, left) = (chunk.next, left - here);
            Some(&chunk.rows[..here])
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_series_keeps_its_own_samples(pushed in proptest::collection::vec((0..40u32, -500..500i64), 0..3000)) {
            let mut chunks = SampleChunks::default();
            let mut expected: BTreeMap<u32, BTreeMap<i64, f64>> = BTreeMap::new();
            for (order, (series, at)) in pushed.iter().enumerate() {
                let value = order as f64;
                let labels = LabelSet::metric("m", [("n", series.to_string())]);
                chunks.extend(*series, &labels, vec![Sample { at: Timestamp::from_nanos(*at), value }]);
                expected.entry(*series).or_default().insert(*at, value);
            }
            prop_assert_eq!(chunks.row_count(), pushed.len());
            let series: Vec<u32> = chunks.keys().map(StreamKey::stream).collect();
            prop_assert_eq!(series, expected.keys().copied().collect::<Vec<_>>());
            for series in 0..41 {
                let wanted = expected.get(&series).cloned().unwrap_or_default();
                let found = chunks.read(series, TimeRange::ALL);
                prop_assert_eq!(found.times, wanted.keys().copied().collect::<Vec<_>>());
                prop_assert_eq!(found.values, wanted.values().copied().collect::<Vec<_>>());
                let range = TimeRange::new(Timestamp::from_nanos(-10), Timestamp::from_nanos(10));
                prop_assert_eq!(chunks.has_rows(series, range), wanted.range(-10..=10).next().is_some());
            }
        }
    }
}
