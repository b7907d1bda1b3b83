//! The program about itself: its own numbers, and reading its configuration again.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::own_metrics::{Dialect, Families};

pub(super) async fn metrics(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let dialect = Dialect::wanted(accepted);
    let mut families = Families::read(&(app.engines.render_metrics)());
    families.add_build_info(&app.settings.configuration.version);
    let own = app.engines.host.borrow().as_ref().and_then(|snapshot| snapshot.own.clone());
    if let Some(own) = own {
        families.add_process(&own);
    }
    ([(header::CONTENT_TYPE, dialect.content_type())], families.write(dialect)).into_response()
}

/// As Prometheus answers: nothing when it went well, else what is wrong.
pub(super) async fn reload(State(app): State<Shared>) -> Response {
    match (app.engines.reload)().await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(fault) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {fault}\n")).into_response()
        }
    }
}
