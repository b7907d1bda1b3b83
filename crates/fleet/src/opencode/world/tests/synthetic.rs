//! Situations that the recordings do not show.

use std::collections::HashMap;
use std::time::Duration;

use model::{AgentId, AgentState, AgentStatus, AgentTotals, Confidence, Timestamp};
use serde_json::{Value, json};
use state::AgentRecord;

use super::super::super::snapshot::{Reading, SessionList, Snapshot};
use super::super::super::wire::{self, Message, Part, SessionInfo};
use super::super::{World, WorldSettings};
use super::replay::limits;
use crate::judge::Moment;

pub fn at(seconds: u64) -> Moment {
    Moment {
        at: Timestamp::from_secs(10_000) + Duration::from_secs(seconds),
        mono: Duration::from_secs(seconds),
    }
}

fn at_ms(millis: u64) -> Moment {
    let passed = Duration::from_millis(millis);
    Moment { at: Timestamp::from_secs(10_000) + passed, mono: passed }
}

pub fn world(idle_sessions_max: usize, saved: HashMap<AgentId, AgentRecord>) -> World {
    let settings = WorldSettings {
        source: "test".to_owned(),
        host: "a:1".to_owned(),
        limits: limits(30),
        heartbeat: Duration::from_secs(10),
        idle_sessions_max,
    };
    let mut world = World::new(settings, saved);
    world.heard_byte(at(0));
    world.connected(at(0));
    world
}

pub fn info(id: &str, updated: i64) -> Value {
    json!({"id": id, "title": id, "directory": "/d", "time": {"created": 1, "updated": updated}})
}

pub fn send(world: &mut World, kind: &str, properties: Value, now: Moment) {
    let event = json!({"directory": "/d", "payload": {"type": kind, "properties": properties}});
    world.apply(wire::decode(event.to_string().as_bytes(), now.at).unwrap(), now);
}

pub fn list(world: &mut World, sessions: &[Value], asked: Moment, is_partial: bool) {
    let sessions = sessions.iter().filter_map(SessionInfo::read).collect();
    let list = Some(SessionList { sessions, is_partial, left_out: 0 });
    world.apply_snapshot(Snapshot { asked, list, directories: Vec::new() }, asked);
}

fn names(world: &mut World, now: Moment) -> Vec<String> {
    world.judge_by_time(now);
    let mut names: Vec<String> = world.sessions.keys().cloned().collect();
    names.sort();
    names
}

fn state(world: &mut World, id: &str, now: Moment) -> AgentState {
    world.judge_by_time(now);
    world.agent(id).unwrap().status.state
}

#[test]
fn only_the_newest_sessions_at_rest_are_held_and_the_others_counted() {
    let mut world = world(2, HashMap::new());
    let sessions: Vec<Value> = (0..5).map(|n| info(&format!("ses_{n}"), 100 + n)).collect();
    list(&mut world, &sessions, at(1), false);
    assert_eq!(names(&mut world, at(1)), ["ses_3", "ses_4"]);
    assert_eq!(world.left_out(), 3);
}

#[test]
fn a_session_that_is_no_longer_listed_is_gone_unless_it_is_older_than_the_list() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10), info("ses_b", 20), info("ses_c", 30)], at(1), false);
    list(&mut world, &[info("ses_c", 30), info("ses_d", 15)], at(2), true);
    assert_eq!(names(&mut world, at(2)), ["ses_a", "ses_c", "ses_d"]);
}

#[test]
fn an_archived_session_leaves() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    let mut archived = info("ses_a", 20);
    archived["time"]["archived"] = json!(20);
    send(&mut world, "session.updated", json!({"info": archived}), at(2));
    let changes = world.judge(at(2));
    assert_eq!(changes.removed, [AgentId::new("opencode:a:1:ses_a")]);
}

#[test]
fn an_event_is_newer_than_the_answer_to_an_earlier_question() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    send(&mut world, "session.status", json!({"sessionID": "ses_a", "status": {"type": "busy"}}), at(5));
    let state_map = super::super::super::snapshot::DirectoryState {
        directory: "/d".to_owned(),
        statuses: Some(HashMap::new()),
        permissions: None,
        questions: None,
    };
    let snapshot = |asked| Snapshot { asked, list: None, directories: vec![state_map.clone()] };
    world.apply_snapshot(snapshot(at(4)), at(6));
    assert_eq!(state(&mut world, "ses_a", at(8)), AgentState::Working);
    world.apply_snapshot(snapshot(at(9)), at(9));
    assert_eq!(state(&mut world, "ses_a", at(11)), AgentState::Idle);
}

fn failed_at(world: &mut World, millis: u64) {
    let error = json!({"name": "APIError", "data": {"message": "no", "statusCode": 400}});
    let now = at_ms(millis);
    send(world, "session.error", json!({"sessionID": "ses_a", "error": error}), now);
    send(world, "session.status", json!({"sessionID": "ses_a", "status": {"type": "idle"}}), now);
    send(world, "session.idle", json!({"sessionID": "ses_a"}), now);
}

