//! What subscribers hear and what the store holds.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use model::{
    AgentState, AgentStatus, Confidence, LogSeverity, MatchOp, Matcher, SourceState, TimeRange, TokenCounts,
    is_stale,
};
use storage::{LogQuery, LogReader, QueryLimits, SampleReader};
use testkit::{FakeClock, MemoryStore};

use super::*;
use crate::opencode::world::Change;
use crate::settings::{OpenCodeSource, Pace};

struct Stand {
    clock: FakeClock,
    store: Arc<MemoryStore>,
    publisher: Publisher,
    _folder: tempfile::TempDir,
}

async fn stand() -> Stand {
    let folder = tempfile::tempdir().unwrap();
    let clock = FakeClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let state = State::open(&folder.path().join("state.db"), shared.clone()).await.unwrap();
    let store = Arc::new(MemoryStore::new());
    let publisher = Publisher::new(shared.clone(), store.clone(), state);
    let client = Client::new(&OpenCodeSource::default_place(), Pace::default(), shared).unwrap();
    publisher.begin_source(status(SourceState::Connecting), Arc::new(client)).await;
    publisher.source(status(SourceState::Live)).await;
    Stand { clock, store, publisher, _folder: folder }
}

fn status(state: SourceState) -> SourceStatus {
    SourceStatus {
        name: "here".to_owned(),
        kind: "opencode".to_owned(),
        url: "http://127.0.0.1:4096".to_owned(),
        state,
        reason: "tested".to_owned(),
        since: Timestamp::default(),
        last_seen: None,
        version: None,
    }
}

fn agent(state: AgentState, input: u64) -> Arc<Agent> {
    let at = testkit::clock::START;
    let status =
        AgentStatus { state, phase: None, since: at, evidence: Vec::new(), confidence: Confidence::Observed };
    let totals = model::AgentTotals {
        tokens: TokenCounts { input, ..TokenCounts::default() },
        ..model::AgentTotals::default()
    };
    Arc::new(Agent {
        id: AgentId::new("opencode:h:1:ses_1"),
        kind: "opencode".to_owned(),
        source: "here".to_owned(),
        session: "ses_1".to_owned(),
        name: "fixer".to_owned(),
        directory: "/d".to_owned(),
        project: None,
        parent: None,
        role: None,
        provider: None,
        model: Some("m".to_owned()),
        version: None,
        task: None,
        created: at,
        last_event: at,
        last_progress: at,
        status,
        tool: None,
        retry: None,
        pending: Vec::new(),
        todo: model::Todo::default(),
        totals,
        last_error: None,
    })
}

fn changes(agent: &Arc<Agent>, transition: Option<Option<AgentState>>) -> Changes {
    let (agent, first_seen) = (agent.clone(), agent.created);
    let change = Change { agent, first_seen, last_run: None, counts_from: first_seen, transition };
    Changes { changed: vec![change], ..Changes::default() }
}

impl Stand {
    async fn present(&self, metric: &str) -> Vec<(String, f64)> {
        let name = Matcher::new("__name__", MatchOp::Equal, metric).unwrap();
        let series = self.store.select(&[name], TimeRange::ALL, QueryLimits::default()).await.unwrap();
        series
            .into_iter()
            .map(|series| (series.labels.value("state").to_owned(), series.samples.last().unwrap().value))
            .filter(|(_, value)| !is_stale(*value))
            .collect()
    }
}

fn heard(events: &mut broadcast::Receiver<FleetEvent>) -> Vec<&'static str> {
    std::iter::from_fn(|| events.try_recv().ok())
        .map(|event| match event {
            FleetEvent::Changed(_) => "changed",
            FleetEvent::Transition(_) => "transition",
            FleetEvent::Removed(_) => "removed",
            FleetEvent::Source(_) => "source",
        })
        .collect()
}

#[tokio::test]
async fn a_transition_is_in_the_store_before_it_is_told_and_ends_the_old_state() {
    let stand = stand().await;
    let mut events = stand.publisher.subscribe();
    stand.publisher.publish(changes(&agent(AgentState::Working, 0), Some(None))).await;
    stand.clock.advance(Duration::from_secs(3)).await;
    stand.publisher.publish(changes(&agent(AgentState::Stalled, 0), Some(Some(AgentState::Working)))).await;
    assert_eq!(heard(&mut events), ["transition", "changed", "transition", "changed"]);
    assert_eq!(stand.present("agent_state").await, [("stalled".to_owned(), 1.0)]);
    let stalled = stand.present("fleet_agents").await;
    assert!(stalled.contains(&("stalled".to_owned(), 1.0)) && stalled.contains(&("dead".to_owned(), 0.0)));
}

