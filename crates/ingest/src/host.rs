//! Samples this machine and this process at an interval, under the names that
//! node_exporter and the Prometheus client libraries use.

mod metrics_of;

use std::sync::Arc;
use std::time::Duration;

use host::HostSnapshot;
use runtime::{SharedClock, Shutdown, TaskError};
use storage::Appender;
use tokio::sync::watch;

use crate::backlog::Backlog;

pub use metrics_of::batch_of;

/// The newest snapshots kept while the store cannot take them: an hour at 30 s.
const SNAPSHOTS_WAITING_MAX: usize = 120;

/// Less makes the counters too coarse to be worth their room.
pub const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Rates need two readings. The second one comes this soon, so that nobody looks at a page
/// without them for a whole interval.
const SECOND_AFTER: Duration = Duration::from_secs(1);

/// The latest snapshot, once there is one.
pub type Latest = watch::Sender<Option<Arc<HostSnapshot>>>;

/// What the sampler works with. `latest` outlives a restart of the sampler.
#[derive(Clone)]
pub struct HostParts {
    pub store: Arc<dyn Appender>,
    pub clock: SharedClock,
    pub latest: Latest,
}

impl std::fmt::Debug for HostParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostParts").finish_non_exhaustive()
    }
}

/// Samples at once, again after a second when there was no snapshot before, and then every
/// `interval` (at least [`INTERVAL_MIN`]) until the shutdown begins. Made to be a supervised task.
pub async fn run(interval: Duration, parts: HostParts, shutdown: Shutdown) -> Result<(), TaskError> {
    let interval = interval.max(INTERVAL_MIN);
    let mut backlog = Backlog::new("host", SNAPSHOTS_WAITING_MAX);
    loop {
        let is_first = parts.latest.borrow().is_none();
        let pause = if is_first { SECOND_AFTER } else { interval };
        let started = parts.clock.monotonic();
        let round = sample(&parts, &mut backlog);
        match shutdown.or(round).await {
            None => return Ok(()),
            Some(result) => result?,
        }
        let spent = parts.clock.monotonic().saturating_sub(started);
        if shutdown.or(parts.clock.sleep(pause.saturating_sub(spent))).await.is_none() {
            return Ok(());
        }
    }
}

async fn sample(parts: &HostParts, backlog: &mut Backlog) -> Result<(), TaskError> {
    let snapshot = Arc::new(look(parts).await?);
    for fault in &snapshot.faults {
        tracing::warn!(collector = fault.collector, reason = fault.reason, "host collector failed");
        metrics::counter!("watchkeeper_host_collector_errors_total", "collector" => fault.collector)
            .increment(1);
    }
    backlog.push(batch_of(&snapshot));
    parts.latest.send_replace(Some(snapshot));
    backlog.drain(parts.store.as_ref()).await;
    Ok(())
}

/// Off the event loop: a disk that does not answer must not hold up anything else.
async fn look(parts: &HostParts) -> Result<HostSnapshot, tokio::task::JoinError> {
    let previous = parts.latest.borrow().clone();
    let (now, monotonic) = (parts.clock.now(), parts.clock.monotonic());
    tokio::task::spawn_blocking(move || host::read(previous.as_deref(), now, monotonic)).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use model::{Matcher, TimeRange};
    use storage::{QueryLimits, SampleReader};
    use testkit::{FakeClock, MemoryStore};

    use super::*;

    #[tokio::test]
    async fn rates_are_there_after_a_second_and_a_sample_after_each_interval() {
        let clock = FakeClock::new();
        let store = Arc::new(MemoryStore::new());
        let (latest, mut seen) = watch::channel(None);
        let parts = HostParts { store: store.clone(), clock: Arc::new(clock.clone()), latest };
        let shutdown = Shutdown::new();
        let sampler = run(Duration::from_secs(30), parts, shutdown.clone());
        let story = async {
            seen.changed().await.unwrap();
            assert!(seen.borrow_and_update().as_ref().unwrap().cpu_usage.is_none());
            clock.advance(Duration::from_secs(1)).await;
            seen.changed().await.unwrap();
            let second = seen.borrow_and_update().clone().unwrap();
            assert!(second.own.as_ref().unwrap().cpu_percent.is_some());
            clock.advance(Duration::from_secs(29)).await;
            assert!(!seen.has_changed().unwrap(), "the interval is kept from here on");
            clock.advance(Duration::from_secs(1)).await;
            seen.changed().await.unwrap();
            clock.advance(Duration::from_secs(1)).await;
            shutdown.begin();
        };
        let (result, ()) = tokio::join!(sampler, story);
        result.unwrap();
        let name = Matcher::equal(model::METRIC_NAME, "process_resident_memory_bytes");
        let series = store.select(&[name], TimeRange::ALL, QueryLimits::default()).await.unwrap();
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].samples.len(), 3);
        assert_eq!(series[0].labels.get("job"), Some("watchkeeper"));
    }
}
