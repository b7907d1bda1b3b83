//! What a query took: time by phase, and samples.

use std::time::Duration;

use model::Timestamp;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Waiting for other queries to end.
    pub queue: Duration,
    /// Planning, and reading samples from the store.
    pub preparation: Duration,
    /// Computing, ordering of the answer included.
    pub evaluation: Duration,
    /// Samples that selectors looked at, those that several steps look at counted once per
    /// step. A histogram counts as many as it has buckets, and one. Samples within a
    /// subquery count where its range is looked at.
    pub samples: u64,
    /// `samples` by step of the query.
    pub samples_per_step: Vec<(Timestamp, u64)>,
    /// Samples and values that were held in memory at once: all that were read, and the
    /// largest intermediate result.
    pub samples_peak: u64,
}
