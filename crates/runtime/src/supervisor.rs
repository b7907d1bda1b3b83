//! Keeps the subsystems running.
//!
//! Each task is a factory of futures. When its future fails or panics, the supervisor
//! builds a new one after a pause that grows; a task that failed [`FAILURES_MAX`] times
//! within [`FAILURE_WINDOW`] is reported as failing until it has run quietly for that long.
//! A task ends for good when its future returns `Ok` or the shutdown begins.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use model::Timestamp;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::{Backoff, SharedClock, Shutdown};

/// Within [`FAILURE_WINDOW`], more failures than this are a fault and not an accident.
const FAILURES_MAX: usize = 5;
const FAILURE_WINDOW: Duration = Duration::from_secs(60);

/// Why a task ended. Printed with its chain of sources.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    Running,
    /// Failed, and waits to be started again.
    Restarting,
    /// Fails again and again.
    Failing,
    Ended,
}

impl TaskState {
    pub const fn as_str(self) -> &'static str {
        match self {
            TaskState::Running => "running",
            TaskState::Restarting => "restarting",
            TaskState::Failing => "failing",
            TaskState::Ended => "ended",
        }
    }
}

/// How one task is doing.
#[derive(Clone, Debug)]
pub struct TaskReport {
    pub name: &'static str,
    pub state: TaskState,
    pub restarts: u64,
    pub last_error: Option<String>,
    pub since: Timestamp,
}

/// Cheap to clone; clones share the tasks.
#[derive(Clone, Debug)]
pub struct Supervisor {
    clock: SharedClock,
    shutdown: Shutdown,
    /// Held only to read or change an entry, never across an await.
    reports: Arc<Mutex<BTreeMap<&'static str, TaskReport>>>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Supervisor {
    pub fn new(clock: SharedClock, shutdown: Shutdown) -> Self {
        Self { clock, shutdown, reports: Arc::default(), tasks: Arc::default() }
    }

    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Starts a task. `build` is called again after each failure; what must survive a
    /// restart lives outside of it. The future should end soon after the shutdown begins.
    pub fn spawn<B, F>(&self, name: &'static str, build: B)
    where
        B: FnMut(Shutdown) -> F + Send + 'static,
        F: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        let supervisor = self.clone();
        self.report(name, TaskState::Running, None);
        self.tasks.lock().spawn(async move { supervisor.keep_running(name, build).await });
    }

    async fn keep_running<B, F>(self, name: &'static str, mut build: B)
    where
        B: FnMut(Shutdown) -> F + Send + 'static,
        F: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        let mut failures = VecDeque::new();
        loop {
            let started = self.clock.monotonic();
            let error = match AssertUnwindSafe(build(self.shutdown.clone())).catch_unwind().await {
                Ok(Ok(())) => return self.report(name, TaskState::Ended, None),
                Ok(Err(error)) => chain(error.as_ref()),
                Err(panic) => format!("panicked: {}", panic_message(panic.as_ref())),
            };
            if self.shutdown.has_begun() {
                return self.report(name, TaskState::Ended, Some(error));
            }
            let now = self.clock.monotonic();
            if now.saturating_sub(started) >= FAILURE_WINDOW {
                backoff.reset();
            }
            failures.push_back(now);
            failures.retain(|at| now.saturating_sub(*at) < FAILURE_WINDOW);
            let state =
                if failures.len() > FAILURES_MAX { TaskState::Failing } else { TaskState::Restarting };
            let pause = backoff.next_pause();
            tracing::error!(task = name, error, ?pause, "a task failed and will be started again");
            metrics::counter!("watchkeeper_task_restarts_total", "task" => name).increment(1);
            self.report(name, state, Some(error));
            if self.shutdown.or(self.clock.sleep(pause)).await.is_none() {
                return self.report(name, TaskState::Ended, None);
            }
            if state == TaskState::Restarting {
                self.report(name, TaskState::Running, None);
            }
        }
    }

    fn report(&self, name: &'static str, state: TaskState, error: Option<String>) {
        let since = self.clock.now();
        let mut reports = self.reports.lock();
        let report = reports.entry(name).or_insert_with(|| TaskReport {
            name,
            state,
            restarts: 0,
            last_error: None,
            since,
        });
        report.state = state;
        report.since = since;
        if error.is_some() && state != TaskState::Ended {
            report.restarts += 1;
        }
        report.last_error = error.or_else(|| report.last_error.take());
    }

    pub fn reports(&self) -> Vec<TaskReport> {
        self.reports.lock().values().cloned().collect()
    }

    /// Begins the shutdown and waits for the tasks; those that have not ended after `grace`
    /// are cut off. Returns their names.
    pub async fn stop(&self, grace: Duration) -> Vec<&'static str> {
        self.shutdown.begin();
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        let all_ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all_ended).await.is_ok() {
            return Vec::new();
        }
        tasks.abort_all();
        self.reports().iter().filter(|task| task.state != TaskState::Ended).map(|task| task.name).collect()
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tokio's paused clock passes the time here")]

    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::SystemClock;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_and_others_go_on() {
        let supervisor = Supervisor::new(SystemClock::shared(), Shutdown::new());
        let starts = Arc::new(AtomicU32::new(0));
        let counted = starts.clone();
        supervisor.spawn("shaky", move |shutdown| {
            let start = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(start >= 2, "not yet");
                shutdown.begun().await;
                Ok(())
            }
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        let report = supervisor.reports().remove(0);
        assert_eq!(
            (starts.load(Ordering::SeqCst), report.state, report.restarts),
            (3, TaskState::Running, 2)
        );
        assert_eq!(report.last_error.as_deref(), Some("panicked: not yet"));
        assert!(supervisor.stop(Duration::from_secs(1)).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_always_fails_is_reported_as_failing() {
        let supervisor = Supervisor::new(SystemClock::shared(), Shutdown::new());
        supervisor.spawn("broken", |_| async { Err("no such luck".into()) });
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(supervisor.reports()[0].state, TaskState::Failing);
        assert!(supervisor.stop(Duration::from_secs(1)).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_named() {
        let supervisor = Supervisor::new(SystemClock::shared(), Shutdown::new());
        supervisor.spawn("deaf", |_| std::future::pending());
        assert_eq!(supervisor.stop(Duration::from_secs(1)).await, ["deaf"]);
    }
}
