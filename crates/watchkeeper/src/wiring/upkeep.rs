//! What has to be done now and then: forgetting what is old, and emptying histograms.

use std::sync::Arc;
use std::time::Duration;

use archive::Archive;
use metrics_exporter_prometheus::PrometheusHandle;
use model::Timestamp;
use runtime::{SharedClock, Supervisor};
use state::State;
use storage::{Signal, Store};

use crate::config::{RetentionRule, Settings};

/// Days are dropped whole, so looking more often would find nothing more.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Days that could not be archived take room until they are.
const ARCHIVE_RETRY: Duration = Duration::from_secs(10 * 60);

/// The exporter keeps what histograms were told until it is asked or tidied.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long things are kept.
#[derive(Clone, Debug)]
pub struct Retention {
    pub telemetry: storage::Retention,
    pub telemetry_days: u64,
    pub audit_days: u64,
}

impl Retention {
    pub fn of(settings: &Settings) -> Self {
        Self {
            telemetry: of_telemetry(settings),
            telemetry_days: settings.retention_days,
            audit_days: settings.audit_days,
        }
    }
}

/// One age for all signals, a shorter one for the streams of rules, and a size.
pub fn of_telemetry(settings: &Settings) -> storage::Retention {
    let age = length_of(settings.retention_days);
    let rule = |rule: &RetentionRule| storage::RetentionRule {
        signal: rule.signal,
        stream: rule.matchers.clone(),
        age: rule.age,
    };
    storage::Retention {
        ages: Signal::ALL.map(|signal| (signal, age)).to_vec(),
        rules: settings.retention.rules.iter().map(rule).collect(),
        bytes_max: settings.retention.bytes_max,
        ..storage::Retention::default()
    }
}

/// At the start and every hour.
pub fn keep_forgetting(
    supervisor: &Supervisor,
    retention: Retention,
    clock: SharedClock,
    store: Arc<dyn Store>,
    archive: Option<Arc<Archive>>,
    state: State,
) {
    supervisor.spawn("retention", move |shutdown| {
        let (clock, store, archive, state) = (clock.clone(), store.clone(), archive.clone(), state.clone());
        let retention = retention.clone();
        async move {
            loop {
                let now = clock.now();
                let gone = match &archive {
                    // This may take long. What is left half done is done again.
                    Some(archive) => shutdown.or(archive.retain(&*store, &retention.telemetry, now)).await,
                    None => Some(store.retain(&retention.telemetry, now).await),
                };
                let Some(gone) = gone else { return Ok(()) };
                forget(&retention, now, &gone?, &state).await?;
                let is_behind = archive.as_ref().is_some_and(|archive| archive.is_behind());
                let pause = if is_behind { ARCHIVE_RETRY } else { RETENTION_INTERVAL };
                if shutdown.or(clock.sleep(pause)).await.is_none() {
                    return Ok(());
                }
            }
        }
    });
}

async fn forget(
    retention: &Retention,
    now: Timestamp,
    gone: &storage::RetentionPlan,
    state: &State,
) -> Result<(), runtime::TaskError> {
    let cutoff = days_before(now, retention.telemetry_days);
    let (days, thinned) = (gone.days.len() as u64, gone.thinned.len() as u64);
    let records = state.forget_before(cutoff).await?;
    let entries = state.forget_audit_before(days_before(now, retention.audit_days)).await?;
    if days + thinned + records + entries > 0 {
        tracing::info!(days, thinned, records, entries, before = %cutoff, "forgot what is older than the retention");
    }
    Ok(())
}

fn days_before(now: Timestamp, days: u64) -> Timestamp {
    now - length_of(days)
}

fn length_of(days: u64) -> Duration {
    DAY * u32::try_from(days).unwrap_or(u32::MAX)
}

pub fn keep_metrics_small(supervisor: &Supervisor, clock: SharedClock, metrics: PrometheusHandle) {
    supervisor.spawn("metrics upkeep", move |shutdown| {
        let (clock, metrics) = (clock.clone(), metrics.clone());
        async move {
            while shutdown.or(clock.sleep(METRICS_INTERVAL)).await.is_some() {
                metrics.run_upkeep();
            }
            Ok(())
        }
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "the archive lies in a real folder")]

    use archive::{ArchiveParts, Place};
    use disk::RealDisk;
    use model::{Batch, LabelSet, TimeRange};
    use runtime::Shutdown;
    use storage::{Appender, QueryLimits, SampleReader};
    use testkit::{FakeClock, MemoryStore};

    use super::*;

    /// The days that a store has samples of.
    async fn days(store: &MemoryStore) -> Vec<String> {
        let found = store.select(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap();
        let samples = found.iter().flat_map(|series| &series.samples);
        samples.map(|sample| sample.at.to_rfc3339()[..10].to_owned()).collect()
    }

    #[tokio::test]
    async fn every_hour_days_that_are_over_go_into_the_archive_and_then_go() {
        let directory = tempfile::tempdir().unwrap();
        let (files, clock) = (directory.path().join("archive"), FakeClock::new());
        clock.advance(Duration::from_secs(60)).await;
        let shared: SharedClock = Arc::new(clock.clone());
        let store = Arc::new(MemoryStore::new());
        let mut batch = Batch::default();
        for age in [0, 1, 2, 40] {
            batch.push_sample(LabelSet::metric("up", [("job", "a")]), shared.now() - DAY * age, 1.0);
        }
        store.append(batch).await.unwrap();
        let parts = ArchiveParts { disk: Arc::new(RealDisk), notes: directory.path().join("notes") };
        let archive = Arc::new(Archive::new(&Place::Folder(files.clone()), parts).unwrap());
        let state = State::open(&directory.path().join("state.db"), shared.clone()).await.unwrap();
        let ages = Signal::ALL.map(|signal| (signal, DAY)).to_vec();
        let telemetry = storage::Retention { ages, ..storage::Retention::default() };
        let retention = Retention { telemetry, telemetry_days: 1, audit_days: 1 };
        let shutdown = Shutdown::new();
        let supervisor = Supervisor::new(shared.clone(), shutdown.clone());
        keep_forgetting(&supervisor, retention, shared.clone(), store.clone(), Some(archive), state);

        // At the start, and again when another day is over.
        let steps = [
            (vec!["2025-12-31", "2026-01-01"], 2, Duration::ZERO),
            (vec!["2026-01-01"], 3, RETENTION_INTERVAL),
        ];
        for (left, archived, step) in steps {
            let gone = async {
                while days(&store).await != left {
                    clock.advance(step).await;
                }
            };
            let waited = tokio::time::timeout(Duration::from_secs(3), gone).await;
            assert!(waited.is_ok(), "{:?} are left, and not {left:?}", days(&store).await);
            let names = std::fs::read_dir(files.join("samples")).unwrap();
            let names: Vec<String> =
                names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
            assert_eq!(names.iter().filter(|name| name.ends_with(".parquet")).count(), archived, "{names:?}");
            clock.advance(DAY).await;
        }
        shutdown.begin();
    }
}
