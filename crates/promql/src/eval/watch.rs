//! The bounds of one evaluation: its time, its size, and whether anybody still waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use runtime::SharedClock;

use crate::EvalError;

#[derive(Debug)]
pub struct Watch {
    pub clock: SharedClock,
    /// On the clock's monotonic scale.
    pub deadline: Duration,
    pub timeout: Duration,
    pub samples_max: u64,
    /// Of the largest result of one node so far.
    pub size_peak: AtomicU64,
    /// Set once, when the caller has gone.
    pub given_up: AtomicBool,
}

impl Watch {
    /// Called once per node and series: often enough for any query of sane size.
    pub fn check(&self) -> Result<(), EvalError> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(EvalError::Canceled);
        }
        if self.left().is_zero() {
            return Err(EvalError::Timeout(self.timeout));
        }
        Ok(())
    }

    pub fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.clock.monotonic())
    }

    /// One node's result may be as large as what was read.
    pub fn check_size(&self, rows: usize, steps: usize) -> Result<(), EvalError> {
        let size = (rows as u64).saturating_mul(steps as u64);
        self.size_peak.fetch_max(size, Ordering::Relaxed);
        if size > self.samples_max {
            return Err(EvalError::TooManySamples { limit: self.samples_max });
        }
        Ok(())
    }
}