#[tokio::test]
async fn small_changes_are_told_at_most_four_times_a_second() {
    let stand = stand().await;
    stand.publisher.publish(changes(&agent(AgentState::Working, 0), Some(None))).await;
    let mut events = stand.publisher.subscribe();
    for tokens in 1..=10 {
        stand.publisher.publish(changes(&agent(AgentState::Working, tokens), None)).await;
    }
    assert!(heard(&mut events).is_empty() && stand.publisher.flush());
    stand.clock.advance(Duration::from_millis(250)).await;
    assert!(!stand.publisher.flush());
    assert_eq!(heard(&mut events), ["changed"]);
    assert_eq!(stand.publisher.agents()[0].totals.tokens.input, 10);
}

#[tokio::test]
async fn an_empty_fleet_has_no_utilisation() {
    let stand = stand().await;
    stand.publisher.write_all().await;
    assert_eq!(stand.present("fleet_agents").await.len(), AgentState::ALL.len());
    assert!(stand.present("fleet_utilization_percent").await.is_empty());
    stand.publisher.publish(changes(&agent(AgentState::Working, 0), Some(None))).await;
    assert_eq!(stand.present("fleet_utilization_percent").await, [(String::new(), 100.0)]);
    stand.clock.advance(Duration::from_secs(1)).await;
    let removed = vec![AgentId::new("opencode:h:1:ses_1")];
    stand.publisher.publish(Changes { removed, ..Changes::default() }).await;
    assert!(stand.present("fleet_utilization_percent").await.is_empty());
    assert!(stand.present("agent_info").await.is_empty(), "the series of a removed agent end");
}

#[tokio::test]
async fn the_state_that_a_killed_run_left_ends_with_the_first_sample_of_this_one() {
    let stand = stand().await;
    stand.publisher.publish(changes(&agent(AgentState::Stalled, 0), Some(None))).await;
    stand.clock.advance(Duration::from_secs(60)).await;
    let publisher =
        Publisher::new(Arc::new(stand.clock.clone()), stand.store.clone(), stand.publisher.state.clone());
    for (state, present) in [(AgentState::Stalled, "stalled"), (AgentState::Idle, "idle")] {
        let mut changes = changes(&agent(state, 0), Some(None));
        changes.changed[0].last_run = Some(AgentState::Stalled);
        publisher.publish(changes).await;
        assert_eq!(stand.present("agent_state").await, [(present.to_owned(), 1.0)]);
        stand.clock.advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn totals_are_saved_with_the_transition() {
    let stand = stand().await;
    stand.publisher.publish(changes(&agent(AgentState::Working, 42), Some(None))).await;
    let saved = stand.publisher.saved().await;
    assert_eq!(saved[&AgentId::new("opencode:h:1:ses_1")].totals.tokens.input, 42);
}

#[tokio::test]
async fn what_was_being_saved_when_the_watch_ended_is_saved_at_the_end() {
    let stand = stand().await;
    let agent = agent(AgentState::Working, 42);
    let mut publishing = Box::pin(stand.publisher.publish(changes(&agent, Some(None))));
    // The connector is dropped at the stop, here while it waits for the database.
    assert!(futures::poll!(&mut publishing).is_pending());
    drop(publishing);
    assert_eq!(stand.present("agent_state").await, [("working".to_owned(), 1.0)]);
    stand.publisher.save_all().await;
    assert_eq!(stand.publisher.saved().await[&agent.id].totals.tokens.input, 42);
}

#[tokio::test]
async fn transitions_and_sources_are_in_the_log() {
    let stand = stand().await;
    stand.clock.advance(Duration::from_secs(1)).await;
    stand.publisher.publish(changes(&agent(AgentState::Dead, 0), Some(Some(AgentState::Working)))).await;
    let query = LogQuery {
        stream: vec![Matcher::equal("service", "fleet")],
        limit: 10,
        ..LogQuery::of(TimeRange::ALL)
    };
    let log = stand.store.search_logs(&query).await.unwrap();
    let lines: Vec<_> = log.iter().map(|line| (line.severity, line.body.as_str())).collect();
    assert_eq!(
        lines,
        [(LogSeverity::Info, "here is live: tested"), (LogSeverity::Error, "fixer: working to dead: "),]
    );
}
