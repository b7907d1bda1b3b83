//! The sources that report sessions, and sessions whose server died under them.

use std::sync::Arc;

use async_trait::async_trait;
use model::{AgentState, Fact, SourceState, SourceStatus, Verdict};

use super::{Check, Finding, Judgement, Judging, Surroundings, count, counted, facts, is_unreachable, ratio};
use crate::settings::Thresholds;

pub(super) struct SessionManager(pub Arc<Surroundings>);

#[derive(Clone, Debug, Default)]
struct Measured {
    sessions: usize,
    active: usize,
    /// At work when their server died, or at work on a server that is gone.
    dead: usize,
    sources: Vec<(String, SourceState)>,
    unreachable: usize,
}

#[async_trait]
impl Check for SessionManager {
    fn name(&self) -> &'static str {
        "session_manager"
    }

    fn depends_on(&self) -> &'static [&'static str] {
        &["file_system"]
    }

    async fn look(&self) -> Finding {
        let agents = self.0.fleet.agents();
        let sources = self.0.fleet.sources();
        let in_state =
            |wanted: fn(AgentState) -> bool| agents.iter().filter(|agent| wanted(agent.status.state)).count();
        let measured = Measured {
            sessions: agents.len(),
            active: in_state(AgentState::is_busy),
            dead: in_state(|state| state == AgentState::Dead),
            unreachable: sources.iter().filter(|source| is_unreachable(source)).count(),
            sources: sources.iter().map(|source| (source.name.clone(), source.state)).collect(),
        };
        let per_source = |source: &SourceStatus| {
            let of_it = agents.iter().filter(|agent| agent.source == source.name).count();
            Fact::Text(format!("{}: {} ({})", source.name, source.state.as_str(), counted(of_it, "session")))
        };
        let details = facts([
            ("active_sessions", count(measured.active)),
            ("zombie_sessions", count(measured.dead)),
            ("sessions", Fact::List(sources.iter().map(per_source).collect())),
        ]);
        let judgement = judge(&measured, &self.0.settings.thresholds);
        let actions = match judgement.verdict {
            Verdict::Unhealthy | Verdict::Critical => vec!["restart_sessions"],
            _ => vec![],
        };
        judgement.with(details, actions)
    }
}

fn judge(measured: &Measured, thresholds: &Thresholds) -> Judgement {
    let mut judging = Judging::default();
    let (verdict, _) = thresholds.dead_ratio.judge(ratio(measured.dead, measured.sessions));
    if verdict != Verdict::Healthy {
        let dead = format!("{} of {}", measured.dead, counted(measured.sessions, "session"));
        judging.note(verdict, format!("{dead} died with their server"));
    }
    let all = measured.sources.len();
    if measured.unreachable > 0 {
        let verdict = match measured.unreachable {
            some if some < all => Verdict::Degraded,
            _ => Verdict::Unhealthy,
        };
        let names: Vec<String> = measured
            .sources
            .iter()
            .filter(|(_, state)| *state != SourceState::Live && *state != SourceState::Connecting)
            .map(|(name, state)| format!("{name} is {}", state.as_str()))
            .collect();
        judging.note(verdict, names.join(", "));
    }
    let is_connecting = measured.sources.iter().all(|(_, state)| *state == SourceState::Connecting);
    if all > 0 && is_connecting && measured.sessions == 0 {
        return Judgement::unknown("still connecting to every source");
    }
    judging.conclude(match all {
        0 => "no source is configured".to_owned(),
        _ => format!("{} active on {}", counted(measured.active, "session"), counted(all, "source")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_reachable() {
        use SourceState::{Connecting, Down, Live};
        let measured = |sessions, dead, states: &[SourceState]| Measured {
            sessions,
            active: 0,
            dead,
            sources: states.iter().map(|state| ("opencode".to_owned(), *state)).collect(),
            unreachable: states.iter().filter(|state| **state == Down).count(),
        };
        for (measured, verdict) in [
            (measured(0, 0, &[]), Verdict::Healthy),
            (measured(5, 0, &[Live, Connecting]), Verdict::Healthy),
            (measured(5, 1, &[Live]), Verdict::Degraded),
            (measured(5, 0, &[Live, Down]), Verdict::Degraded),
            (measured(5, 2, &[Live]), Verdict::Unhealthy),
            (measured(5, 0, &[Down]), Verdict::Unhealthy),
            (measured(5, 5, &[Down]), Verdict::Critical),
            (measured(0, 0, &[Connecting]), Verdict::Unknown),
        ] {
            assert_eq!(judge(&measured, &Thresholds::default()).verdict, verdict, "{measured:?}");
        }
    }
}
