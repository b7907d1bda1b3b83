//! Watchkeeper itself: its tasks run, samples arrive in the store and can be read, and what
//! must be told is told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Fact, METRIC_NAME, Matcher, TimeRange, Verdict};
use runtime::{TaskReport, TaskState};
use storage::QueryLimits;

use super::{Check, Finding, Judgement, Judging, MB, Surroundings, counted, facts, number};
use crate::engine::CHECKS_TASK;
use crate::recovery::RECOVERY_TASK;

/// A receiver that stumbled was asked several times by then.
const OUTBOX_LATE: Duration = Duration::from_secs(5 * 60);
/// Whoever should have been woken by it still sleeps.
const OUTBOX_STUCK: Duration = Duration::from_secs(60 * 60);

/// Written by the host sampler every interval, so its age is the age of the way in.
const PULSE: &str = "process_resident_memory_bytes";

pub(super) struct MonitoringSystem(pub Arc<Surroundings>);

#[derive(Clone, Debug)]
struct Measured {
    failing: Vec<String>,
    restarting: Vec<String>,
    /// The age of the newest sample in the store; none within the time looked at.
    pulse: Result<Option<Duration>, String>,
    /// Notifications that wait, and how long the oldest has. Without an answer of the database
    /// they are not known; that is its own check's to tell.
    outbox: Option<(u64, Duration)>,
    running_for: Duration,
    stale_after: Duration,
}

#[async_trait]
impl Check for MonitoringSystem {
    fn name(&self) -> &'static str {
        "monitoring_system"
    }

    async fn look(&self) -> Finding {
        let around = &self.0;
        let reports = around.supervisor.reports();
        let in_state = |state| {
            let tasks = reports.iter().filter(move |task| task.state == state);
            tasks.map(|task| task.name.to_owned()).collect::<Vec<_>>()
        };
        let stale_after = around.stale_after();
        let measured = Measured {
            failing: in_state(TaskState::Failing),
            restarting: in_state(TaskState::Restarting),
            pulse: self.pulse(10 * stale_after).await,
            outbox: self.outbox().await,
            running_for: around.clock.monotonic().saturating_sub(around.started),
            stale_after,
        };
        let mut details = facts([
            ("health_monitor_running", Fact::Flag(is_running(&reports, CHECKS_TASK))),
            ("recovery_manager_available", Fact::Flag(is_running(&reports, RECOVERY_TASK))),
            ("tasks", Fact::Count(reports.len() as i64)),
        ]);
        if let Ok(Some(age)) = measured.pulse {
            details.insert("newest_sample_age_seconds".into(), number(age.as_secs_f64()));
        }
        if let Some((waiting, _)) = measured.outbox {
            details.insert("notifications_waiting".into(), Fact::Count(waiting as i64));
        }
        let usage = around.store.usage().await;
        details.insert("monitoring_db_exists".into(), Fact::Flag(usage.is_ok()));
        if let Ok(usage) = usage {
            let bytes = usage.wal_bytes + usage.tables.iter().map(|table| table.bytes).sum::<u64>();
            details.insert("monitoring_db_size_mb".into(), number(bytes as f64 / MB));
        }
        let judgement = judge(&measured);
        let actions = if judgement.verdict > Verdict::Unknown { vec!["restart_monitoring"] } else { vec![] };
        judgement.with(details, actions)
    }
}

impl MonitoringSystem {
    async fn outbox(&self) -> Option<(u64, Duration)> {
        let (waiting, oldest) = self.0.state.outbox_depth().await.ok()?;
        Some((waiting, oldest.map_or(Duration::ZERO, |oldest| self.0.clock.now().since(oldest))))
    }

