//! Tasks that are being worked on: which have not moved for long.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Agent, AgentState, SourceState, SourceStatus, Timestamp, Verdict};

use super::{Check, Finding, Judgement, Judging, Surroundings, count, counted, facts, ratio};
use crate::settings::Thresholds;

pub(super) struct TaskTracker(pub Arc<Surroundings>);

#[derive(Clone, Debug, Default)]
struct Measured {
    agents: usize,
    active: usize,
    /// Name, and how long without progress.
    stale: Vec<(String, Duration)>,
    /// Of the stale ones, those that wait for a person.
    waiting_for_people: usize,
    has_live_source: bool,
}

#[async_trait]
impl Check for TaskTracker {
    fn name(&self) -> &'static str {
        "task_tracker"
    }

    fn depends_on(&self) -> &'static [&'static str] {
        &["file_system"]
    }

    async fn look(&self) -> Finding {
        let thresholds = &self.0.settings.thresholds;
        let measured = measure(
            &self.0.fleet.agents(),
            &self.0.fleet.sources(),
            self.0.clock.now(),
            thresholds.task_stale_after,
        );
        let details = facts([
            ("active_tasks", count(measured.active)),
            ("stale_tasks", count(measured.stale.len())),
            ("total_employees", count(measured.agents)),
        ]);
        let judgement = judge(&measured, thresholds);
        let actions = match judgement.verdict {
            Verdict::Unhealthy | Verdict::Critical => vec!["restart_sessions"],
            _ => vec![],
        };
        judgement.with(details, actions)
    }
}

fn measure(
    agents: &[Arc<Agent>],
    sources: &[SourceStatus],
    now: Timestamp,
    stale_after: Duration,
) -> Measured {
    let active: Vec<_> = agents.iter().filter(|agent| agent.status.state.is_busy()).collect();
    let stale: Vec<_> = active.iter().filter(|agent| agent.silent_for(now) > stale_after).collect();
    Measured {
        agents: agents.len(),
        active: active.len(),
        waiting_for_people: stale
            .iter()
            .filter(|agent| agent.status.state == AgentState::WaitingHuman)
            .count(),
        stale: stale.iter().map(|agent| (agent.name.clone(), agent.silent_for(now))).collect(),
        has_live_source: sources.iter().any(|source| source.state == SourceState::Live),
    }
}

fn judge(measured: &Measured, thresholds: &Thresholds) -> Judgement {
    /// Of one or two tasks, all are easily stale; that is not yet a fleet at a standstill.
    const ACTIVE_MIN_FOR_CRITICAL: usize = 3;
    if measured.agents > 0 && !measured.has_live_source {
        return Judgement::unknown("no source is live, so the progress of tasks is not known");
    }
    let share = ratio(measured.stale.len(), measured.active);
    let (mut verdict, _) = thresholds.stale_ratio.judge(share);
    if verdict == Verdict::Critical && measured.active < ACTIVE_MIN_FOR_CRITICAL {
        verdict = Verdict::Unhealthy;
    }
    let mut judging = Judging::default();
    if let Some((name, longest)) = measured.stale.iter().max_by_key(|(_, silent)| *silent) {
        let mut reason = format!(
            "{} of {} without progress for more than {} min; longest is {name} with {} min",
            measured.stale.len(),
            counted(measured.active, "active task"),
            thresholds.task_stale_after.as_secs() / 60,
            longest.as_secs() / 60,
        );
        if measured.waiting_for_people > 0 {
            reason.push_str(&format!("; {} of them wait for a person", measured.waiting_for_people));
        }
        judging.note(verdict, reason);
    }
    judging.conclude(match measured.active {
        0 => "no active task".to_owned(),
        _ => format!("{} moving", counted(measured.active, "active task")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_reachable() {
        let measured = |active, stale, has_live_source| Measured {
            agents: 10,
            active,
            stale: vec![("billing".to_owned(), Duration::from_secs(4000)); stale],
            waiting_for_people: 0,
            has_live_source,
        };
        for (measured, verdict) in [
            (measured(4, 0, true), Verdict::Healthy),
            (measured(0, 0, true), Verdict::Healthy),
            (Measured::default(), Verdict::Healthy),
            (measured(4, 1, true), Verdict::Degraded),
            (measured(4, 3, true), Verdict::Unhealthy),
            (measured(1, 1, true), Verdict::Unhealthy),
            (measured(4, 4, true), Verdict::Critical),
            (measured(4, 1, false), Verdict::Unknown),
        ] {
            assert_eq!(judge(&measured, &Thresholds::default()).verdict, verdict, "{measured:?}");
        }
    }
}
