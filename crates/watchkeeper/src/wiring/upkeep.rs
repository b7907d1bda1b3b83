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