    async fn pulse(&self, looked_at: Duration) -> Result<Option<Duration>, String> {
        let now = self.0.clock.now();
        // A little into the future: clocks of the sampler and of this look are the same, but not exact.
        let range = TimeRange::new(now - looked_at, now + Duration::from_secs(1));
        let matchers = [Matcher::equal(METRIC_NAME, PULSE)];
        let limits = QueryLimits { series_max: 10, samples_max: 100_000 };
        let series =
            self.0.store.select(&matchers, range, limits).await.map_err(|error| error.to_string())?;
        let newest = series.iter().flat_map(|series| &series.samples).map(|sample| sample.at).max();
        Ok(newest.map(|at| now.since(at)))
    }
}

fn is_running(reports: &[TaskReport], name: &str) -> bool {
    reports.iter().any(|task| task.name == name && task.state == TaskState::Running)
}

fn judge(measured: &Measured) -> Judgement {
    let mut judging = Judging::default();
    match measured.failing.len() {
        0 => {}
        1 => judging.note(Verdict::Unhealthy, format!("{} fails again and again", measured.failing[0])),
        _ => {
            judging.note(Verdict::Critical, format!("fail again and again: {}", measured.failing.join(", ")))
        }
    }
    if !measured.restarting.is_empty() {
        judging.note(Verdict::Degraded, format!("being restarted: {}", measured.restarting.join(", ")));
    }
    if let Some((waiting, oldest)) = measured.outbox
        && oldest > OUTBOX_LATE
    {
        let verdict = if oldest > OUTBOX_STUCK { Verdict::Unhealthy } else { Verdict::Degraded };
        let waiting = counted(waiting as usize, "notification");
        judging
            .note(verdict, format!("not told yet: {waiting}, the oldest for {} min", oldest.as_secs() / 60));
    }
    let is_young = measured.running_for <= measured.stale_after;
    let well = match &measured.pulse {
        Err(reason) => {
            judging.note(Verdict::Critical, format!("the store cannot be read: {reason}"));
            String::new()
        }
        Ok(Some(age)) if *age > measured.stale_after => {
            judging.note(Verdict::Unhealthy, format!("the newest sample is {} s old", age.as_secs()));
            String::new()
        }
        Ok(Some(age)) => format!("all tasks run, newest sample {} s old", age.as_secs()),
        Ok(None) if is_young => {
            let age = counted(measured.running_for.as_secs() as usize, "second");
            format!("all tasks run; started {age} ago, no sample yet")
        }
        Ok(None) => {
            judging.note(Verdict::Unhealthy, "no sample reaches the store");
            String::new()
        }
    };
    judging.conclude(well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_tasks_the_age_of_samples_and_of_what_is_not_told() {
        let secs = Duration::from_secs;
        let well = Measured {
            failing: vec![],
            restarting: vec![],
            pulse: Ok(Some(secs(10))),
            outbox: Some((3, secs(60))),
            running_for: secs(1000),
            stale_after: secs(90),
        };
        let task = |name: &str| vec![name.to_owned()];
        for (measured, verdict) in [
            (well.clone(), Verdict::Healthy),
            (Measured { pulse: Ok(None), running_for: secs(5), ..well.clone() }, Verdict::Healthy),
            (Measured { restarting: task("host"), ..well.clone() }, Verdict::Degraded),
            (Measured { outbox: None, ..well.clone() }, Verdict::Healthy),
            (Measured { outbox: Some((1, secs(301))), ..well.clone() }, Verdict::Degraded),
            (Measured { outbox: Some((1, secs(3601))), ..well.clone() }, Verdict::Unhealthy),
            (Measured { failing: task("host"), ..well.clone() }, Verdict::Unhealthy),
            (Measured { pulse: Ok(Some(secs(200))), ..well.clone() }, Verdict::Unhealthy),
            (Measured { pulse: Ok(None), ..well.clone() }, Verdict::Unhealthy),
            (Measured { failing: vec!["a".into(), "b".into()], ..well.clone() }, Verdict::Critical),
            (Measured { pulse: Err("closed".into()), ..well }, Verdict::Critical),
        ] {
            assert_eq!(judge(&measured).verdict, verdict, "{measured:?}");
        }
    }
}
