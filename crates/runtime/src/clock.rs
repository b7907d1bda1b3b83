//! The clock that everything which waits, expires or schedules is given.
#![expect(clippy::disallowed_methods, reason = "this is the front door to the machine's clocks")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use model::Timestamp;

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Civil time: for records and for people. May jump.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start that never jumps: for deadlines and absences.
    fn monotonic(&self) -> Duration;

    async fn sleep(&self, duration: Duration);
}

pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub fn shared() -> SharedClock {
        Arc::new(Self { start: Instant::now() })
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock set before 1970 reads as 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Calls `tick` at once and then every `interval`, until it is dropped. A tick that takes
/// longer than the interval delays the next one; ticks are never run twice to catch up.
pub async fn every<F, Fut>(clock: &dyn Clock, interval: Duration, mut tick: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    loop {
        let started = clock.monotonic();
        tick().await;
        let spent = clock.monotonic().saturating_sub(started);
        clock.sleep(interval.saturating_sub(spent)).await;
    }
}
