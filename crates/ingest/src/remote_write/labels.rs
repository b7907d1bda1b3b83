//! Series by the bytes of their labels.

use std::collections::HashMap;

use model::{KeysAreHashes, LabelSet, METRIC_NAME};
use parking_lot::RwLock;

/// What is wrong with the labels of one series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    #[error("a label is not UTF-8")]
    NotText,
    #[error("a label has no name")]
    NoName,
    #[error("the label `{0}` is there twice")]
    Twice(String),
    #[error("there is no label `__name__`")]
    NoMetric,
    #[error("a label refers to a symbol that is not there")]
    NoSymbol,
}

/// Label sets by the XXH3 of the bytes that they were made of. When there are too many, all
/// are forgotten: the next request of each sender brings its own back.
#[derive(Debug)]
pub struct KnownSeries {
    most: usize,
    known: RwLock<HashMap<u128, LabelSet, KeysAreHashes>>,
}

impl KnownSeries {
    pub fn new(most: usize) -> Self {
        Self { most, known: RwLock::default() }
    }

    /// The labels that `bytes` stand for, made by `read` when they are new.
    pub fn find<E>(&self, bytes: &[u8], read: impl FnOnce() -> Result<LabelSet, E>) -> Result<LabelSet, E> {
        self.find_hashed(xxhash_rust::xxh3::xxh3_128(bytes), read)
    }

    pub fn find_hashed<E>(
        &self,
        hash: u128,
        read: impl FnOnce() -> Result<LabelSet, E>,
    ) -> Result<LabelSet, E> {
        if let Some(labels) = self.known.read().get(&hash) {
            return Ok(labels.clone());
        }
        let labels = read()?;
        let mut known = self.known.write();
        if known.len() >= self.most {
            known.clear();
        }
        known.insert(hash, labels.clone());
        Ok(labels)
    }
}

/// Senders sort by name; those who do not are sorted. Labels without a value are none.
pub fn label_set(mut pairs: Vec<(&str, &str)>) -> Result<LabelSet, LabelError> {
    if pairs.iter().any(|(name, _)| name.is_empty()) {
        return Err(LabelError::NoName);
    }
    if !pairs.is_sorted() {
        pairs.sort_unstable();
    }
    if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(LabelError::Twice(pair[0].0.to_owned()));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    if !pairs.iter().any(|(name, _)| *name == METRIC_NAME) {
        return Err(LabelError::NoMetric);
    }
    Ok(LabelSet::from_sorted(pairs.iter().copied()))
}

/// As [`label_set`], for labels of exemplars: those need no name of a metric.
pub fn exemplar_labels(pairs: Vec<(&str, &str)>) -> Result<LabelSet, LabelError> {
    if pairs.iter().any(|(name, _)| name.is_empty()) {
        return Err(LabelError::NoName);
    }
    Ok(LabelSet::new(pairs))
}
