//! Health for probes: is it alive, can it serve, is what it watches well.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::{Matcher, TimeRange};
use runtime::TaskState;

use super::parameters::Query;
use crate::app::Shared;
use crate::dto::health::PublicHealthDto;
use crate::summary::Kept;

/// Probes come from everywhere at once; the store is asked once in a while.
const READINESS_KEPT: Duration = Duration::from_secs(2);

/// A part that does not answer within this is not able to serve.
const PART_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn health(State(app): State<Shared>) -> Json<PublicHealthDto> {
    let agents = app.engines.fleet.agents();
    let busy = agents.iter().filter(|agent| agent.status.state.is_busy()).count();
    Json(PublicHealthDto {
        status: app.engines.health.summary().verdict.as_str(),
        chat_enabled: false,
        active_sessions: busy as u64,
        total_agents: agents.len() as u64,
    })
}

/// Looks at nothing else: a slow store must not get the process killed.
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// The parts that must work, each with its fault.
#[derive(Debug)]
pub(crate) struct Readiness(Kept<Vec<(String, Option<String>)>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Kept::for_at_most(READINESS_KEPT))
    }
}

pub(super) async fn readyz(State(app): State<Shared>, query: Query) -> Response {
    let mut parts = app.readiness.0.get(&app.engines.clock, || look(&app)).await;
    if app.shutdown.has_begun() {
        parts.push(("shutdown".to_owned(), Some("has begun".to_owned())));
    }
    let is_ready = parts.iter().all(|(_, fault)| fault.is_none());
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::new();
    if query.contains_key("verbose") {
        for (name, fault) in &parts {
            let line = match fault {
                None => format!("[+]{name} ok\n"),
                Some(fault) => format!("[-]{name} failed: {fault}\n"),
            };
            text.push_str(&line);
        }
    }
    text.push_str(if is_ready { "ok" } else { "not ready" });
    (status, text).into_response()
}

async fn look(app: &Shared) -> Vec<(String, Option<String>)> {
    let now = app.engines.clock.now();
    let up = [Matcher::equal(model::METRIC_NAME, "up")];
    let range = TimeRange::ending_at(now, Duration::from_secs(60));
    let store = async {
        match app.engines.store.label_names(&up, range).await {
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    };
    let state = async {
        match app.engines.state.has_users().await {
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    };
    let (store, state) = tokio::join!(within(store), within(state));
    let mut parts = vec![("store".to_owned(), store), ("state".to_owned(), state)];
    parts.extend(app.engines.supervisor.reports().into_iter().map(|task| {
        // What failed may quote paths and addresses: anonymous callers read this.
        let fault = (task.state == TaskState::Failing).then(|| "fails again and again".to_owned());
        (format!("task {}", task.name), fault)
    }));
    parts
}

async fn within(part: impl Future<Output = Option<String>>) -> Option<String> {
    match tokio::time::timeout(PART_TIMEOUT, part).await {
        Ok(None) => None,
        Ok(Some(error)) => {
            tracing::warn!(error, "not ready");
            Some("does not answer as it should".to_owned())
        }
        Err(_) => Some("does not answer".to_owned()),
    }
}
