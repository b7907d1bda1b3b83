//! Pages of other sites that may send OTLP, because they are listed.
//! Source: <https://fetch.spec.whatwg.org/#http-cors-protocol>

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::routes::Errors;

/// Browsers ask again whether they may after this.
const ANSWER_SECONDS: u64 = 600;

/// Answers the question whether a page may send, and lets it read what it is answered.
pub(crate) async fn admit_origins(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let template = request.extensions().get::<MatchedPath>().cloned();
    let origin = template.and_then(|template| listed_origin(&app, template.as_str(), request.headers()));
    let Some(origin) = origin else { return next.run(request).await };
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks { may_post() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}

fn may_post() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let names = "authorization, content-encoding, content-type";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, ANSWER_SECONDS.into());
    response
}

pub(crate) fn is_from_listed_origin(app: &Shared, template: &str, headers: &HeaderMap) -> bool {
    listed_origin(app, template, headers).is_some()
}

/// The origin of a request to an endpoint of OTLP, when it is listed.
fn listed_origin(app: &Shared, template: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    if app.table.errors(template) == Errors::Problem {
        return None;
    }
    let origin = headers.get(header::ORIGIN)?;
    let listed = &app.settings.receive.otlp_origins;
    listed.iter().any(|one| one.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}
