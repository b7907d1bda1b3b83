//! The ten checks. Each looks at what its name says and gives its reason.
//!
//! One file each: a `Measured` value, a pure `judge` of it, and the check that measures. A new
//! check is a new file and one line in [`all`].

mod agent_manager;
mod database_connectivity;
mod file_system;
mod memory_leaks;
mod monitoring_system;
mod network_connectivity;
mod process_health;
mod session_manager;
mod system_resources;
mod task_tracker;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host::HostSnapshot;
use model::{Fact, Facts, SourceState, SourceStatus, Verdict};
use runtime::{SharedClock, Supervisor};
use state::State;
use storage::Store;
use tokio::sync::watch;

use crate::settings::{HealthSettings, Limits};
use crate::{AgentFleet, probes};

/// Something that can be looked at.
#[async_trait]
pub(crate) trait Check: Send + Sync {
    fn name(&self) -> &'static str;

    /// Names of the checks that this one rests on.
    fn depends_on(&self) -> &'static [&'static str] {
        &[]
    }

    async fn look(&self) -> Finding;
}

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub verdict: Verdict,
    pub message: String,
    pub details: Facts,
    /// Names of recovery actions that may help.
    pub recovery_actions: Vec<&'static str>,
}

/// Everything that the checks look at.
pub(crate) struct Surroundings {
    pub settings: Arc<HealthSettings>,
    pub clock: SharedClock,
    /// When we started, on the clock that does not jump.
    pub started: Duration,
    pub host: watch::Receiver<Option<Arc<HostSnapshot>>>,
    pub state: State,
    pub store: Arc<dyn Store>,
    pub fleet: Arc<dyn AgentFleet>,
    pub supervisor: Supervisor,
    pub web: probes::Web,
}

impl Surroundings {
    /// The last snapshot of the host, unless the sampler has fallen silent.
    fn fresh_snapshot(&self) -> Result<Arc<HostSnapshot>, String> {
        let snapshot = self.host.borrow().clone().ok_or("this host has not been sampled yet")?;
        let age = self.clock.monotonic().saturating_sub(snapshot.monotonic);
        if age > self.stale_after() {
            return Err(format!("the last sample of this host is {} s old", age.as_secs()));
        }
        Ok(snapshot)
    }

    /// Three missed samples, and never so few seconds that a busy machine looks dead.
    fn stale_after(&self) -> Duration {
        (3 * self.settings.metrics_interval).max(Duration::from_secs(30))
    }
}

/// In the order of the contract.
pub(crate) fn all(around: &Arc<Surroundings>) -> Vec<Arc<dyn Check>> {
    vec![
        Arc::new(system_resources::SystemResources(around.clone())),
        Arc::new(database_connectivity::DatabaseConnectivity::new(around.clone())),
        Arc::new(file_system::FileSystem(around.clone())),
        Arc::new(agent_manager::AgentManager(around.clone())),
        Arc::new(task_tracker::TaskTracker(around.clone())),
        Arc::new(session_manager::SessionManager(around.clone())),
        Arc::new(monitoring_system::MonitoringSystem(around.clone())),
        Arc::new(network_connectivity::NetworkConnectivity(around.clone())),
        Arc::new(process_health::ProcessHealth(around.clone())),
        Arc::new(memory_leaks::MemoryLeaks::new(around.clone())),
    ]
}

/// A verdict and its reason.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    pub verdict: Verdict,
    pub reason: String,
}

impl Judgement {
    fn unknown(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, reason: reason.into() }
    }

    fn with(self, details: Facts, recovery_actions: Vec<&'static str>) -> Finding {
        Finding { verdict: self.verdict, message: self.reason, details, recovery_actions }
    }
}

/// Collects complaints; the worst decides.
#[derive(Default)]
struct Judging(Vec<(Verdict, String)>);

impl Judging {
    fn note(&mut self, verdict: Verdict, reason: impl Into<String>) {
        self.0.push((verdict, reason.into()));
    }

    /// Complains when `value` is above a line: `CPU 92.0 % (above 90 %)`.
    fn compare(&mut self, what: &str, value: f64, unit: &str, limits: Limits) {
        let (verdict, line) = limits.judge(value);
        if verdict != Verdict::Healthy {
            self.note(verdict, format!("{what} {value:.1} {unit} (above {line} {unit})"));
        }
    }

    /// The worst verdict with every complaint, worst first; `well` when there is none.
    fn conclude(mut self, well: impl Into<String>) -> Judgement {
        self.0.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        match self.0.first() {
            None => Judgement { verdict: Verdict::Healthy, reason: well.into() },
            Some((verdict, _)) => Judgement {
                verdict: *verdict,
                reason: self.0.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>().join("; "),
            },
        }
    }
}

fn facts<const N: usize>(pairs: [(&str, Fact); N]) -> Facts {
    pairs.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect()
}

/// With two decimals: more would be noise.
fn number(value: f64) -> Fact {
    Fact::Number((value * 100.0).round() / 100.0)
}

fn count(value: usize) -> Fact {
    Fact::Count(i64::try_from(value).unwrap_or(i64::MAX))
}

const MB: f64 = 1024.0 * 1024.0;
const GB: f64 = 1024.0 * MB;

/// Cannot be spoken to now; one that still connects for the first time is not counted.
fn is_unreachable(source: &SourceStatus) -> bool {
    matches!(source.state, SourceState::Refused | SourceState::Wedged | SourceState::Down)
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// `no agent`, `1 agent`, `3 agents`.
fn counted(number: usize, noun: &str) -> String {
    match number {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        more => format!("{more} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_complaint_decides_and_comes_first() {
        let mut judging = Judging::default();
        judging.compare("CPU", 82.0, "%", Limits::new(80.0, 85.0, 90.0));
        judging.compare("memory", 96.0, "%", Limits::new(85.0, 90.0, 95.0));
        judging.compare("load", 10.0, "%", Limits::new(150.0, 175.0, 200.0));
        assert_eq!(
            judging.conclude("well"),
            Judgement {
                verdict: Verdict::Critical,
                reason: "memory 96.0 % (above 95 %); CPU 82.0 % (above 80 %)".into()
            }
        );
    }

    #[test]
    fn without_complaint_all_is_well() {
        assert_eq!(Judging::default().conclude("fine").verdict, Verdict::Healthy);
    }
}
