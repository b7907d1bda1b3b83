//! The live stream, as a page reads it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use futures::StreamExt;
use model::{AgentState, AlertStatus};
use serde_json::Value;
use state::Role;
use testkit::clock::START;

use super::fakes::{SECRET_TASK, agent, alert};
use super::fixture::{Fixture, get};
use crate::engines::Change;
use crate::live;

struct Page {
    body: axum::body::BodyDataStream,
    text: String,
}

#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Page {
    fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parsed(block);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn parsed(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let data = serde_json::from_str(field("data: ")).ok()?;
    Some(Event { id: field("id: ").to_owned(), name: field("event: ").to_owned(), data })
}

async fn watching(role: Role) -> (Fixture, String) {
    let fixture = Fixture::new().await;
    let token = fixture.token(role).await;
    let (app, shutdown) = (fixture.app.clone(), fixture.shutdown.clone());
    let supervisor = &fixture.app.engines.supervisor;
    supervisor.spawn("live", move |_| live::run(app.clone(), shutdown.clone()));
    fixture.clock.advance(Duration::from_millis(10)).await;
    (fixture, token)
}

fn tell(fixture: &Fixture, change: Change) {
    fixture.fakes.changes.send(change).unwrap();
}

fn agent_change(name: &str) -> Change {
    Change::Agent(Arc::new(agent("ses_1", name, AgentState::Stalled)))
}

#[tokio::test]
async fn a_page_begins_with_a_snapshot_and_hears_changes() {
    let (fixture, token) = watching(Role::Operator).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    let snapshot = page.next().await.unwrap();
    assert_eq!(snapshot.name, "snapshot");
    for key in ["now", "agents", "sources", "alerts", "recovery", "health", "host", "fleet"] {
        assert!(snapshot.data.get(key).is_some(), "{key}");
    }
    tell(&fixture, agent_change("renamed"));
    let event = page.next().await.unwrap();
    assert_eq!((event.name.as_str(), &event.data["name"]), ("agent", &"renamed".into()));
    tell(&fixture, Change::AgentRemoved(model::AgentId::new("x")));
    assert_eq!(page.next().await.unwrap().data, serde_json::json!({ "id": "x" }));
    tell(&fixture, Change::Alert(Box::new(alert("a", AlertStatus::Resolved))));
    assert_eq!(page.next().await.unwrap().data["status"], "resolved");
}

#[tokio::test]
async fn a_page_that_comes_back_gets_what_it_missed() {
    let (fixture, token) = watching(Role::Operator).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    page.next().await.unwrap();
    tell(&fixture, agent_change("first"));
    let seen = page.next().await.unwrap().id;
    drop(page);
    tell(&fixture, agent_change("second"));
    tell(&fixture, agent_change("third"));
    fixture.clock.advance(Duration::from_millis(10)).await;
    let again = get("/monitoring/live").bearer(&token).with("last-event-id", &seen);
    let mut page = Page::of(fixture.send(again).await);
    for expected in ["second", "third"] {
        assert_eq!(page.next().await.unwrap().data["name"], expected);
    }
    let stranger = get("/monitoring/live").bearer(&token).with("last-event-id", "0-5");
    assert_eq!(Page::of(fixture.send(stranger).await).next().await.unwrap().name, "snapshot");
}

#[tokio::test]
async fn missed_changes_bring_a_new_snapshot() {
    let (fixture, token) = watching(Role::Operator).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    page.next().await.unwrap();
    tell(&fixture, Change::Missed(7));
    assert_eq!(page.next().await.unwrap().name, "snapshot");
}

#[tokio::test]
async fn silence_is_filled_with_pings() {
    let (fixture, token) = watching(Role::Viewer).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    page.next().await.unwrap();
    let (ping, ()) = tokio::join!(page.next(), fixture.clock.advance(Duration::from_secs(10)));
    let ping = ping.unwrap();
    assert_eq!((ping.name.as_str(), ping.id.as_str()), ("ping", ""));
    assert_eq!(ping.data["now"], "2026-01-01T00:00:10.010Z");
}

#[tokio::test]
async fn a_page_hears_only_what_its_role_may() {
    let (fixture, token) = watching(Role::Executive).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    let snapshot = page.next().await.unwrap();
    assert_eq!(snapshot.data["alerts"], serde_json::json!([]));
    assert!(!snapshot.data.to_string().contains(SECRET_TASK));
    tell(&fixture, Change::Alert(Box::new(alert("a", AlertStatus::Active))));
    tell(&fixture, agent_change("renamed"));
    let event = page.next().await.unwrap();
    assert_eq!(event.name, "agent");
    assert!(!event.data.to_string().contains(SECRET_TASK));
}

#[tokio::test]
async fn a_page_that_does_not_read_is_dropped() {
    let (fixture, token) = watching(Role::Viewer).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    page.next().await.unwrap();
    for _ in 0..2000 {
        fixture.app.hub.publish("agent", crate::access::Permission::View, "{}", None);
    }
    assert!(page.next().await.is_none());
}

#[tokio::test]
async fn streams_end_with_the_session_and_with_the_server() {
    let (fixture, token) = watching(Role::Viewer).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    page.next().await.unwrap();
    fixture.app.engines.state.revoke_token("viewer-0").await.unwrap();
    let (ended, ()) = tokio::join!(page.next(), fixture.clock.advance(Duration::from_secs(10)));
    assert!(ended.is_none());
    let other = fixture.token(Role::Viewer).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&other)).await);
    page.next().await.unwrap();
    fixture.shutdown.begin();
    assert!(page.next().await.is_none());
}

#[tokio::test]
async fn there_is_a_limit_to_open_pages() {
    let fixture = Fixture::with_settings(|settings| settings.live_clients_max = 1).await;
    let token = fixture.token(Role::Viewer).await;
    let first = fixture.send(get("/monitoring/live").bearer(&token)).await;
    let second = fixture.ask(get("/monitoring/live").bearer(&token)).await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    drop(first);
    let third = fixture.send(get("/monitoring/live").bearer(&token)).await;
    assert_eq!(third.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_page_is_told_how_long_the_program_answers_and_not_how_old_its_process_is() {
    let fixture = Fixture::new().await;
    let own = host::OwnProcess {
        pid: 7,
        cpu_seconds: 0.0,
        cpu_percent: None,
        resident_bytes: 1 << 20,
        virtual_bytes: 1 << 20,
        threads: 1,
        open_files: None,
        open_files_max: None,
        // The process first was a build.
        started: Some(START - Duration::from_secs(600)),
    };
    let reading = host::HostSnapshot {
        at: START + Duration::from_secs(5),
        own: Some(own),
        ..super::contract::snapshot()
    };
    fixture.host.send(Some(Arc::new(reading))).unwrap();
    let token = fixture.token(Role::Viewer).await;
    let mut page = Page::of(fixture.send(get("/monitoring/live").bearer(&token)).await);
    let snapshot = page.next().await.unwrap();
    assert_eq!(snapshot.data["host"]["self"]["uptime_seconds"], 5.0);
}
