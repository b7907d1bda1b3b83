//! The index of streams that still arrive.

use std::collections::BTreeSet;
use std::ops::Range;

use model::LabelSet;
use roaring::RoaringBitmap;

use crate::bytes::{put_text, put_uint};
use crate::{Corrupt, Index, Selector};

/// Takes new streams and answers about all of them.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    base: u32,
    sets: Vec<LabelSet>,
}

impl Builder {
    /// The first stream that is pushed gets the number `base`.
    pub fn new(base: u32) -> Self {
        Self { base, sets: Vec::new() }
    }

    /// Gives the next number to a stream, which must be new: nobody looks whether it is.
    pub fn push(&mut self, labels: LabelSet) -> u32 {
        self.sets.push(labels);
        self.base + self.sets.len() as u32 - 1
    }

    pub fn len(&self) -> usize {
        self.sets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The labels of one stream, unless it is somebody else's.
    pub fn label_set(&self, id: u32) -> Option<&LabelSet> {
        self.sets.get(id.checked_sub(self.base)? as usize)
    }

    /// The bytes of a [`crate::Part`] with all streams of now.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![1];
        put_uint(&mut out, u64::from(self.base));
        put_uint(&mut out, self.sets.len() as u64);
        for set in &self.sets {
            put_uint(&mut out, set.len() as u64);
            for (name, value) in set.iter() {
                put_text(&mut out, name);
                put_text(&mut out, value);
            }
        }
        out
    }

    /// Forgets the first streams, because a part has them now. The others keep their numbers.
    pub fn drop_front(&mut self, count: usize) {
        let kept = self.sets.split_off(count.min(self.sets.len()));
        self.base += self.sets.len() as u32;
        self.sets = kept;
    }

    fn sets_of(&self, ids: &RoaringBitmap) -> impl Iterator<Item = (u32, &LabelSet)> {
        ids.iter().filter_map(|id| Some((id, self.label_set(id)?)))
    }
}

impl Index for Builder {
    fn ids(&self) -> Range<u32> {
        self.base..self.base + self.sets.len() as u32
    }

    fn select_with(&self, selector: &Selector<'_>) -> Result<RoaringBitmap, Corrupt> {
        let is_selected = |set: &LabelSet| selector.matchers().iter().all(|matcher| matcher.matches(set));
        Ok(self.ids().zip(&self.sets).filter(|(_, set)| is_selected(set)).map(|(id, _)| id).collect())
    }

    fn labels(&self, id: u32) -> Result<LabelSet, Corrupt> {
        self.label_set(id).cloned().ok_or(Corrupt("the number of a stream"))
    }

    fn visit_labels(&self, ids: &RoaringBitmap, visit: &mut dyn FnMut(u32, LabelSet)) -> Result<(), Corrupt> {
        self.sets_of(ids).for_each(|(id, set)| visit(id, set.clone()));
        Ok(())
    }

    fn label_names(&self) -> Result<Vec<String>, Corrupt> {
        Ok(sorted(self.sets.iter().flat_map(LabelSet::iter).map(|(name, _)| name)))
    }

    fn label_names_among(&self, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        Ok(sorted(self.sets_of(ids).flat_map(|(_, set)| set.iter()).map(|(name, _)| name)))
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, Corrupt> {
        Ok(sorted(self.sets.iter().filter_map(|set| set.get(name))))
    }

    fn label_values_among(&self, name: &str, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        Ok(sorted(self.sets_of(ids).filter_map(|(_, set)| set.get(name))))
    }

    fn memory_bytes(&self) -> usize {
        self.sets.iter().map(LabelSet::memory_bytes).sum()
    }
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    texts.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}