fn busy_at(world: &mut World, millis: u64) {
    let busy = json!({"sessionID": "ses_a", "status": {"type": "busy"}});
    send(world, "session.status", busy, at_ms(millis));
}

#[test]
fn a_failure_is_due_before_the_next_tick_and_judged_then() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    busy_at(&mut world, 2000);
    world.judge(at_ms(2000));
    assert_eq!(world.next_due(), None, "work is not damped");
    failed_at(&mut world, 5100);
    assert!(world.judge(at_ms(5100)).changed.iter().all(|change| change.transition.is_none()));
    let due = world.next_due().unwrap();
    assert_eq!(due, Duration::from_millis(5400));
    let changes = world.judge(at_ms(5400));
    assert_eq!(changes.changed[0].agent.status.state, AgentState::Failed);
    assert_eq!(world.next_due(), None);
}

#[test]
fn an_error_that_is_answered_with_the_next_prompt_is_no_failure() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    busy_at(&mut world, 2000);
    world.judge(at_ms(2000));
    for turn in 1..=5 {
        failed_at(&mut world, 5000 * turn);
        world.judge(at_ms(5000 * turn));
        busy_at(&mut world, 5000 * turn + 250);
        for millis in [250, 300, 1000] {
            let changes = world.judge(at_ms(5000 * turn + millis));
            assert!(changes.changed.iter().all(|change| change.transition.is_none()), "{changes:?}");
        }
        assert_eq!(world.next_due(), None);
    }
    assert_eq!(world.agent("ses_a").unwrap().totals.llm_errors, 5, "each of them counts");
}

#[test]
fn an_error_in_the_middle_of_a_turn_that_goes_on_is_no_failure() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    let message = |id: &str, created: u64, completed: Option<u64>| {
        json!({"info": {"id": id, "sessionID": "ses_a", "role": "assistant", "parentID": "msg_1",
            "time": {"created": created, "completed": completed}}})
    };
    busy_at(&mut world, 2000);
    send(&mut world, "message.updated", message("msg_2", 2000, None), at_ms(2000));
    let error = json!({"name": "ContextOverflowError", "data": {"message": "too long"}});
    send(&mut world, "session.error", json!({"sessionID": "ses_a", "error": error}), at_ms(3000));
    assert_eq!(state(&mut world, "ses_a", at_ms(3000)), AgentState::Working);
    send(&mut world, "message.updated", message("msg_3", 4000, None), at_ms(4000));
    send(&mut world, "message.updated", message("msg_3", 4000, Some(5000)), at_ms(5000));
    send(&mut world, "session.idle", json!({"sessionID": "ses_a"}), at_ms(5000));
    assert_eq!(state(&mut world, "ses_a", at_ms(5300)), AgentState::Working);
    assert_eq!(state(&mut world, "ses_a", at_ms(6000)), AgentState::Idle, "its last answer is good");
}

#[test]
fn a_prompt_that_is_written_again_is_not_the_newest() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    let prompt = |id: &str, created: u64| json!({"info": {"id": id, "sessionID": "ses_a", "role": "user", "time": {"created": created}}});
    send(&mut world, "message.updated", prompt("msg_1", 2000), at_ms(2000));
    busy_at(&mut world, 2000);
    send(&mut world, "message.updated", prompt("msg_2", 3000), at_ms(3000));
    failed_at(&mut world, 4000);
    send(&mut world, "message.updated", prompt("msg_1", 2000), at_ms(4000));
    assert_eq!(state(&mut world, "ses_a", at_ms(5000)), AgentState::Failed);
}

#[test]
fn a_session_nobody_introduced_is_asked_for_and_a_missing_one_forgotten() {
    let mut world = world(10, HashMap::new());
    let busy = |id: &str| json!({"sessionID": id, "status": {"type": "busy"}});
    send(&mut world, "session.status", busy("ses_new"), at(1));
    assert_eq!(world.take_to_fetch(), [("ses_new".to_owned(), Some("/d".to_owned()))]);
    world.apply_fetched("ses_new", None, at(2));
    send(&mut world, "session.status", busy("ses_new"), at(3));
    assert!(world.take_to_fetch().is_empty() && names(&mut world, at(3)).is_empty());
}

fn reading(completed: bool) -> Reading {
    let mut message = json!({"id": "msg_2", "sessionID": "ses_a", "role": "assistant", "parentID": "msg_1",
        "time": {"created": 5}});
    if completed {
        message["time"]["completed"] = json!(9);
    }
    let part = json!({"id": "prt_1", "messageID": "msg_2", "sessionID": "ses_a", "type": "tool", "tool": "bash",
        "state": {"status": "error", "error": "no", "input": {}}});
    let messages = vec![(Message::read(&message).unwrap(), vec![Part::read(&part).unwrap()])];
    Reading { asked: at(2), session: "ses_a".to_owned(), messages, todo: None }
}

