//! Rounds of checks and dependencies at an interval; results go to the board, to those who
//! listen and into the store.

use std::sync::Arc;
use std::time::Duration;

use model::{Batch, CheckResult, HealthSummary, LabelSet, Timestamp, Verdict};
use parking_lot::Mutex;
use runtime::{SharedClock, Shutdown, TaskError};
use state::State;
use storage::Appender;
use tokio::sync::broadcast;

use crate::HealthEvent;
use crate::board::Board;
use crate::checks::Check;
use crate::dependencies::{self, Dependency};
use crate::rounds::{Looked, Rounds};

/// The supervised task's name.
pub(crate) const CHECKS_TASK: &str = "health checks";

/// Twice its time and still no answer: no longer a slow look but a hung one.
const HUNG_AFTER_TIMEOUTS: u32 = 2;

#[derive(Clone)]
pub(crate) struct Engine {
    pub interval: Duration,
    pub timeout: Duration,
    pub first_after: Duration,
    pub auto_recovery: bool,
    pub clock: SharedClock,
    pub state: State,
    pub store: Arc<dyn Appender>,
    pub checks: Vec<Arc<dyn Check>>,
    pub dependencies: Vec<Dependency>,
    /// Written by the engine, read by anybody; held only to copy.
    pub board: Arc<Mutex<Board>>,
    pub events: broadcast::Sender<HealthEvent>,
}

impl Engine {
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), TaskError> {
        // None when the shutdown began first: then there is nothing left to do.
        let _ = shutdown.or(self.keep_looking()).await;
        Ok(())
    }

    async fn keep_looking(&self) {
        let mut everything = self.checks.clone();
        everything.extend(dependencies::as_checks(&self.dependencies));
        let mut rounds = Rounds::new(everything, self.timeout, self.clock.clone());
        self.clock.sleep(self.first_after).await;
        loop {
            let started = self.clock.monotonic();
            rounds.round(|index, took, looked| self.put(index, took, looked)).await;
            self.end_round().await;
            let spent = self.clock.monotonic().saturating_sub(started);
            self.clock.sleep(self.interval.saturating_sub(spent)).await;
        }
    }

    fn put(&self, index: usize, took: Duration, looked: Looked) {
        let at = self.clock.now();
        match self.checks.get(index) {
            Some(check) => {
                if let Looked::Overdue(_) = looked {
                    metrics::counter!("watchkeeper_health_check_timeouts_total", "check" => check.name())
                        .increment(1);
                }
                let result = check_result(check.as_ref(), looked, self.timeout, at, took);
                self.board.lock().put_check(index, result);
            }
            None => self.put_dependency(index - self.checks.len(), took, looked, at),
        }
    }

    fn put_dependency(&self, index: usize, took: Duration, looked: Looked, at: Timestamp) {
        let dependency = &self.dependencies[index];
        let (verdict, message) = match looked {
            Looked::Found(finding) => (finding.verdict, finding.message),
            Looked::Overdue(so_far) => (Verdict::Unhealthy, overdue(so_far)),
            Looked::Broke(reason) => (Verdict::Critical, broke(&reason)),
        };
        let described = (dependency.name, dependency.kind, dependency.target());
        let mut board = self.board.lock();
        let result =
            dependencies::next_result(described, board.dependency(index), verdict, message, (at, took));
        board.put_dependency(index, result);
    }

    async fn end_round(&self) {
        let now = self.clock.now();
        // A database that does not answer is reported by its own check.
        let runs = self.state.count_runs().await.ok();
        let summary = {
            let mut board = self.board.lock();
            board.end_round(now);
            if let Some(runs) = runs {
                board.set_recovery_runs(runs);
            }
            board.summary(self.auto_recovery)
        };
        if let Err(error) = self.store.append(samples(&summary, now)).await {
            tracing::warn!(%error, "verdicts were not stored");
            metrics::counter!("watchkeeper_health_append_errors_total").increment(1);
        }
        // Nobody listens now: that is no fault.
        let _ = self.events.send(HealthEvent::Checked(summary));
    }
}

fn check_result(
    check: &dyn Check,
    looked: Looked,
    timeout: Duration,
    at: Timestamp,
    took: Duration,
) -> CheckResult {
    let (verdict, message, details, actions) = match looked {
        Looked::Found(finding) => {
            (finding.verdict, finding.message, finding.details, finding.recovery_actions)
        }
        Looked::Overdue(so_far) => {
            let is_hung = so_far >= HUNG_AFTER_TIMEOUTS * timeout;
            let verdict = if is_hung { Verdict::Critical } else { Verdict::Unknown };
            (verdict, overdue(so_far), Default::default(), vec![])
        }
        Looked::Broke(reason) => (Verdict::Critical, broke(&reason), Default::default(), vec![]),
    };
    CheckResult {
        component: check.name().to_owned(),
        verdict,
        message,
        took,
        at,
        details,
        depends_on: check.depends_on().iter().map(|name| (*name).to_owned()).collect(),
        recovery_actions: actions.into_iter().map(str::to_owned).collect(),
    }
}

fn overdue(so_far: Duration) -> String {
    format!("no answer for {} s; it is still awaited and not asked again", so_far.as_secs())
}

fn broke(reason: &str) -> String {
    format!("Health check failed: {reason}")
}

fn samples(summary: &HealthSummary, at: Timestamp) -> Batch {
    let mut batch = Batch::default();
    for check in &summary.checks {
        let labels = [("check", check.component.as_str())];
        let verdict = f64::from(check.verdict as u8);
        batch.push_sample(LabelSet::metric("health_check_verdict", labels), at, verdict);
        let seconds = check.took.as_secs_f64();
        batch.push_sample(LabelSet::metric("health_check_duration_seconds", labels), at, seconds);
    }
    batch
}
