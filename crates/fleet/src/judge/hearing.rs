//! How long a stream was listened to.

use std::time::Duration;

/// Time during which a stream was proven alive.
///
/// It grows from byte to byte of one connection, so it stands still while the connection is
/// down, hangs, or has merely not proven yet that it does not. Silence of an agent is the
/// growth since its last progress: a dead transport never makes anybody silent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hearing {
    total: Duration,
    /// The last byte of the present connection, by the monotonic clock.
    last: Option<Duration>,
}

impl Hearing {
    /// A byte came.
    pub fn byte(&mut self, mono: Duration) {
        self.total += mono.saturating_sub(self.last.unwrap_or(mono));
        self.last = Some(mono);
    }

    /// The connection ended.
    pub fn lost(&mut self) {
        self.last = None;
    }

    pub fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_a_connection_is_not_listening() {
        let mut hearing = Hearing::default();
        for second in [0, 10, 20] {
            hearing.byte(Duration::from_secs(second));
        }
        hearing.lost();
        hearing.byte(Duration::from_secs(500));
        hearing.byte(Duration::from_secs(503));
        assert_eq!(hearing.total(), Duration::from_secs(23));
    }
}
