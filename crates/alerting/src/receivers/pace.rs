//! How fast a receiver may be spoken to. Pure.

use std::time::Duration;

/// A bucket of tokens: one more every `every`, at most `burst` of them.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    every: Duration,
    burst: u32,
    /// When the bucket will be full again.
    full_at: Duration,
}

impl Pace {
    pub(crate) const fn new(every: Duration, burst: u32) -> Self {
        Self { every, burst, full_at: Duration::ZERO }
    }

    /// Takes a token and returns how long to wait before using it. `now` is monotonic.
    pub(crate) fn take(&mut self, now: Duration) -> Duration {
        let tolerance = self.every * self.burst.saturating_sub(1);
        let start = self.full_at.max(now);
        self.full_at = start + self.every;
        start.saturating_sub(tolerance).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_ms(pace: &mut Pace, now_ms: u64, count: usize) -> Vec<u128> {
        (0..count).map(|_| pace.take(Duration::from_millis(now_ms)).as_millis()).collect()
    }

    #[test]
    fn one_a_second_is_one_a_second() {
        let mut pace = Pace::new(Duration::from_secs(1), 1);
        assert_eq!(waits_ms(&mut pace, 0, 3), [0, 1000, 2000]);
        assert_eq!(waits_ms(&mut pace, 60_000, 2), [0, 1000]);
    }

    #[test]
    fn a_burst_goes_at_once() {
        let mut pace = Pace::new(Duration::from_secs(1), 3);
        assert_eq!(waits_ms(&mut pace, 0, 5), [0, 0, 0, 1000, 2000]);
    }
}
