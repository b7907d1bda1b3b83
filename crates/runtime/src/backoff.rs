//! Growing pauses between attempts.

use std::time::Duration;

/// Doubles from `first` to `max`; each pause is drawn from the upper half of its step, so
/// that many clients do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    attempt: u32,
}

impl Backoff {
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, attempt: 0 }
    }

    /// The pause before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        let step = self.first.saturating_mul(1 << self.attempt.min(20)).min(self.max);
        self.attempt = self.attempt.saturating_add(1);
        step.mul_f64(0.5 + 0.5 * crate::random::fraction())
    }

    /// After a success: begin again with the first pause.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    pub fn attempts(&self) -> u32 {
        self.attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
        for step_ms in [500, 1000, 2000, 4000, 8000, 15000, 15000] {
            let pause = backoff.next_pause().as_millis();
            assert!((step_ms / 2..=step_ms).contains(&pause), "{pause} is not within {step_ms}");
        }
        backoff.reset();
        assert!(backoff.next_pause() <= Duration::from_millis(500));
    }
}
