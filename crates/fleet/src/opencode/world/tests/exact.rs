//! What exactly is seen in the recordings that matter most.

use std::time::Duration;

use model::AgentState::{self, Dead, Failed, Idle, Stalled, WaitingHuman, WaitingProvider, Working};
use model::{Confidence, Phase, TokenCounts};

use super::replay::{Replay, limits, recordings};

/// Replays with limits of `limit` seconds and lets 5 s pass at the end.
fn replay(prefix: &str, limit: u64) -> Option<Replay> {
    let folder = recordings()?;
    let mut replay = Replay::new(limits(limit));
    replay.play(&folder, prefix);
    replay.pass(Duration::from_secs(5));
    Some(replay)
}

fn check(prefix: &str, name: &str, expected: &[AgentState]) -> Option<Replay> {
    let replay = replay(prefix, 300)?;
    assert_eq!(replay.states(name), expected, "{prefix}");
    Some(replay)
}

fn evidence(replay: &Replay, name: &str) -> String {
    let agent = replay.agent(name);
    agent.status.evidence.iter().map(|evidence| evidence.what.as_str()).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_prompt_that_completes_is_work_and_then_rest() {
    let Some(replay) = check("01", "simple", &[Idle, Working, Idle]) else { return };
    let agent = replay.agent("simple");
    assert_eq!((agent.totals.turns, agent.totals.steps, agent.totals.tool_calls), (1, 1, 0));
    assert_eq!(agent.totals.tokens.total(), 1225);
    assert!((agent.totals.cost_usd - 0.003435).abs() < 1e-9);
    assert_eq!((agent.role.as_deref(), agent.model.as_deref()), (Some("build"), Some("ok")));
    assert_eq!(agent.status.confidence, Confidence::Observed);
}

#[test]
fn a_command_that_exits_with_3_is_a_tool_error() {
    for prefix in ["02-", "02b", "02c"] {
        let Some(replay) = replay(prefix, 300) else { return };
        let agent = replay.agent("tools");
        assert_eq!((agent.totals.tool_calls, agent.totals.tool_errors), (5, 2), "{prefix}");
        assert_eq!((agent.totals.turns, agent.totals.steps, replay.notes), (1, 6, 2), "{prefix}");
    }
}

#[test]
fn todos_are_counted() {
    let Some(replay) = replay("03", 300) else { return };
    let agent = replay.agents.values().next().unwrap();
    assert_eq!((agent.todo.done, agent.todo.total), (3, 3));
}

#[test]
fn a_subagent_is_under_its_parent_and_its_tokens_count_once() {
    let Some(replay) = check("04", "parent", &[Idle, Working, Idle]) else { return };
    let child = replay.agent("Find calc (@general subagent)");
    let parent = replay.agent("parent");
    assert_eq!(child.parent.as_ref(), Some(&parent.id));
    let spent = TokenCounts { input: 2100, output: 40, reasoning: 10, ..TokenCounts::default() };
    assert_eq!(parent.totals.tokens.input, spent.input);
    assert_eq!(child.totals.tokens.input, spent.input);
    assert!((parent.totals.cost_usd + child.totals.cost_usd - 0.0141).abs() < 1e-9);
    assert_eq!(child.role.as_deref(), Some("general"));
}

#[test]
fn a_parent_waits_for_its_child() {
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(300));
    replay.play_until(&folder, "04", 1500);
    let parent = replay.agent("parent");
    assert_eq!(parent.status.phase, Some(Phase::WaitingChild));
    assert!(evidence(&replay, "parent").contains("Find calc (@general subagent)"));
}

#[test]
fn a_parent_is_never_stalled_before_its_child() {
    let Some(replay) = replay("31a", 5) else { return };
    let parent = replay.agents.values().find(|agent| agent.parent.is_none()).unwrap();
    assert!(!replay.history[&parent.session].contains(&Stalled));
}

