//! What an index answers.

use std::ops::Range;

use model::{LabelSet, Matcher};
use roaring::RoaringBitmap;

use crate::{Corrupt, Selector};

/// Knows the labels of a run of streams.
///
/// Everything may turn out to be corrupt: a part looks at its bytes when it is asked about
/// them, not before. Texts come sorted, each once.
pub trait Index {
    /// The numbers of its streams.
    fn ids(&self) -> Range<u32>;

    /// The streams that all matchers select.
    fn select_with(&self, selector: &Selector<'_>) -> Result<RoaringBitmap, Corrupt>;

    /// As [`Index::select_with`], for who asks one index only.
    fn select(&self, matchers: &[Matcher]) -> Result<RoaringBitmap, Corrupt> {
        self.select_with(&Selector::new(matchers))
    }

    /// A number beyond [`Index::ids`] is corrupt, like any other promise of the bytes that
    /// does not hold.
    fn labels(&self, id: u32) -> Result<LabelSet, Corrupt>;

    /// The labels of many streams, in order of their numbers: cheaper than one by one.
    fn visit_labels(&self, ids: &RoaringBitmap, visit: &mut dyn FnMut(u32, LabelSet)) -> Result<(), Corrupt>;

    fn label_names(&self) -> Result<Vec<String>, Corrupt>;

    /// The names that occur among these streams.
    fn label_names_among(&self, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt>;

    fn label_values(&self, name: &str) -> Result<Vec<String>, Corrupt>;

    /// The values of `name` that occur among these streams.
    fn label_values_among(&self, name: &str, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt>;

    /// About what it takes in memory.
    fn memory_bytes(&self) -> usize;
}
