//! A value that may be a little old.

use std::time::Duration;

use runtime::SharedClock;
use tokio::sync::Mutex;

/// Computes a value at most once in a while. Callers that come during a computation wait
/// for it and share its result.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    keep: Duration,
    /// With the time at which it was computed. Locked during the computation, on purpose.
    slot: Mutex<Option<(Duration, T)>>,
}

impl<T: Clone> Kept<T> {
    pub fn for_at_most(keep: Duration) -> Self {
        Self { keep, slot: Mutex::new(None) }
    }

    pub async fn get<F: Future<Output = T>>(&self, clock: &SharedClock, compute: impl FnOnce() -> F) -> T {
        let compute = || async { Ok::<T, std::convert::Infallible>(compute().await) };
        match self.try_get(clock, compute).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// A failure is not kept: the next caller tries again.
    pub async fn try_get<E, F: Future<Output = Result<T, E>>>(
        &self,
        clock: &SharedClock,
        compute: impl FnOnce() -> F,
    ) -> Result<T, E> {
        let mut slot = self.slot.lock().await;
        let now = clock.monotonic();
        if let Some((at, value)) = slot.as_ref()
            && now.saturating_sub(*at) < self.keep
        {
            return Ok(value.clone());
        }
        let value = compute().await?;
        *slot = Some((now, value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use testkit::FakeClock;

    use super::*;

    #[tokio::test]
    async fn a_value_is_computed_again_when_it_is_old() {
        let fake = FakeClock::new();
        let clock: SharedClock = Arc::new(fake.clone());
        let kept = Kept::for_at_most(Duration::from_secs(2));
        let computed = AtomicU32::new(0);
        let next = || async { computed.fetch_add(1, Ordering::SeqCst) };
        assert_eq!((kept.get(&clock, next).await, kept.get(&clock, next).await), (0, 0));
        fake.advance(Duration::from_secs(2)).await;
        assert_eq!(kept.get(&clock, next).await, 1);
    }
}
