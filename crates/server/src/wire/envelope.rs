//! The outermost layer of every answer.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::Shared;
use crate::problem::Problem;
use crate::receive;
use crate::routes::Errors;

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
const REQUEST: HeaderName = HeaderName::from_static("x-request-id");

/// The page loads nothing from elsewhere, and nobody may frame it.
const CONTENT_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
                              frame-ancestors 'none'; form-action 'self'; connect-src 'self'; img-src 'self' data:";

/// Where people come by HTTPS, they shall come by nothing else for a year.
const HTTPS_ONLY: &str = "max-age=31536000";

pub(crate) async fn envelope(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let started = app.engines.clock.monotonic();
    let correlation = accepted_id(request.headers(), &CORRELATION);
    let request_id = accepted_id(request.headers(), &REQUEST);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let encoding = receive::encoding(request.headers());
    // Requests outside the table share one name: paths of strangers must not become series.
    let template = request.extensions().get::<MatchedPath>().cloned();
    let template = template.as_ref().map_or("other", |matched| matched.as_str());
    let patience = app.table.patience(&method, template, app.settings.request_timeout);

    let span = tracing::error_span!("request", correlation_id = %correlation);
    let answer = answered_within(patience, next.run(request)).instrument(span).await;
    let mut response = match (answer.extensions().get::<Problem>(), app.table.errors(template)) {
        (Some(problem), Errors::Problem) => problem.render(&path, &correlation),
        (Some(problem), Errors::Otlp) => receive::render(problem, encoding),
        (Some(problem), Errors::Grpc) => receive::grpc::render(problem),
        (None, _) => answer,
    };

    let headers = response.headers_mut();
    set_id(headers, CORRELATION, &correlation);
    set_id(headers, REQUEST, &request_id);
    secure(headers);
    if app.settings.secure_cookies {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_ONLY));
    }
    let took = app.engines.clock.monotonic().saturating_sub(started);
    count(method.as_str(), template, response.status(), took);
    response
}

async fn answered_within(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    let caught = AssertUnwindSafe(answer).catch_unwind();
    match tokio::time::timeout(patience, caught).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            metrics::counter!("watchkeeper_http_panics_total").increment(1);
            Problem::panicked().into_response()
        }
        Err(_) => {
            let detail = format!("No answer within {} s.", patience.as_secs());
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail).into_response()
        }
    }
}

/// The caller's id when it is harmless, else a new one.
fn accepted_id(headers: &HeaderMap, name: &HeaderName) -> String {
    let harmless = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match headers.get(name).and_then(|value| value.to_str().ok()).filter(harmless) {
        Some(id) => id.to_owned(),
        None => Uuid::now_v7().to_string(),
    }
}

fn set_id(headers: &mut HeaderMap, name: HeaderName, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(name, value);
    }
}

fn secure(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // What the API says is about now; only the page's files may be kept.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn count(method: &str, template: &str, status: StatusCode, took: Duration) {
    // Methods are free text on the wire.
    let method = match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "other",
    };
    metrics::counter!(
        "http_requests_total",
        "method" => method.to_owned(), "path" => template.to_owned(), "status" => status.as_u16().to_string()
    )
    .increment(1);
    metrics::histogram!(
        "http_request_duration_seconds", "method" => method.to_owned(), "path" => template.to_owned()
    )
    .record(took.as_secs_f64());
}
