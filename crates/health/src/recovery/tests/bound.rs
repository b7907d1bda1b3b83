//! Whatever agents do, what is done to them stays within bounds.

use std::time::Duration;

use model::{AgentState, Outcome, Phase, RecoveryRun};
use proptest::prelude::*;
use runtime::Clock;

use super::world::{Script, World, agent, set_state, with_idle};
use crate::RecoverySettings;

const AGENTS: usize = 4;

/// At so many seconds, this agent is stuck or freed.
fn schedule() -> impl Strategy<Value = Vec<(u64, usize, bool)>> {
    prop::collection::vec((0u64..3600, 0..AGENTS, any::<bool>()), 1..40)
}

fn script() -> impl Strategy<Value = Script> {
    let after = || prop::option::of((0u64..90).prop_map(Duration::from_secs));
    (after(), after(), after()).prop_map(|(rests_after, answers_after, sticks_again_after)| Script {
        rests_after,
        answers_after,
        sticks_again_after,
        ..Script::default()
    })
}

/// The most runs whose spans share an instant.
fn at_once(runs: &[RecoveryRun]) -> usize {
    let spans = |run: &RecoveryRun| (run.started, run.finished.unwrap_or(run.started));
    let overlapping = |run: &RecoveryRun| {
        let start = run.started;
        runs.iter().filter(|other| spans(other).0 <= start && start < spans(other).1).count()
    };
    runs.iter().map(overlapping).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn attempts_and_restarts_at_once_stay_bounded(schedule in schedule(), script in script(), idle in 0usize..40) {
        let agents: Vec<_> =
            (0..AGENTS).map(|number| agent(&number.to_string(), AgentState::Working)).collect();
        let world = World::new(with_idle(agents, idle));
        *world.script.lock() = script;
        for (at, number, is_stuck) in schedule {
            let clock = world.clock.clone();
            world.later(Duration::from_secs(at), &number.to_string(), move |agent| {
                let state = if is_stuck { AgentState::Stalled } else { AgentState::Working };
                set_state(agent, state, Some(Phase::WaitingModel), clock.now());
            });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // Coarser than by default, to be quick; the bounds do not depend on it.
        let limits = RecoverySettings {
            every: Duration::from_secs(11),
            poll: Duration::from_secs(4),
            ..RecoverySettings::default()
        };
        runtime.block_on(world.play(limits.clone(), true, async |_| {
            world.clock.advance(Duration::from_secs(3700)).await;
        }));

        let mut acted = world.runs();
        acted.retain(|run| run.outcome != Outcome::Skipped);
        for run in &acted {
            let in_window = acted.iter().filter(|other| {
                other.agent == run.agent
                    && other.started <= run.started
                    && run.started.since(other.started) < limits.attempts_window
            });
            prop_assert!(in_window.count() <= limits.attempts_max);
        }
        let allowed = ((AGENTS + idle) / 10).clamp(1, 5);
        prop_assert!(at_once(&acted) <= allowed, "{} at once, {allowed} allowed", at_once(&acted));
        // A run that was begun and found the agent well again aborts nothing.
        prop_assert!(world.count_calls("abort") <= acted.len());
    }
}
