//! What happens to a stuck agent, from the first look to the outcome.

use std::time::Duration;

use model::{AgentState, CurrentTool, Outcome, Phase, RecoveryRun, SourceState, Trigger};
use runtime::Clock;

use super::world::{Script, World, agent, set_state, source, stuck, with_idle};
use crate::recovery::RESTART_STUCK_AGENTS;
use crate::{AgentFault, RecoverySettings, TriggerError};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn minutes(minutes: u64) -> Duration {
    secs(60 * minutes)
}

fn steps(run: &RecoveryRun) -> Vec<(&str, bool)> {
    run.steps.iter().map(|step| (step.name.as_str(), step.ok)).collect()
}

#[tokio::test]
async fn a_stuck_agent_is_stopped_prompted_and_seen_to_go_on() {
    let world = World::new([stuck("a")]);
    world.watch(secs(40)).await;
    let run = &world.runs()[0];
    assert_eq!(world.outcomes(), [Outcome::Verified], "{}", run.reason);
    assert_eq!(
        steps(run),
        [
            ("verify", true),
            ("abort", true),
            ("verify_idle", true),
            ("prompt", true),
            ("verify_progress", true)
        ]
    );
    assert_eq!((run.trigger, run.action.as_str()), (Trigger::AutoRecovery, RESTART_STUCK_AGENTS));
    assert!(run.before[0].starts_with("a is stalled (waiting_model)"), "{:?}", run.before);
    assert!(run.after[0].starts_with("a is working (streaming)"), "{:?}", run.after);
    assert!(run.finished.is_some());
    let calls = world.calls.lock().clone();
    assert_eq!(calls[..2], ["mark a", "abort a"]);
    assert!(calls[2].starts_with("prompt a: Your last step was stopped after 3"), "{}", calls[2]);
}

#[tokio::test]
async fn the_new_prompt_names_the_tool_that_hung() {
    let mut hung = stuck("a");
    hung.status.phase = Some(Phase::Tool);
    hung.tool = Some(CurrentTool {
        name: "bash".into(),
        call_id: "1".into(),
        title: "sleep 600".into(),
        started: hung.last_progress,
    });
    let world = World::new([hung]);
    world.watch(secs(40)).await;
    assert!(world.calls.lock()[2].contains("the tool `bash` (sleep 600)"), "{:?}", world.calls.lock());
}

#[tokio::test]
async fn nothing_is_done_before_the_warm_up_is_over() {
    let world = World::new([stuck("a")]);
    world.watch(secs(13)).await;
    assert!(world.runs().is_empty() && world.calls.lock().is_empty());
}

#[tokio::test]
async fn that_the_prompt_arrived_is_no_progress() {
    let world = World::new([stuck("a")]);
    world.script.lock().answers_after = None;
    world.watch(secs(90)).await;
    let run = &world.runs()[0];
    assert_eq!(run.outcome, Outcome::Ineffective);
    assert_eq!(steps(run).last(), Some(&("verify_progress", false)));
    assert!(run.reason.contains("no progress within 60 s"), "{}", run.reason);
}

#[tokio::test]
async fn an_agent_that_fails_again_is_not_waited_for() {
    let world = World::new([stuck("a")]);
    world.script.lock().answers_after = None;
    let clock = world.clock.clone();
    world.later(secs(25), "a", move |agent| set_state(agent, AgentState::Failed, None, clock.now()));
    world.watch(secs(40)).await;
    assert_eq!(world.outcomes(), [Outcome::Ineffective]);
    assert!(world.runs()[0].reason.contains("ended with an error"), "{}", world.runs()[0].reason);
}

#[tokio::test]
async fn an_abort_that_fails_ends_the_run() {
    let world = World::new([stuck("a")]);
    world.script.lock().abort = Err(AgentFault::Refused("500".into()));
    world.watch(secs(30)).await;
    let run = &world.runs()[0];
    assert_eq!((run.outcome, steps(run).last()), (Outcome::Failed, Some(&("abort", false))));
    assert_eq!(world.count_calls("prompt"), 0);
}

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for() {
    let world = World::new([stuck("a")]);
    world.script.lock().call_takes = minutes(60);
    world.watch(secs(50)).await;
    let run = &world.runs()[0];
    assert_eq!(run.outcome, Outcome::Failed);
    assert!(run.reason.contains("no answer within 10 s"), "{}", run.reason);
}

#[tokio::test]
async fn an_agent_that_does_not_come_to_rest_is_not_prompted() {
    let world = World::new([stuck("a")]);
    world.script.lock().rests_after = None;
    world.watch(secs(40)).await;
    let run = &world.runs()[0];
    assert_eq!((run.outcome, steps(run).last()), (Outcome::Failed, Some(&("verify_idle", false))));
    assert_eq!(world.count_calls("prompt"), 0);
}

#[tokio::test]
async fn an_agent_that_moved_meanwhile_is_left_alone() {
    let world = World::new([stuck("a")]);
    world.script.lock().moved_when_asked = true;
    world.watch(secs(20)).await;
    let run = &world.runs()[0];
    assert_eq!((world.outcomes(), world.count_calls("abort")), (vec![Outcome::Skipped], 0));
    assert!(run.reason.contains("made progress"), "{}", run.reason);
}