#[test]
fn a_model_that_never_answers_stalls_its_agent_once_the_stream_is_proven_alive() {
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(5));
    replay.play_until(&folder, "05", 9_900);
    assert_eq!(replay.states("hang"), [Idle, Working]);
    replay = Replay::new(limits(5));
    replay.play_until(&folder, "05", 13_000);
    assert_eq!(replay.states("hang"), [Idle, Working, Stalled]);
    let agent = replay.agent("hang");
    assert_eq!(agent.status.phase, Some(Phase::WaitingModel));
    assert_eq!(agent.status.confidence, Confidence::Inferred);
    let why = evidence(&replay, "hang");
    assert!(why.starts_with("asked the model at "), "{why}");
    assert!(why.contains("; no token, tool or file change since"), "{why}");
    replay = self::replay("05", 5).unwrap();
    assert_eq!(replay.states("hang"), [Idle, Working, Stalled, Working, Idle]);
    assert_eq!(replay.agent("hang").totals.turns, 2);
    assert_eq!(replay.agent("hang").totals.llm_errors, 0);
}

#[test]
fn an_answer_that_stops_in_the_middle_stalls() {
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(120));
    replay.play_until(&folder, "33", 150_000);
    assert_eq!(replay.states("midhang"), [Idle, Working, Stalled]);
    assert_eq!(replay.agent("midhang").status.phase, Some(Phase::Streaming));
    let why = evidence(&replay, "midhang");
    assert!(why.contains("stopped in the middle"), "{why}");
}

#[test]
fn an_aborted_stream_ends_idle() {
    let Some(replay) = replay("06", 300) else { return };
    let agent = replay.agents.values().next().unwrap();
    assert_eq!(agent.status.state, Idle);
    assert!(evidence(&replay, &agent.name).contains("was stopped"));
}

#[test]
fn a_model_that_hangs_is_stalled_before_opencode_gives_its_request_up_and_stays_so() {
    let default = crate::FleetSettings::default().stalled_after_model.as_secs();
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(default));
    replay.play_until(&folder, "33", 309_000);
    assert_eq!(replay.states("hang"), [Idle, Working, Stalled]);
    assert_eq!(replay.states("midhang"), [Idle, Working, Stalled]);
    let Some(replay) = self::replay("33", default) else { return };
    assert_eq!(replay.states("hang"), [Idle, Working, Stalled, Idle]);
    let anew = [Idle, Working, Stalled, Working, Idle];
    assert_eq!(replay.states("midhang"), anew, "the second attempt began to answer");
}

#[test]
fn silence_runs_on_when_a_request_is_given_up_and_made_again() {
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(320));
    replay.play_until(&folder, "33", 320_000);
    assert_eq!(replay.states("hang"), [Idle, Working]);
    let why = evidence(&replay, "hang");
    assert!(why.contains("given up at ") && why.contains("timed out after 300000ms; attempt 1"), "{why}");
    let mut replay = Replay::new(limits(320));
    replay.play_until(&folder, "33", 340_000);
    assert_eq!(replay.states("hang"), [Idle, Working, Stalled]);
    assert_eq!(replay.states("midhang"), [Idle, Working]);
}

#[test]
fn a_storm_of_429_is_waiting_for_the_provider_and_then_failed() {
    let Some(replay) = check("08", "err429", &[Idle, Working, WaitingProvider, Failed]) else { return };
    let agent = replay.agent("err429");
    assert_eq!(agent.totals.llm_errors, 6);
    let error = agent.last_error.clone().unwrap();
    assert_eq!((error.class.as_str(), error.status, error.retryable), ("APIError", Some(429), true));
    assert!(evidence(&replay, "err429").contains("429 Rate limit reached"));
}

#[test]
fn a_refusal_says_when_it_asks_again() {
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(300));
    replay.play_until(&folder, "09", 1_500);
    assert_eq!(evidence(&replay, "err429once"), "Rate limit reached for requests; attempt 1, next in 2 s");
    assert_eq!(replay.agent("err429once").retry.as_ref().unwrap().attempt, 1);
}

#[test]
fn a_storm_of_429_never_stalls_even_with_a_limit_shorter_than_the_retries() {
    let Some(replay) = replay("10", 3) else { return };
    let agent = replay.agents.values().next().unwrap();
    assert!(!replay.history[&agent.session].contains(&Stalled));
}

#[test]
fn an_agent_that_gets_through_goes_on() {
    check("09", "err429once", &[Idle, Working, WaitingProvider, Working, Idle]);
}

#[test]
fn persistent_500_fails() {
    let Some(replay) = replay("10", 300) else { return };
    assert!(replay.agents.values().any(|agent| agent.status.state == Failed));
}

