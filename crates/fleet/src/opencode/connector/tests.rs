//! The connector against servers that behave, misbehave, die and return. Real sockets, short
//! deadlines; tests wait for what they expect and not for time.

#![allow(clippy::unwrap_used)]

mod damping;
mod restart;
mod stand;

use std::sync::Arc;
use std::time::Duration;

use model::{AgentState, SourceState};
use runtime::{SharedClock, Shutdown, Supervisor, SystemClock};
use serde_json::json;
use testkit::MemoryStore;
use tokio::sync::broadcast;

use crate::publish::FleetEvent;
use crate::settings::{FleetSettings, OpenCodeSource, Pace, Secret};
use crate::{Fleet, FleetParts, PermissionReply};
use stand::{Manner, Stand, event, session};

/// Far more than any of this takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn pace() -> Pace {
    Pace {
        health_timeout: Duration::from_millis(500),
        request_timeout: Duration::from_secs(5),
        settle: Duration::from_millis(20),
        first_byte: Duration::from_millis(700),
        heartbeat: Duration::from_millis(50),
        heartbeat_deadline: Duration::from_millis(1500),
        poll: Duration::from_millis(300),
        retry_first: Duration::from_millis(50),
        retry_max: Duration::from_millis(200),
        quiet_probe: Duration::from_millis(50),
        lost_grace: Duration::from_secs(2),
    }
}

struct Watch {
    fleet: Fleet,
    events: broadcast::Receiver<FleetEvent>,
    states: Vec<(String, AgentState)>,
    reasons: Vec<String>,
    supervisor: Supervisor,
    _folder: tempfile::TempDir,
}

async fn watch(port: u16, password: Option<&str>, limit: Duration) -> Watch {
    watch_by(SystemClock::shared(), pace(), port, password, limit).await
}

async fn watch_by(
    clock: SharedClock,
    pace: Pace,
    port: u16,
    password: Option<&str>,
    limit: Duration,
) -> Watch {
    let folder = tempfile::tempdir().unwrap();
    let state = state::State::open(&folder.path().join("state.db"), clock.clone()).await.unwrap();
    let supervisor = Supervisor::new(clock.clone(), Shutdown::new());
    let source = OpenCodeSource {
        name: "here".to_owned(),
        url: format!("http://127.0.0.1:{port}").parse().unwrap(),
        user: "opencode".to_owned(),
        password: password.map(Secret::new),
    };
    let settings = FleetSettings {
        sources: vec![source],
        stalled_after_model: limit,
        stalled_after_tool: limit,
        pace,
        ..FleetSettings::default()
    };
    let store = Arc::new(MemoryStore::new());
    let parts = FleetParts { clock, store, state, supervisor: supervisor.clone() };
    let fleet = Fleet::start(settings, parts);
    let events = fleet.subscribe();
    Watch { fleet, events, states: Vec::new(), reasons: Vec::new(), supervisor, _folder: folder }
}