#[tokio::test]
async fn after_two_attempts_a_person_is_needed() {
    let world = World::new([stuck("a")]);
    *world.script.lock() = Script { sticks_again_after: Some(secs(5)), ..Script::default() };
    world.watch(minutes(25)).await;
    assert_eq!(world.count_calls("abort"), 2);
    let last = world.runs().pop().unwrap();
    assert_eq!(last.outcome, Outcome::Skipped);
    assert!(last.reason.contains("a person is needed"), "{}", last.reason);
    // Each reason once, and not at every look: cooling down, then spent.
    let skipped = world.outcomes().iter().filter(|outcome| **outcome == Outcome::Skipped).count();
    assert_eq!(skipped, 2);
}

#[tokio::test]
async fn each_attempt_doubles_the_pause_before_the_next() {
    let world = World::new([stuck("a")]);
    *world.script.lock() = Script { sticks_again_after: Some(secs(1)), ..Script::default() };
    let limits = RecoverySettings { attempts_max: 4, ..RecoverySettings::default() };
    world.play(limits, true, async |_| world.clock.advance(minutes(20)).await).await;
    let mut acted = world.runs();
    acted.retain(|run| run.outcome != Outcome::Skipped);
    let pauses: Vec<u64> =
        acted.windows(2).map(|pair| pair[1].started.since(pair[0].finished.unwrap()).as_secs()).collect();
    assert_eq!(pauses.len(), 3);
    for (pause, least) in pauses.iter().zip([60, 120, 240]) {
        assert!((least..least + 3).contains(pause), "{pauses:?}");
    }
}

#[tokio::test]
async fn only_so_many_are_restarted_at_once() {
    // Twenty agents: two at once.
    let mut agents: Vec<_> = (0..6).map(|number| stuck(&format!("s{number}"))).collect();
    agents = with_idle(agents, 14);
    let world = World::new(agents);
    world.script.lock().answers_after = None;
    world.watch(secs(20)).await;
    assert_eq!(world.count_calls("abort"), 2);
    let capped = world.runs().iter().filter(|run| run.reason.contains("as many as are allowed")).count();
    assert_eq!(capped, 4);
}

#[tokio::test]
async fn while_the_provider_is_the_fault_nothing_is_aborted() {
    let waiting = |name| agent(name, AgentState::WaitingProvider);
    let world = World::new([stuck("a"), waiting("b"), waiting("c")]);
    world.watch(minutes(5)).await;
    assert_eq!(world.count_calls("abort"), 0);
    assert_eq!(world.outcomes(), [Outcome::Skipped]);
    assert!(world.runs()[0].reason.contains("provider is the fault"), "{}", world.runs()[0].reason);
}

#[tokio::test]
async fn one_waiting_agent_does_not_hold_up_the_rescue_of_another() {
    let world = World::new([stuck("a"), agent("b", AgentState::WaitingProvider)]);
    world.watch(secs(30)).await;
    assert_eq!(world.count_calls("abort a"), 1);
}

#[tokio::test]
async fn on_old_knowledge_nothing_is_done() {
    let world = World::new([stuck("a")]);
    *world.sources.lock() = vec![source(SourceState::Down)];
    world.watch(minutes(5)).await;
    assert_eq!((world.count_calls("abort"), world.outcomes()), (0, vec![Outcome::Skipped]));
}

#[tokio::test]
async fn of_parent_and_child_only_the_stuck_child_is_aborted() {
    let mut parent = agent("parent", AgentState::Stalled);
    parent.status.phase = Some(Phase::WaitingChild);
    let mut child = stuck("child");
    child.parent = Some(parent.id.clone());
    // So large a fleet that the limit on restarts at once is not what spares the parent.
    let world = World::new(with_idle(vec![parent, child], 28));
    let clock = world.clock.clone();
    world.later(secs(20), "parent", move |agent| {
        set_state(agent, AgentState::Working, Some(Phase::Streaming), clock.now());
        agent.last_progress = clock.now();
    });
    world.watch(secs(60)).await;
    assert_eq!((world.count_calls("abort child"), world.count_calls("abort")), (1, 1));
    assert_eq!(world.count_calls("prompt"), 0, "the parent goes on by itself");
    let of_child = world.runs().into_iter().find(|run| run.agent_name.as_deref() == Some("child")).unwrap();
    assert_eq!(of_child.outcome, Outcome::Verified, "{}", of_child.reason);
    assert!(of_child.reason.contains("parent goes on"), "{}", of_child.reason);
}

#[tokio::test]
async fn a_run_cut_by_the_end_of_the_program_is_closed_at_the_next_start() {
    let world = World::new([stuck("a")]);
    world.script.lock().answers_after = None;
    world.watch(secs(30)).await;
    assert_eq!(world.outcomes(), [Outcome::Running]);
    world.watch(secs(1)).await;
    let run = &world.runs()[0];
    assert_eq!(run.outcome, Outcome::Failed);
    assert_eq!(run.reason, "Interrupted after the step prompt: Watchkeeper stopped in the middle of it.");
    // It counts as an attempt: the cooldown holds over the restart.
    assert_eq!(world.count_calls("abort"), 1);
}

