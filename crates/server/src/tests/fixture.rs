//! A server without sockets: requests go straight into the routers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use host::HostSnapshot;
use http_body_util::BodyExt;
use promql::EngineSettings;
use runtime::{Shutdown, Supervisor};
use serde_json::Value;
use state::{Role, State};
use testkit::{FakeClock, MemoryStore};
use tokio::sync::watch;
use tower::ServiceExt;

use super::fakes::Fakes;
use crate::app::{App, Shared, router};
use crate::auth::issue_api_token;
use crate::engines::Engines;
use crate::routes::Port;
use crate::settings::{ConfigurationView, ServerSettings};
use crate::wire::Peer;

pub(super) struct Fixture {
    pub app: Shared,
    pub fakes: Arc<Fakes>,
    pub clock: FakeClock,
    pub store: Arc<MemoryStore>,
    pub host: watch::Sender<Option<Arc<HostSnapshot>>>,
    pub shutdown: Shutdown,
    _directory: tempfile::TempDir,
}

/// A request as a test writes it.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub port: Port,
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub peer: SocketAddr,
}

pub(super) fn get(path: &str) -> Ask {
    Ask {
        port: Port::Dashboard,
        method: Method::GET,
        path: path.to_owned(),
        headers: vec![("host".to_owned(), "watch.test:8083".to_owned())],
        body: Vec::new(),
        peer: "192.0.2.9:5000".parse().unwrap(),
    }
}

pub(super) fn post(path: &str, body: &str) -> Ask {
    let ask = Ask { method: Method::POST, body: body.into(), ..get(path) };
    if body.is_empty() { ask } else { ask.with("content-type", "application/json") }
}

impl Ask {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub fn on(self, port: Port) -> Self {
        Self { port, ..self }
    }

    pub fn from(self, peer: &str) -> Self {
        Self { peer: peer.parse().unwrap(), ..self }
    }
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with_settings(|_| {}).await
    }

    pub async fn with_settings(change: impl FnOnce(&mut ServerSettings)) -> Self {
        let clock = FakeClock::new();
        let shared: runtime::SharedClock = Arc::new(clock.clone());
        let directory = tempfile::tempdir().unwrap();
        let state = State::open(&directory.path().join("state.db"), shared.clone()).await.unwrap();
        let store = Arc::new(MemoryStore::new());
        let fakes = Arc::new(Fakes::default());
        let shutdown = Shutdown::new();
        let (host, reading) = watch::channel(None);
        let promql = promql::Engine::with_clock(store.clone(), EngineSettings::default(), shared.clone());
        let engines = Engines {
            supervisor: Supervisor::new(shared.clone(), shutdown.clone()),
            store: store.clone(),
            // One at a time, so that a test can tell whether one runs.
            queries: promql.gated(1, 0),
            promql,
            state,
            fleet: fakes.clone(),
            alerts: fakes.clone(),
            health: fakes.clone(),
            host: reading,
            render_metrics: Arc::new(|| {
                "# HELP seen_total What was seen\n# TYPE seen_total counter\nseen_total 1\n\n".to_owned()
            }),
            targets: Arc::new(super::targets::snapshot),
            metadata: super::targets::metadata(),
            reload: Arc::new(|| Box::pin(std::future::ready(Err("line 3 is wrong".to_owned())))),
            clock: shared,
        };
        let mut settings = settings();
        change(&mut settings);
        let app = App::new(settings, engines, shutdown.clone());
        Self { app, fakes, clock, store, host, shutdown, _directory: directory }
    }

    pub fn router(&self, port: Port) -> Router {
        router(&self.app, port)
    }

    pub async fn send(&self, ask: Ask) -> Response<Body> {
        let mut request = Request::builder().method(ask.method).uri(ask.path);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(ask.body)).unwrap();
        request.extensions_mut().insert(Peer(ask.peer));
        self.router(ask.port).oneshot(request).await.unwrap()
    }

    pub async fn ask(&self, ask: Ask) -> Answer {
        let response = self.send(ask).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// An API token of this role.
    pub async fn token(&self, role: Role) -> String {
        self.scoped_token(role, &[]).await
    }

    pub async fn scoped_token(&self, role: Role, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let name = format!("{}-{}", role.as_str(), self.app.engines.state.tokens().await.unwrap().len());
        let token = issue_api_token(&self.app.engines.state, &name, role, &scopes, None).await.unwrap();
        token.expose().to_owned()
    }
}

fn settings() -> ServerSettings {
    let configuration = ConfigurationView {
        metrics_interval: Duration::from_secs(30),
        health_interval: Duration::from_secs(30),
        alert_interval: Duration::from_secs(15),
        auto_recovery: true,
        retention_days: 30,
        enable_mobile: true,
        service_name: "opencode-slack".to_owned(),
        version: "0.1.0".to_owned(),
    };
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    ServerSettings::new(address(8080), Some(address(8083)), configuration)
}