impl Watch {
    /// Waits until `is_met`, and notes the states on the way.
    async fn until(&mut self, what: &str, is_met: impl Fn(&Fleet) -> bool) {
        let waiting = async {
            while !is_met(&self.fleet) {
                SystemClock::shared().sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited in vain for: {what}; {:?} {:?}", self.fleet.sources(), self.fleet.agents());
        }
        while let Ok(event) = self.events.try_recv() {
            match event {
                FleetEvent::Transition(transition) => {
                    self.states.push((transition.agent.name.clone(), transition.agent.status.state));
                }
                FleetEvent::Source(source) => self.reasons.push(source.reason),
                FleetEvent::Changed(_) | FleetEvent::Removed(_) => {}
            }
        }
    }

    async fn until_source(&mut self, state: SourceState) -> String {
        self.until(state.as_str(), |fleet| fleet.sources()[0].state == state).await;
        self.fleet.sources()[0].reason.clone()
    }

    async fn until_agent(&mut self, name: &str, state: AgentState) -> String {
        let is_met = |fleet: &Fleet| fleet.find(name).is_some_and(|agent| agent.status.state == state);
        self.until(&format!("{name} {}", state.as_str()), is_met).await;
        let agent = self.fleet.find(name).unwrap();
        agent.status.evidence.iter().map(|evidence| evidence.what.as_str()).collect::<Vec<_>>().join("; ")
    }

    fn states_of(&self, name: &str) -> Vec<AgentState> {
        self.states.iter().filter(|(known, _)| known == name).map(|(_, state)| *state).collect()
    }

    async fn end(self) {
        assert!(self.supervisor.stop(Duration::from_secs(10)).await.is_empty(), "it stops in time");
    }
}

const LONG: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_web_page_a_wrong_password_and_errors_are_told_apart_and_forgiven() {
    let stand = Stand::open().await;
    for (manner, says) in [
        (Manner::Html, "text/html and not OpenCode's API"),
        (Manner::ServerError, "500: broken"),
        (Manner::Auth("authorization: basic x"), "401: wrong user or password"),
    ] {
        stand.set(|content| content.manner = manner);
        let mut watch = watch(stand.port, None, LONG).await;
        let reason = watch.until_source(SourceState::Refused).await;
        assert!(reason.contains(says), "{reason}");
        stand.set(|content| content.manner = Manner::Well);
        watch.until_source(SourceState::Live).await;
        assert_eq!(watch.fleet.sources()[0].version.as_deref(), Some("1.2.3"));
        watch.end().await;
    }
}

#[tokio::test]
async fn the_password_is_sent_and_never_shown() {
    let stand = Stand::open().await;
    // opencode:sesame
    stand.set(|content| content.manner = Manner::Auth("authorization: basic b3blbmnvzgu6c2vzyw1l"));
    let mut watch = watch(stand.port, Some("sesame"), LONG).await;
    watch.until_source(SourceState::Live).await;
    assert!(!format!("{:?}", watch.fleet.sources()).contains("sesame"));
    watch.end().await;
}

fn unfinished(id: &str) -> serde_json::Value {
    json!([{"info": {"id": "msg_2", "sessionID": id, "role": "assistant", "parentID": "msg_1",
        "time": {"created": 5}}, "parts": []}])
}

#[tokio::test]
async fn agents_at_work_die_with_their_server_and_come_back_once() {
    let mut stand = Stand::open().await;
    stand.set(|content| {
        content.sessions = vec![session("ses_busy"), session("ses_idle")];
        content.statuses = json!({"ses_busy": {"type": "busy"}});
        content.messages.insert("ses_busy".to_owned(), unfinished("ses_busy"));
    });
    let mut watch = watch(stand.port, None, LONG).await;
    watch.until_agent("ses_busy", AgentState::Working).await;
    stand.die().await;
    let why = watch.until_agent("ses_busy", AgentState::Dead).await;
    assert!(why.contains("the connection was refused"), "{why}");
    let why = watch.until_agent("ses_idle", AgentState::Unknown).await;
    assert!(why.contains("its server does not answer"), "{why}");
    stand.set(|content| content.statuses = json!({}));
    stand.start().await;
    let why = watch.until_agent("ses_busy", AgentState::Failed).await;
    assert!(why.contains("interrupted when its server died"), "{why}");
    watch.until_agent("ses_idle", AgentState::Idle).await;
    assert_eq!(watch.fleet.agents().len(), 2);
    use AgentState::{Dead, Failed, Working};
    assert_eq!(watch.states_of("ses_busy"), [Working, Dead, Failed]);
    watch.end().await;
}

#[tokio::test]
async fn a_stream_without_heartbeats_is_opened_again_and_stalls_nobody() {
    let stand = Stand::open().await;
    stand.set(|content| {
        content.heartbeats = false;
        content.sessions = vec![session("ses_busy")];
        content.statuses = json!({"ses_busy": {"type": "busy"}});
    });
    let mut watch = watch(stand.port, None, Duration::from_millis(200)).await;
    let content = stand.content.clone();
    watch.until("a second stream", |_| content.lock().streams >= 2).await;
    assert!(!watch.states_of("ses_busy").contains(&AgentState::Stalled), "{:?}", watch.states);
    stand.set(|content| content.heartbeats = true);
    watch.until_agent("ses_busy", AgentState::Stalled).await;
    watch.end().await;
}

#[tokio::test]
async fn an_orphaned_stream_is_given_up_for_a_new_one() {
    let stand = Stand::open().await;
    stand.set(|content| content.orphans = 1);
    let mut watch = watch(stand.port, None, LONG).await;
    watch.until_source(SourceState::Live).await;
    let says = |reason: &String| reason.contains("sent nothing within 700ms of opening");
    assert!(watch.reasons.iter().any(says), "{:?}", watch.reasons);
    assert!(stand.content.lock().streams >= 2);
    watch.end().await;
}

#[tokio::test]
async fn a_server_that_accepts_and_is_silent_is_wedged() {
    let stand = Stand::open().await;
    stand.set(|content| {
        content.sessions = vec![session("ses_busy"), session("ses_idle")];
        content.statuses = json!({"ses_busy": {"type": "busy"}});
    });
    let mut watch = watch(stand.port, None, LONG).await;
    watch.until_agent("ses_busy", AgentState::Working).await;
    stand.set(|content| (content.manner, content.heartbeats) = (Manner::Mute, false));
    let why = watch.until_agent("ses_busy", AgentState::Wedged).await;
    assert!(why.contains("accepts connections and does not answer"), "{why}");
    assert_eq!(watch.fleet.find("ses_idle").unwrap().status.state, AgentState::Unknown);
    watch.until_source(SourceState::Wedged).await;
    stand.set(|content| (content.manner, content.heartbeats) = (Manner::Well, true));
    watch.until_agent("ses_busy", AgentState::Working).await;
    watch.end().await;
}

#[tokio::test]
async fn events_that_come_during_the_snapshot_are_not_lost() {
    let stand = Stand::open().await;
    stand.set(|content| {
        let early = session("ses_early");
        content.first_events = vec![
            event("session.created", json!({"info": early})),
            event("session.status", json!({"sessionID": "ses_early", "status": {"type": "busy"}})),
        ];
    });
    let mut watch = watch(stand.port, None, LONG).await;
    watch.until_agent("ses_early", AgentState::Working).await;
    watch.end().await;
}

#[tokio::test]
async fn a_poll_finds_what_the_stream_lost() {
    let stand = Stand::open().await;
    let mut watch = watch(stand.port, None, LONG).await;
    watch.until_source(SourceState::Live).await;
    stand.set(|content| content.sessions = vec![session("ses_quiet")]);
    watch.until_agent("ses_quiet", AgentState::Idle).await;
    stand.set(|content| {
        content.statuses = json!({"ses_quiet": {"type": "busy"}});
        content.permissions = json!([{"id": "per_1", "sessionID": "ses_quiet", "permission": "bash",
            "patterns": ["ls"]}]);
    });
    let why = watch.until_agent("ses_quiet", AgentState::WaitingHuman).await;
    assert!(why.contains("bash: ls"), "{why}");
    stand.set(|content| content.sessions = Vec::new());
    watch.until("the deleted session to leave", |fleet| fleet.agents().is_empty()).await;
    watch.end().await;
}

#[tokio::test]
async fn hands_reach_the_server() {
    let stand = Stand::open().await;
    stand.set(|content| {
        content.sessions = vec![session("ses_a")];
        content.statuses = json!({"ses_a": {"type": "busy"}});
        content.permissions =
            json!([{"id": "per_1", "sessionID": "ses_a", "permission": "bash", "patterns": ["ls"]}]);
    });
    let mut watch = watch(stand.port, None, LONG).await;
    watch.until_agent("ses_a", AgentState::WaitingHuman).await;
    let fleet = watch.fleet.clone();
    let id = fleet.find("ses_a").unwrap().id.clone();
    fleet.reply_permission(&id, "per_1", PermissionReply::Reject).await.unwrap();
    assert!(fleet.reply_permission(&id, "per_2", PermissionReply::Once).await.is_err());
    fleet.abort(&id).await.unwrap();
    fleet.prompt(&id, "go on").await.unwrap();
    fleet.mark(&id, "stopped it").await.unwrap();
    let commands = stand.content.lock().commands.clone();
    let begins = [
        r#"POST /permission/per_1/reply {"reply":"reject"}"#,
        "POST /session/ses_a/abort",
        r#"POST /session/ses_a/prompt_async {"parts":[{"text":"go on","type":"text"}]}"#,
        "POST /log ",
    ];
    assert_eq!(commands.len(), begins.len(), "{commands:?}");
    for (command, begin) in commands.iter().zip(begins) {
        assert!(command.starts_with(begin), "{command}");
    }
    watch.end().await;
}

#[tokio::test]
async fn a_refresh_tells_what_is_true_now() {
    let stand = Stand::open().await;
    stand.set(|content| {
        content.sessions = vec![session("ses_a")];
        content.statuses = json!({"ses_a": {"type": "busy"}});
    });
    let mut watch = watch(stand.port, None, LONG).await;
    watch.until_agent("ses_a", AgentState::Working).await;
    let id = watch.fleet.find("ses_a").unwrap().id.clone();
    assert_eq!(watch.fleet.refresh(&id).await.unwrap().status.state, AgentState::Working);
    stand.set(|content| content.sessions = Vec::new());
    assert!(watch.fleet.refresh(&id).await.is_err());
    assert!(watch.fleet.agent(&id).is_none(), "it is gone");
    watch.end().await;
}

#[tokio::test]
async fn the_default_place_is_looked_at_without_a_word_until_something_is_there() {
    let mut stand = Stand::open().await;
    stand.die().await;
    let clock: SharedClock = SystemClock::shared();
    let folder = tempfile::tempdir().unwrap();
    let state = state::State::open(&folder.path().join("state.db"), clock.clone()).await.unwrap();
    let store = Arc::new(MemoryStore::new());
    let publisher = Arc::new(crate::publish::Publisher::new(clock.clone(), store, state));
    let url = format!("http://127.0.0.1:{}", stand.port).parse().unwrap();
    let source = OpenCodeSource { url, ..OpenCodeSource::default_place() };
    let settings = FleetSettings { pace: pace(), ..FleetSettings::default() };
    let client = Arc::new(super::Client::new(&source, pace(), clock.clone()).unwrap());
    let (_sender, refreshes) = tokio::sync::mpsc::channel(1);
    let refreshes = Arc::new(tokio::sync::Mutex::new(refreshes));
    let parts =
        super::ConnectorParts { client: client.clone(), publisher: publisher.clone(), clock, refreshes };
    let shutdown = Shutdown::new();
    let mut tasks = tokio::task::JoinSet::new();
    let connector = super::Connector::new(source, settings, parts, true).await;
    let stop = shutdown.clone();
    tasks.spawn(async move { connector.run(stop).await.is_ok() });
    let until = |is_met: Box<dyn Fn() -> bool + Send>| async move {
        let waiting = async {
            while !is_met() {
                SystemClock::shared().sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    };
    let probes = move || client.counts().get("health").map_or(0, |count| count.error);
    until(Box::new(move || probes() >= 3)).await;
    assert!(publisher.sources().is_empty());
    stand.start().await;
    let seen = publisher.clone();
    until(Box::new(move || seen.sources().first().is_some_and(|source| source.state == SourceState::Live)))
        .await;
    stand.die().await;
    let seen = publisher.clone();
    until(Box::new(move || seen.sources()[0].state == SourceState::Down)).await;
    shutdown.begin();
    assert!(tasks.join_next().await.unwrap().unwrap());
}