#[tokio::test]
async fn without_auto_recovery_only_people_act() {
    let world = World::new([stuck("a"), agent("b", AgentState::Idle)]);
    world
        .play(RecoverySettings::default(), false, async |recovery| {
            world.clock.advance(minutes(2)).await;
            assert!(world.runs().is_empty());
            let request = recovery.trigger(RESTART_STUCK_AGENTS, None, "ada");
            let (runs, ()) = tokio::join!(request, world.clock.advance(secs(30)));
            let runs = runs.unwrap();
            assert_eq!((runs.len(), runs[0].outcome), (1, Outcome::Verified));
            assert_eq!((runs[0].trigger, runs[0].actor.as_deref()), (Trigger::Manual, Some("ada")));
        })
        .await;
}

#[tokio::test]
async fn a_person_may_act_when_attempts_are_spent() {
    let world = World::new([stuck("a")]);
    *world.script.lock() = Script { answers_after: None, ..Script::default() };
    world
        .play(RecoverySettings { attempts_max: 0, ..Default::default() }, true, async |recovery| {
            world.clock.advance(secs(20)).await;
            assert_eq!(world.count_calls("abort"), 0);
            let id = model::AgentId::new("a");
            let request = recovery.trigger(RESTART_STUCK_AGENTS, Some(id), "ada");
            let (runs, ()) = tokio::join!(request, world.clock.advance(minutes(2)));
            assert_eq!(runs.unwrap()[0].outcome, Outcome::Ineffective);
        })
        .await;
}

#[tokio::test]
async fn a_request_for_an_agent_that_is_well_is_skipped_with_its_reason() {
    let world = World::new([agent("b", AgentState::Idle)]);
    world
        .play(RecoverySettings::default(), true, async |recovery| {
            let id = model::AgentId::new("b");
            let runs = recovery.trigger(RESTART_STUCK_AGENTS, Some(id), "ada").await.unwrap();
            assert_eq!(
                (runs[0].outcome, runs[0].reason.as_str()),
                (Outcome::Skipped, "The agent is idle and not stuck.")
            );
        })
        .await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_plainly() {
    let world = World::new([]);
    world
        .play(RecoverySettings::default(), true, async |recovery| {
            let ask = async |action: &str, agent: Option<&str>| {
                recovery.trigger(action, agent.map(model::AgentId::new), "ada").await.unwrap_err()
            };
            assert!(matches!(ask("make_coffee", None).await, TriggerError::UnknownAction(_)));
            for action in &crate::ACTIONS[1..] {
                assert!(matches!(ask(action, None).await, TriggerError::NotYet(name) if name == *action));
            }
            assert!(matches!(ask(RESTART_STUCK_AGENTS, Some("x")).await, TriggerError::UnknownAgent(_)));
            let none = recovery.trigger(RESTART_STUCK_AGENTS, None, "ada").await.unwrap();
            assert!(none.is_empty());
        })
        .await;
    assert!(world.calls.lock().is_empty());
}

#[tokio::test]
async fn a_nudge_brings_the_look_forward() {
    let world = World::new([agent("a", AgentState::Working)]);
    let limits = RecoverySettings { every: minutes(10), ..RecoverySettings::default() };
    world
        .play(limits, true, async |recovery| {
            world.clock.advance(minutes(1)).await;
            world.change("a", |agent| agent.status.state = AgentState::Stalled);
            world.clock.advance(secs(5)).await;
            assert!(world.runs().is_empty());
            recovery.nudge();
            world.clock.advance(secs(1)).await;
            assert_eq!(world.runs().len(), 1);
        })
        .await;
}

#[tokio::test]
async fn without_a_record_of_the_intent_nothing_is_done() {
    let world = World::new([stuck("a")]);
    *world.book_is_closed.lock() = true;
    world
        .play(RecoverySettings::default(), true, async |recovery| {
            world.clock.advance(secs(60)).await;
            let id = model::AgentId::new("a");
            let request = recovery.trigger(RESTART_STUCK_AGENTS, Some(id), "ada");
            let (answer, ()) = tokio::join!(request, world.clock.advance(secs(5)));
            assert!(matches!(answer, Err(TriggerError::NotRecorded(_))), "{answer:?}");
        })
        .await;
    assert!(world.calls.lock().is_empty());
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_not_an_empty_success() {
    let world = World::new([stuck("a")]);
    world.change("a", |agent| agent.status.state = model::AgentState::Idle);
    *world.book_is_closed.lock() = true;
    world
        .play(RecoverySettings::default(), true, async |recovery| {
            let id = model::AgentId::new("a");
            let request = recovery.trigger(RESTART_STUCK_AGENTS, Some(id), "ada");
            let (answer, ()) = tokio::join!(request, world.clock.advance(secs(5)));
            assert!(matches!(answer, Err(TriggerError::NotRecorded(_))), "{answer:?}");
        })
        .await;
}