fn saved(state: AgentState) -> HashMap<AgentId, AgentRecord> {
    let totals =
        AgentTotals { turns: 7, tool_calls: 3, tool_errors: 1, cost_usd: 9.0, ..AgentTotals::default() };
    let status = AgentStatus {
        state,
        phase: None,
        since: at(0).at,
        evidence: Vec::new(),
        confidence: Confidence::Observed,
    };
    let record = AgentRecord { first_seen: at(0).at, totals, status, saved: at(0).at };
    HashMap::from([(AgentId::new("opencode:a:1:ses_a"), record)])
}

#[test]
fn counters_go_on_after_a_restart_and_old_messages_do_not_count_again() {
    let mut world = world(10, saved(AgentState::Idle));
    let mut session = info("ses_a", 10);
    session["cost"] = json!(1.5);
    list(&mut world, &[session], at(1), false);
    world.apply_reading(reading(true), at(2));
    world.judge(at(2));
    let totals = world.agent("ses_a").unwrap().totals.clone();
    assert_eq!((totals.turns, totals.tool_calls, totals.tool_errors), (7, 3, 1));
    assert!((totals.cost_usd - 1.5).abs() < 1e-9, "the session's own number, not a sum");
    let part = json!({"id": "prt_9", "messageID": "msg_2", "sessionID": "ses_a", "type": "tool", "tool": "read",
        "state": {"status": "completed", "input": {}}});
    send(&mut world, "message.part.updated", json!({"part": part}), at(3));
    world.judge(at(3));
    assert_eq!(world.agent("ses_a").unwrap().totals.tool_calls, 4);
}

#[test]
fn a_turn_under_way_at_the_first_look_counts_once() {
    for (before, expected) in [
        (None, 1),
        (Some(AgentState::Idle), 8),
        (Some(AgentState::Failed), 8),
        (Some(AgentState::Working), 7),
        (Some(AgentState::Dead), 7),
    ] {
        let mut world = world(10, before.map(saved).unwrap_or_default());
        list(&mut world, &[info("ses_a", 10)], at(1), false);
        busy_at(&mut world, 1500);
        world.apply_reading(reading(false), at(2));
        world.judge(at(2));
        assert_eq!(world.agent("ses_a").unwrap().totals.turns, expected, "{before:?}");
        let answer = json!({"id": "msg_3", "sessionID": "ses_a", "role": "assistant", "parentID": "msg_1",
            "time": {"created": 6}});
        send(&mut world, "message.updated", json!({"info": answer}), at(3));
        world.judge(at(3));
        assert_eq!(world.agent("ses_a").unwrap().totals.turns, expected, "{before:?}: its next step");
    }
}

#[test]
fn a_turn_without_end_that_nobody_works_on_does_not_count() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    world.apply_reading(reading(false), at(2));
    world.judge(at(2));
    assert_eq!(world.agent("ses_a").unwrap().totals.turns, 0);
}

#[test]
fn a_turn_without_end_is_interrupted_only_if_it_was_seen_at_work() {
    for (before, expected) in [
        (Some(AgentState::Working), AgentState::Failed),
        (Some(AgentState::Dead), AgentState::Failed),
        (Some(AgentState::Idle), AgentState::Unknown),
        (None, AgentState::Unknown),
    ] {
        let mut world = world(10, before.map(saved).unwrap_or_default());
        list(&mut world, &[info("ses_a", 10)], at(1), false);
        world.apply_reading(reading(false), at(2));
        assert_eq!(state(&mut world, "ses_a", at(3)), expected, "{before:?}");
    }
}

#[test]
fn names_are_safe_and_never_a_date() {
    let mut world = world(10, HashMap::new());
    let mut session = info("ses_a", 10);
    session["title"] = json!("evil\u{202e}\u{0} token=abcdef");
    send(&mut world, "session.updated", json!({"info": session}), at(1));
    world.judge(at(1));
    let name = world.agent("ses_a").unwrap().name.clone();
    assert!(name.starts_with("evil\\u{202e}\\u{0} token=[redacted:name:"), "{name}");
    session["title"] = json!("New session - 2026-11-23T08:00:00.000Z");
    session["slug"] = json!("calm-lake");
    send(&mut world, "session.updated", json!({"info": session}), at(2));
    world.judge(at(2));
    assert_eq!(world.agent("ses_a").unwrap().name, "calm-lake");
}

#[test]
fn after_a_reconnect_limits_wait_for_two_heartbeats() {
    let mut world = world(10, HashMap::new());
    list(&mut world, &[info("ses_a", 10)], at(1), false);
    let busy = json!({"sessionID": "ses_a", "status": {"type": "busy"}});
    send(&mut world, "session.status", busy, at(2));
    for second in 3..=32 {
        world.heard_byte(at(second));
    }
    let link = crate::judge::Link::Lost { since: at(32), reason: "gone".to_owned() };
    world.disconnected(link);
    world.heard_byte(at(34));
    world.connected(at(34));
    world.heard_byte(at(44));
    assert_eq!(state(&mut world, "ses_a", at(45)), AgentState::Working, "silent for 40 s, but not settled");
    world.heard_byte(at(54));
    assert_eq!(state(&mut world, "ses_a", at(54)), AgentState::Stalled);
}
