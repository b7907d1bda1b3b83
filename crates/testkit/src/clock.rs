//! A clock that moves when the test says so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;
use parking_lot::Mutex;
use runtime::Clock;
use tokio::sync::oneshot;

/// Starts at 2026-01-01T00:00:00Z. Sleepers wake in order of their time.
#[derive(Clone, Debug, Default)]
pub struct FakeClock {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    elapsed: Duration,
    sleepers: Vec<(Duration, oneshot::Sender<()>)>,
}

/// 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_secs(1_767_225_600);

impl FakeClock {
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `duration` pass, waking sleepers on the way and letting woken tasks run before
    /// time goes on. Made for `#[tokio::test]` with its single thread.
    pub async fn advance(&self, duration: Duration) {
        settle().await;
        let end = self.inner.lock().elapsed + duration;
        while let Some(sleeper) = self.next_sleeper(end) {
            // A sleeper that was dropped needs no waking.
            let _ = sleeper.send(());
            settle().await;
        }
        self.inner.lock().elapsed = end;
        settle().await;
    }

    fn next_sleeper(&self, end: Duration) -> Option<oneshot::Sender<()>> {
        let mut inner = self.inner.lock();
        let (index, at) = inner
            .sleepers
            .iter()
            .enumerate()
            .map(|(index, (at, _))| (index, *at))
            .min_by_key(|(_, at)| *at)
            .filter(|(_, at)| *at <= end)?;
        inner.elapsed = inner.elapsed.max(at);
        Some(inner.sleepers.remove(index).1)
    }
}

/// Lets every task that can run do so. Yields often enough for chains of channels.
async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        START + self.inner.lock().elapsed
    }

    fn monotonic(&self) -> Duration {
        self.inner.lock().elapsed
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return tokio::task::yield_now().await;
        }
        let (sender, receiver) = oneshot::channel();
        {
            let mut inner = self.inner.lock();
            let at = inner.elapsed + duration;
            // Those who went away need no waking.
            inner.sleepers.retain(|(_, sender)| !sender.is_closed());
            inner.sleepers.push((at, sender));
        }
        // The clock was dropped: time no longer passes for this sleeper.
        if receiver.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
