//! Since when agents are in the state that a start of the program finds them in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Agent, AgentId, AgentState, AgentStatus, AgentTotals, Confidence, Timestamp};
use serde_json::{Value, json};
use state::AgentRecord;

use super::super::super::snapshot::{DirectoryState, Reading, Snapshot};
use super::super::super::wire::{Message, PermissionRequest, Status};
use super::super::World;
use super::synthetic::{at, info, list, send, world};

/// Milliseconds of the server's clock, so many seconds before the start.
fn before_ms(seconds: u64) -> i64 {
    before(seconds).as_millis()
}

fn before(seconds: u64) -> Timestamp {
    at(0).at - Duration::from_secs(seconds)
}

/// An id as the server makes them.
fn id(kind: &str, made: Timestamp) -> String {
    format!("{kind}_{:09x}001abc", made.as_millis())
}

fn saved(state: AgentState, since: Timestamp) -> HashMap<AgentId, AgentRecord> {
    let confidence = Confidence::Observed;
    let status = AgentStatus { state, phase: None, since, evidence: Vec::new(), confidence };
    let mut totals = AgentTotals::default();
    totals.time_in_state.insert(state, Duration::from_secs(7));
    let record = AgentRecord { first_seen: since, totals, status, saved: since };
    HashMap::from([(AgentId::new("opencode:a:1:ses_a"), record)])
}

/// What a server says of its one session: prompted 600 s ago, and asked for a permission or
/// answered 400 s ago.
#[derive(Clone, Copy)]
enum Server {
    Asks,
    Works,
    Rests,
}

fn start(server: Server, saved: HashMap<AgentId, AgentRecord>) -> World {
    let mut world = world(10, saved);
    list(&mut world, &[info("ses_a", before_ms(400))], at(1), false);
    let busy = Status::read(&json!({"type": "busy"})).unwrap();
    let is_busy = !matches!(server, Server::Rests);
    let asked = json!({"id": id("per", before(400)), "sessionID": "ses_a", "permission": "bash"});
    let permissions = if matches!(server, Server::Asks) { vec![asked] } else { Vec::new() };
    let state = DirectoryState {
        directory: "/d".to_owned(),
        statuses: Some(is_busy.then(|| ("ses_a".to_owned(), busy)).into_iter().collect()),
        permissions: Some(permissions.iter().filter_map(PermissionRequest::read).collect()),
        questions: None,
    };
    world.apply_snapshot(Snapshot { asked: at(1), list: None, directories: vec![state] }, at(1));
    world.apply_reading(reading(&answer(is_busy)), at(1));
    world.judge(at(2));
    world
}

fn answer(is_busy: bool) -> Value {
    let completed = if is_busy { Value::Null } else { json!(before_ms(400)) };
    json!({"id": id("msg", before(500)), "sessionID": "ses_a", "role": "assistant",
        "parentID": id("msg", before(600)), "time": {"created": before_ms(500), "completed": completed}})
}

fn reading(message: &Value) -> Reading {
    let messages = vec![(Message::read(message).unwrap(), Vec::new())];
    Reading { asked: at(1), session: "ses_a".to_owned(), messages, todo: None }
}

fn agent(world: &World) -> Arc<Agent> {
    world.agent("ses_a").unwrap()
}

#[test]
fn without_a_last_run_the_servers_records_say_since_when() {
    for (server, state, since) in [
        (Server::Asks, AgentState::WaitingHuman, before(400)),
        (Server::Works, AgentState::Working, before(600)),
        (Server::Rests, AgentState::Idle, before(400)),
    ] {
        let agent = agent(&start(server, HashMap::new()));
        assert_eq!((agent.status.state, agent.status.since), (state, since));
    }
}

#[test]
fn a_question_is_as_old_as_it_was_before_the_restart() {
    let agent = agent(&start(Server::Asks, saved(AgentState::WaitingHuman, before(399))));
    assert_eq!(agent.status.since, before(399), "as it was told then");
    assert_eq!((agent.pending[0].since, agent.last_progress), (before(400), before(400)));
    assert!(agent.status.evidence[0].what.contains("since 02:40:00"), "{:?}", agent.status.evidence);
}

#[test]
fn the_last_run_is_believed_about_the_same_stay_only() {
    for (server, state, saved_since, since) in [
        (Server::Works, AgentState::Working, before(450), before(450)),
        (Server::Works, AgentState::Working, before(900), before(600)),
        (Server::Rests, AgentState::Idle, before(399), before(399)),
        (Server::Rests, AgentState::Idle, before(900), before(400)),
        (Server::Works, AgentState::Idle, before(399), before(600)),
    ] {
        let agent = agent(&start(server, saved(state, saved_since)));
        assert_eq!(agent.status.since, since, "{state:?} since {saved_since}");
    }
}

#[test]
fn a_model_that_was_asked_before_the_start_has_been_silent_since() {
    let agent = agent(&start(Server::Works, HashMap::new()));
    assert_eq!(agent.last_progress, before(400), "the session last changed then");
}

#[test]
fn a_stay_that_nobody_watched_does_not_count_and_one_over_a_restart_does() {
    for (last_run, expected) in [
        (HashMap::new(), Duration::from_secs(8)),
        (saved(AgentState::Idle, before(900)), Duration::from_secs(15)),
        (saved(AgentState::Idle, before(399)), Duration::from_secs(7 + 399 + 10)),
    ] {
        let mut world = start(Server::Rests, last_run);
        send(&mut world, "session.status", json!({"sessionID": "ses_a", "status": {"type": "busy"}}), at(10));
        world.judge(at(10));
        assert_eq!(agent(&world).totals.time_in_state[&AgentState::Idle], expected);
    }
}
