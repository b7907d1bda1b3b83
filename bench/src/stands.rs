//! Stands of the peers: an OpenCode server whose sessions fail on command, and a webhook
//! receiver that notes when it was told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};

const DIRECTORY: &str = "/srv/stand";

#[derive(Clone, Debug)]
pub struct OpenCodeStand {
    pub url: String,
    events: broadcast::Sender<Value>,
    sessions: usize,
}

impl OpenCodeStand {
    pub async fn start(sessions: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let stand = Self { url, events: broadcast::channel(1024).0, sessions };
        let empty_list = || async { Json(json!([])) };
        let router = Router::new()
            .route("/global/health", get(|| async { Json(json!({"healthy": true, "version": "stand"})) }))
            .route("/global/event", get(events))
            .route("/experimental/session", get(sessions_of))
            .route("/session", get(sessions_of))
            .route("/project", get(|| async { Json(json!([{"id": "stand", "worktree": DIRECTORY}])) }))
            .route("/session/status", get(|| async { Json(json!({})) }))
            .route("/session/{id}/message", get(empty_list))
            .route("/session/{id}/todo", get(empty_list))
            .route("/permission", get(empty_list))
            .route("/question", get(empty_list))
            .route("/mcp", get(|| async { Json(json!({})) }))
            .with_state(stand.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(stand)
    }

    pub fn session(index: usize) -> String {
        format!("ses_stand{index:04}")
    }

    /// Announces that a session's turn ended with an error; returns when it was said.
    pub fn fail_session(&self, index: usize) -> Instant {
        let session = Self::session(index);
        let error = json!({"name": "APIError", "data": {"message": "The stand says no", "statusCode": 400, "isRetryable": false}});
        let news = [
            ("session.status", json!({"sessionID": session, "status": {"type": "busy"}})),
            ("session.error", json!({"sessionID": session, "error": error})),
            ("session.status", json!({"sessionID": session, "status": {"type": "idle"}})),
            ("session.idle", json!({"sessionID": session})),
        ];
        let now = Instant::now();
        for (number, (kind, properties)) in news.into_iter().enumerate() {
            let id = format!("evt_{index:04}{number}");
            let payload = json!({"id": id, "type": kind, "properties": properties});
            // Nobody listens while the connector reconnects; the caller then waits in vain and says so.
            let _ = self.events.send(json!({"directory": DIRECTORY, "project": "stand", "payload": payload}));
        }
        now
    }
}

async fn sessions_of(State(stand): State<OpenCodeStand>) -> Json<Value> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let millis = now.as_millis() as u64;
    let session = |index: usize| {
        json!({
            "id": OpenCodeStand::session(index), "slug": format!("stand-{index}"), "projectID": "stand",
            "directory": DIRECTORY, "title": format!("stand {index}"), "version": "stand", "cost": 0,
            "tokens": {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}},
            "time": {"created": millis, "updated": millis},
        })
    };
    Json((0..stand.sessions).map(session).collect())
}

async fn events(State(stand): State<OpenCodeStand>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let hello = |kind: &str| json!({"payload": {"type": kind, "properties": {}}});
    let heartbeats = stream::unfold((), move |()| async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        Some((hello("server.heartbeat"), ()))
    });
    let news = stream::unfold(stand.events.subscribe(), |mut receiver| async move {
        receiver.recv().await.ok().map(|event| (event, receiver))
    });
    let all = stream::once(async move { hello("server.connected") })
        .chain(stream::select(Box::pin(heartbeats), Box::pin(news)));
    Sse::new(all.map(|event| Ok(Event::default().data(event.to_string()))))
}

#[derive(Clone, Debug)]
pub struct WebhookStand {
    pub url: String,
    told: Arc<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// When each session was first named in a webhook that tells of an active alert.
    sessions: Mutex<HashMap<String, Instant>>,
    news: Notify,
}

impl WebhookStand {
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let told = Arc::<Told>::default();
        let router = Router::new().route("/hook", post(hook)).with_state(told.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, told })
    }

    pub async fn told_of(&self, session: &str) -> Instant {
        loop {
            let news = self.told.news.notified();
            let found = {
                let sessions = self.told.sessions.lock().expect("no code under this lock can panic");
                sessions.get(session).copied()
            };
            if let Some(at) = found {
                return at;
            }
            news.await;
        }
    }
}

async fn hook(State(told): State<Arc<Told>>, Json(body): Json<Value>) {
    let now = Instant::now();
    let agent = body["alert"]["labels"]["agent"].as_str().unwrap_or_default();
    if let Some((_, session)) = agent.rsplit_once(':') {
        told.sessions
            .lock()
            .expect("no code under this lock can panic")
            .entry(session.to_owned())
            .or_insert(now);
        told.news.notify_waiters();
    }
}
