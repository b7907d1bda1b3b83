//! Keeps merges from taking the disk for themselves.

use std::time::Duration;

use crate::flush;
use crate::shared::Shared;

/// A burst of so long is free.
const BURST: Duration = Duration::from_secs(1);
/// How long one wait is before it is asked again whether it has to be.
const NAP: Duration = Duration::from_millis(100);
/// With more segments than this in a day, queries suffer more from them than from merging.
const CROWDED: usize = 24;

/// Of one merge.
pub struct Pace<'a> {
    shared: &'a Shared,
    started: Duration,
    is_pressing: bool,
}

impl<'a> Pace<'a> {
    /// Of a merge in a day with so many segments.
    pub fn new(shared: &'a Shared, segments: usize) -> Self {
        Self { shared, started: shared.clock.monotonic(), is_pressing: segments > CROWDED }
    }

    /// Waits until so many bytes may have been written in all. Does not wait while a flush
    /// is due, nor when the store is closing.
    pub fn keep_to(&self, bytes: u64) {
        let rate = self.shared.settings.merge_bytes_per_second.max(1) as f64;
        let due = Duration::try_from_secs_f64(bytes as f64 / rate).unwrap_or(Duration::MAX);
        let is_early = || self.shared.clock.monotonic().saturating_sub(self.started) + BURST < due;
        while is_early() && !self.is_pressing && !self.shared.is_closing() && !flush::is_due(self.shared) {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
            runtime.block_on(self.shared.clock.sleep(NAP));
        }
    }
}
