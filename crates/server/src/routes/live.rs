//! Opens the live stream.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::auth::Identity;
use crate::live;
use crate::problem::Problem;

pub(super) async fn stream(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seat = app.hub.seat().ok_or_else(|| {
        let limit = app.settings.live_clients_max;
        Problem::unavailable(format!("There are {limit} live streams already."))
    })?;
    let last_event_id = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let client = live::open(app.clone(), identity, last_event_id, seat)
        .await
        .map_err(|error| Problem::internal("take the snapshot", &error))?;
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Proxies must pass each event on at once.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(client.into_stream())).into_response())
}