#[test]
fn a_wrong_key_fails_at_once_and_for_good() {
    let Some(replay) = check("11", "err401", &[Idle, Working, Failed]) else { return };
    let agent = replay.agent("err401");
    assert!(!agent.last_error.clone().unwrap().retryable);
    assert!(evidence(&replay, "err401").contains("asking again does not help"));
}

#[test]
fn a_context_that_cannot_be_compacted_fails() {
    let Some(replay) = check("12", "errctx", &[Idle, Working, Failed]) else { return };
    let agent = replay.agent("errctx");
    assert_eq!((agent.totals.turns, agent.totals.llm_errors), (1, 2));
    assert_eq!(agent.last_error.clone().unwrap().class, "ContextOverflowError");
}

#[test]
fn a_permission_prompt_waits_for_a_person() {
    let expected = [Idle, Working, WaitingHuman, Working, Idle];
    for prefix in ["14", "15-", "15b"] {
        let Some(replay) = replay(prefix, 300) else { return };
        let states = replay.states("perm");
        assert_eq!(states[..3], expected[..3], "{prefix}");
        assert_eq!(states.last(), Some(&Idle), "{prefix}");
        assert!(replay.agent("perm").pending.is_empty());
    }
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(300));
    replay.play_until(&folder, "14", 3_000);
    let agent = replay.agent("perm");
    assert_eq!(agent.pending[0].what, "bash: rm -f /srv/demo/project/tmpfile");
    assert!(evidence(&replay, "perm").starts_with("asks for permission since "));
}

#[test]
fn a_question_waits_for_a_person() {
    check("16", "question", &[Idle, Working, WaitingHuman, Working, Idle]);
}

#[test]
fn a_session_deleted_at_work_leaves_and_does_not_come_back() {
    let Some(replay) = replay("18", 300) else { return };
    assert!(replay.agents.is_empty(), "{:?}", replay.agents.keys());
}

#[test]
fn a_prompt_sent_to_a_busy_agent_is_a_second_turn_without_rest_between() {
    let Some(replay) = check("19", "busy", &[Idle, Working, Idle]) else { return };
    assert_eq!(replay.agent("busy").totals.turns, 2);
}

#[test]
fn a_disposed_instance_leaves_its_agents_idle() {
    let Some(replay) = replay("29", 300) else { return };
    let agent = replay.agents.values().next().unwrap();
    assert!(matches!(agent.status.state, Idle | AgentState::Unknown));
}

#[test]
fn growing_output_of_a_tool_is_progress() {
    let Some(replay) = replay("30", 2) else { return };
    assert!(replay.history.values().all(|states| !states.contains(&Stalled)));
}

#[test]
fn a_session_of_another_process_is_not_claimed_to_work() {
    let Some(replay) = replay("32", 300) else { return };
    assert_eq!(replay.agents.len(), 1);
    for agent in replay.agents.values() {
        assert!(matches!(agent.status.state, Idle | AgentState::Unknown), "{:?}", agent.status);
    }
}

#[test]
fn agents_at_work_die_with_their_server_and_are_failed_when_it_returns() {
    let Some(folder) = recordings() else { return };
    let mut replay = Replay::new(limits(300));
    replay.play(&folder, "25a");
    replay.pass(Duration::from_secs(2));
    assert_eq!(replay.states("toolhang"), [Idle, Working, Dead]);
    assert_eq!(replay.states("hang"), [Idle, Working, Dead]);
    let died_with = replay.agents.len();
    replay.play_until(&folder, "25b", 3_900);
    replay.pass(Duration::from_secs(2));
    assert_eq!(replay.states("hang"), [Idle, Working, Dead, Failed]);
    assert!(evidence(&replay, "hang").contains("interrupted when its server died"));
    assert_eq!(replay.states("toolhang"), [Idle, Working, Dead, Failed]);
    let mut replay = Replay::new(limits(300));
    replay.play(&folder, "25a");
    replay.pass(Duration::from_secs(2));
    replay.play(&folder, "25b");
    replay.pass(Duration::from_secs(2));
    assert_eq!(replay.states("toolhang").last(), Some(&Idle));
    assert_eq!(replay.agents.len(), died_with, "nothing is there twice");
    let totals = &replay.agent("toolhang").totals;
    assert_eq!((totals.turns, totals.tool_calls), (2, 1));
}
