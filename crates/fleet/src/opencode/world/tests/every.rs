//! What holds for every recording.

use std::time::Duration;

use model::AgentState;

use super::replay::{Replay, limits, recordings};

fn all() -> Vec<String> {
    let Some(folder) = recordings() else { return Vec::new() };
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".jsonl") && name.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    names.sort();
    names
}

#[test]
fn every_recording_replays_and_ends_at_rest() {
    let Some(folder) = recordings() else { return };
    for name in all() {
        let mut replay = Replay::new(limits(300));
        replay.play(&folder, &name);
        replay.pass(Duration::from_secs(5));
        assert_eq!(replay.undecodable, 0, "{name}");
        for agent in replay.agents.values() {
            let state = agent.status.state;
            // These end in the middle of a turn.
            let may_be_busy = ["00", "03", "22", "25a", "02c"].iter().any(|prefix| name.starts_with(prefix));
            assert!(may_be_busy || !state.is_busy(), "{name}: {} ends {state:?}", agent.name);
            assert!(!agent.status.evidence.is_empty(), "{name}: {} has no evidence", agent.name);
        }
    }
}

#[test]
fn a_recording_told_twice_counts_once() {
    let Some(folder) = recordings() else { return };
    for name in ["02-", "02b", "03", "09", "17-"] {
        let mut once = Replay::new(limits(300));
        once.play(&folder, name);
        let mut twice = Replay::new(limits(300));
        twice.play(&folder, name);
        twice.play(&folder, name);
        for (session, agent) in &once.agents {
            let again = &twice.agents[session].totals;
            assert_eq!(
                (agent.totals.turns, agent.totals.steps, agent.totals.tool_calls, agent.totals.tool_errors),
                (again.turns, again.steps, again.tool_calls, again.tool_errors),
                "{name}"
            );
            assert_eq!(
                (agent.totals.tokens, agent.totals.llm_errors),
                (again.tokens, again.llm_errors),
                "{name}"
            );
        }
    }
}

#[test]
fn nobody_is_stalled_while_the_stream_is_dead() {
    let Some(folder) = recordings() else { return };
    for name in ["05", "06", "07", "25a", "31a"] {
        let mut replay = Replay::new(limits(30));
        // The stream goes silent in the middle, and nobody notices for a long time.
        replay.play_until(&folder, name, 3000);
        replay.pass(Duration::from_secs(600));
        for states in replay.history.values() {
            assert!(!states.contains(&AgentState::Stalled), "{name}: {states:?}");
        }
    }
}

#[test]
fn the_deadlines_tell_an_orphaned_stream_from_a_good_one() {
    let Some(folder) = recordings() else { return };
    let pace = crate::settings::Pace::default();
    let (_, runs) = super::replay::read(&folder, "34");
    assert_eq!(runs.len(), 2);
    for run in runs {
        let connections = run.value["connections"].as_array().unwrap().clone();
        for connection in &connections {
            let opened = connection["opened_at_s"].as_f64().unwrap();
            let chunks = connection["chunks"].as_array().unwrap().iter();
            let at: Vec<f64> = chunks.map(|chunk| chunk[0].as_f64().unwrap()).collect();
            // The first one was opened while the server booted and stays silent for ever.
            assert_eq!(at.is_empty(), connection["name"] == "conn1");
            let mut before = opened;
            for (index, now) in at.iter().enumerate() {
                let limit = if index == 0 { pace.first_byte } else { pace.heartbeat_deadline };
                assert!(now - before < limit.as_secs_f64(), "{connection}");
                before = *now;
            }
        }
    }
}
