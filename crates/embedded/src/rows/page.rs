//! A page on its way to or from a file, and the filter that saves reading it.

use columns::Corrupt;
use columns::filter::Filter;

/// Rows of many streams as bytes, and what is surely not among them.
pub struct Page {
    pub bytes: Vec<u8>,
    /// Empty when the table keeps none.
    pub filter: Vec<u8>,
}

/// What rows must contain to be of interest, as hashes: all of them.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    hashes: Vec<u64>,
}

impl Probe {
    pub fn new(hashes: Vec<u64>) -> Self {
        Self { hashes }
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether a page with this filter may hold a row of interest.
    pub fn may_match(&self, filter: &[u8]) -> Result<bool, Corrupt> {
        let filter = Filter::decode(filter)?;
        Ok(self.hashes.iter().all(|hash| filter.may_contain(*hash)))
    }
}
