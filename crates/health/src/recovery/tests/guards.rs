//! Each guard by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::{Agent, AgentError, AgentId, AgentState, CurrentTool, SourceState, Trigger};
use testkit::clock::START;

use super::world::{agent, source, stuck, with_idle};
use crate::RecoverySettings;
use crate::recovery::guards::{Scene, cap, may_restart};

/// The refusal's kind for `agent` among `others`, in a calm and live world; none when allowed.
fn check(
    agent: &Agent,
    others: &[Agent],
    trigger: Trigger,
    limits: &RecoverySettings,
    scene: impl FnOnce(Scene<'_>, &dyn Fn(Scene<'_>)),
) -> Option<&'static str> {
    let agents: Vec<Arc<Agent>> = others.iter().chain([agent]).cloned().map(Arc::new).collect();
    let running = BTreeSet::new();
    let calm = Scene {
        now: START,
        calm_for: Duration::from_secs(3600),
        agents: &agents,
        sources: &[source(SourceState::Live)],
        running: &running,
    };
    let answer = std::cell::Cell::new(None);
    scene(calm, &|scene| {
        answer.set(may_restart(agent, trigger, scene, &[], limits).err().map(|refusal| refusal.kind()));
    });
    answer.get()
}

fn automatic(agent: &Agent, others: &[Agent]) -> Option<&'static str> {
    check(agent, others, Trigger::AutoRecovery, &RecoverySettings::default(), |scene, decide| decide(scene))
}

fn manual(agent: &Agent, others: &[Agent]) -> Option<&'static str> {
    check(agent, others, Trigger::Manual, &RecoverySettings::default(), |scene, decide| decide(scene))
}

#[test]
fn a_stuck_agent_may_be_restarted_and_no_other() {
    assert_eq!(automatic(&stuck("a"), &[]), None);
    for state in AgentState::ALL.into_iter().filter(|state| !state.is_stuck()) {
        assert_eq!(automatic(&agent("a", state), &[]), Some("not_stuck"), "{state:?}");
    }
}

#[test]
fn an_error_that_cannot_be_retried_stops_us_until_it_is_overcome() {
    let mut broke = stuck("a");
    let error = AgentError {
        class: "ProviderAuthError".into(),
        message: "bad key".into(),
        status: Some(401),
        retryable: false,
        at: broke.last_progress + Duration::from_secs(1),
    };
    broke.last_error = Some(error.clone());
    assert_eq!(automatic(&broke, &[]), Some("not_retryable"));
    assert_eq!(manual(&broke, &[]), None, "a person may have changed the key");
    broke.last_error = Some(AgentError { retryable: true, ..error.clone() });
    assert_eq!(automatic(&broke, &[]), None);
    broke.last_error = Some(AgentError { at: broke.last_progress - Duration::from_secs(1), ..error });
    assert_eq!(automatic(&broke, &[]), None);
}

#[test]
fn a_provider_incident_begins_at_thirty_percent() {
    let waiting = |count: usize| -> Vec<Agent> {
        (0..count).map(|number| agent(&format!("w{number}"), AgentState::WaitingProvider)).collect()
    };
    let mut others: Vec<Agent> =
        (0..7).map(|number| agent(&format!("b{number}"), AgentState::Working)).collect();
    others.extend(waiting(2));
    assert_eq!(automatic(&stuck("a"), &others), None, "2 of 10");
    others.truncate(6);
    others.extend(waiting(3));
    assert_eq!(automatic(&stuck("a"), &others), Some("provider_incident"), "3 of 10");
    assert_eq!(manual(&stuck("a"), &others), None);
}

#[test]
fn a_parent_is_never_restarted_while_its_child_works() {
    let parent = stuck("parent");
    let mut child = agent("child", AgentState::Working);
    child.parent = Some(parent.id.clone());
    assert_eq!(automatic(&parent, &[child.clone()]), Some("child_at_work"));
    assert_eq!(manual(&parent, &[child.clone()]), Some("child_at_work"));
    child.status.state = AgentState::Idle;
    assert_eq!(automatic(&parent, &[child]), None);
}

#[test]
fn tools_that_may_take_long_are_left_to_people() {
    let mut builds = stuck("a");
    builds.tool = Some(CurrentTool {
        name: "build".into(),
        call_id: "1".into(),
        title: "make world".into(),
        started: START,
    });
    let limits =
        RecoverySettings { tools_never_aborted: vec!["build".into()], ..RecoverySettings::default() };
    let decide = |trigger| check(&builds, &[], trigger, &limits, |scene, decide| decide(scene));
    assert_eq!(decide(Trigger::AutoRecovery), Some("tool_may_take_long"));
    assert_eq!(decide(Trigger::Manual), None);
}

#[test]
fn old_knowledge_and_a_full_house_stop_people_too() {
    let limits = RecoverySettings::default();
    for trigger in [Trigger::AutoRecovery, Trigger::Manual] {
        let kind = check(&stuck("a"), &[], trigger, &limits, |scene, decide| {
            decide(Scene { sources: &[source(SourceState::Connecting)], ..scene });
        });
        assert_eq!(kind, Some("source_not_live"));
        let kind = check(&stuck("a"), &[], trigger, &limits, |scene, decide| {
            decide(Scene { running: &BTreeSet::from([AgentId::new("b")]), ..scene });
        });
        assert_eq!(kind, Some("fleet_cap"));
        let kind = check(&stuck("a"), &[], trigger, &limits, |scene, decide| {
            decide(Scene { running: &BTreeSet::from([AgentId::new("a")]), ..scene });
        });
        assert_eq!(kind, Some("already_running"));
    }
}

#[test]
fn warm_up_binds_only_ourselves() {
    let limits = RecoverySettings::default();
    let young = |trigger| {
        check(&stuck("a"), &[], trigger, &limits, |scene, decide| {
            decide(Scene { calm_for: Duration::from_secs(14), ..scene });
        })
    };
    assert_eq!(young(Trigger::AutoRecovery), Some("warm_up"));
    assert_eq!(young(Trigger::Manual), None);
}

#[test]
fn the_cap_is_a_tenth_of_the_fleet_between_one_and_five() {
    let limits = RecoverySettings::default();
    for (agents, at_once) in [(1, 1), (9, 1), (20, 2), (49, 4), (500, 5)] {
        let fleet: Vec<_> = with_idle(vec![], agents).into_iter().map(Arc::new).collect();
        assert_eq!(cap(&fleet, &limits), at_once, "{agents} agents");
    }
}
