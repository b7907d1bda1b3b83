//! Agents by what they do: how many are stuck.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Agent, AgentState, Fact, Verdict};

use super::{Check, Finding, Judgement, Judging, Surroundings, count, counted, facts, number, ratio};
use crate::RESTART_STUCK_AGENTS;
use crate::settings::Thresholds;

pub(super) struct AgentManager(pub Arc<Surroundings>);

#[derive(Clone, Debug, Default)]
struct Measured {
    total: usize,
    working: usize,
    idle: usize,
    unknown: usize,
    /// Their names.
    stuck: Vec<String>,
}

#[async_trait]
impl Check for AgentManager {
    fn name(&self) -> &'static str {
        "agent_manager"
    }

    fn depends_on(&self) -> &'static [&'static str] {
        &["database_connectivity"]
    }

    async fn look(&self) -> Finding {
        let measured = measure(&self.0.fleet.agents());
        let details = facts([
            ("total_agents", count(measured.total)),
            ("working_agents", count(measured.working)),
            ("idle_agents", count(measured.idle)),
            ("stuck_agents", count(measured.stuck.len())),
            ("stuck_ratio", number(ratio(measured.stuck.len(), measured.total))),
            ("stuck", Fact::List(measured.stuck.iter().cloned().map(Fact::Text).collect())),
        ]);
        let actions = if measured.stuck.is_empty() { vec![] } else { vec![RESTART_STUCK_AGENTS] };
        judge(&measured, &self.0.settings.thresholds).with(details, actions)
    }
}

fn measure(agents: &[Arc<Agent>]) -> Measured {
    let state_of = |agent: &&Arc<Agent>| agent.status.state;
    let with = |wanted: fn(AgentState) -> bool| agents.iter().filter(move |a| wanted(state_of(a)));
    Measured {
        total: agents.len(),
        working: with(|state| state.is_busy() && !state.is_stuck()).count(),
        idle: with(|state| matches!(state, AgentState::Idle | AgentState::Failed)).count(),
        unknown: with(|state| state == AgentState::Unknown).count(),
        stuck: with(AgentState::is_stuck).map(|agent| agent.name.clone()).collect(),
    }
}

fn judge(measured: &Measured, thresholds: &Thresholds) -> Judgement {
    if measured.total == 0 {
        return Judgement { verdict: Verdict::Healthy, reason: "no agents yet".into() };
    }
    if measured.unknown == measured.total {
        return Judgement::unknown("nothing is known of any agent now");
    }
    let mut judging = Judging::default();
    let (verdict, _) = thresholds.stuck_ratio.judge(ratio(measured.stuck.len(), measured.total));
    if verdict != Verdict::Healthy {
        let who = measured.stuck.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let how_many = format!("{} of {} agents stuck", measured.stuck.len(), measured.total);
        judging.note(verdict, format!("{how_many}: {who}"));
    }
    judging.conclude(format!(
        "{}, {} working, none stuck",
        counted(measured.total, "agent"),
        measured.working
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_reachable() {
        let measured = |total, stuck, unknown| Measured {
            total,
            stuck: vec!["billing".to_owned(); stuck],
            unknown,
            ..Measured::default()
        };
        for (measured, verdict) in [
            (measured(0, 0, 0), Verdict::Healthy),
            (measured(10, 0, 3), Verdict::Healthy),
            (measured(10, 1, 0), Verdict::Degraded),
            (measured(10, 3, 0), Verdict::Unhealthy),
            (measured(10, 6, 0), Verdict::Critical),
            (measured(3, 0, 3), Verdict::Unknown),
        ] {
            assert_eq!(judge(&measured, &Thresholds::default()).verdict, verdict, "{measured:?}");
        }
    }

    #[test]
    fn an_empty_fleet_is_well_and_says_so() {
        assert_eq!(judge(&Measured::default(), &Thresholds::default()).reason, "no agents yet");
    }
}
