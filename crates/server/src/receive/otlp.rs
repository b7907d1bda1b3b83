//! OTLP over HTTP.
//!
//! Status codes are those of the protocol: 503 is sent again after a pause, 4xx is not. Bodies
//! of errors are `google.rpc.Status`. Source:
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::otlp::{Compression, Encoding, OtlpError, Signal, answer};
use storage::AppendError;
use tokio::sync::SemaphorePermit;

use super::{RETRY_AFTER_SECONDS, Unread, count_refused, read};
use crate::app::Shared;
use crate::problem::Problem;

pub(crate) async fn metrics(State(app): State<Shared>, request: Request) -> Response {
    export(&app, Signal::Metrics, request).await
}

pub(crate) async fn logs(State(app): State<Shared>, request: Request) -> Response {
    export(&app, Signal::Logs, request).await
}

pub(crate) async fn traces(State(app): State<Shared>, request: Request) -> Response {
    export(&app, Signal::Traces, request).await
}

async fn export(app: &Shared, signal: Signal, request: Request) -> Response {
    match try_export(app, signal, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

/// Why nothing of a request is taken. The words reach the sender by [`render`].
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// For the counter.
    reason: &'static str,
    message: String,
}

impl Refusal {
    pub fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        count_refused(self.reason);
        let problem = Problem::new(self.status, self.reason, self.message);
        let is_for_later = self.status == StatusCode::SERVICE_UNAVAILABLE;
        let problem = if is_for_later { problem.retry_after(RETRY_AFTER_SECONDS) } else { problem };
        problem.into_response()
    }
}

async fn try_export(app: &Shared, signal: Signal, request: Request) -> Result<Response, Refusal> {
    let (encoding, compression) = declared(request.headers())?;
    let most = app.reception.settings.otlp.message_bytes_max;
    let _turn = turn(app).await?;
    let body = read(request, most).await.map_err(|unread| not_read(unread, most))?;
    let outcome = app.reception.otlp.export(signal, encoding, compression, body).await;
    let outcome = outcome.map_err(|error| refusal(&error))?;
    let body = answer::success(signal, encoding, &outcome);
    Ok(([(header::CONTENT_TYPE, encoding.content_type())], body).into_response())
}

pub(super) async fn turn(app: &Shared) -> Result<SemaphorePermit<'_>, Refusal> {
    let turn = app.reception.turn_in_time().await;
    turn.map_err(|message| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message))
}

pub(super) fn not_read(unread: Unread, most: usize) -> Refusal {
    match unread {
        Unread::TooLarge => {
            let message = format!("the body has more than {most} bytes (`otlp.message_max`)");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
        }
        Unread::BreaksOff => Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body breaks off"),
    }
}

pub(super) fn refusal(error: &OtlpError) -> Refusal {
    match error {
        OtlpError::Body(error) if error.is_too_large() => {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error.to_string())
        }
        OtlpError::Body(error) => Refusal::new(StatusCode::BAD_REQUEST, "malformed", error.to_string()),
        OtlpError::Store(error) if error.is_retryable() => put_off(error),
        OtlpError::Store(error) => Refusal::new(StatusCode::BAD_REQUEST, "store", error.to_string()),
        OtlpError::Panicked => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()),
    }
}

fn put_off(error: &AppendError) -> Refusal {
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(%error, source, "OTLP was refused and will be sent again");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store", error.to_string())
}

fn declared(headers: &HeaderMap) -> Result<(Encoding, Compression), Refusal> {
    let unsupported =
        |message: String| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message);
    let text =
        |name| headers.get(name).map_or("", |value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    let encoding = encoding(headers).ok_or_else(|| {
        let given = text(header::CONTENT_TYPE);
        unsupported(format!(
            "the content type `{given}` is neither application/x-protobuf nor application/json"
        ))
    })?;
    let compression = text(header::CONTENT_ENCODING);
    let compression = Compression::parse(compression).ok_or_else(|| {
        unsupported(format!("the content encoding `{compression}` is not gzip, zstd or identity"))
    })?;
    Ok((encoding, compression))
}

/// By the content type; none when it is another.
pub(crate) fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let declared = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-protobuf" | "application/protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

/// A problem in OTLP's words; in JSON for those who speak neither encoding.
pub(crate) fn render(problem: &Problem, encoding: Option<Encoding>) -> Response {
    let encoding = encoding.unwrap_or(Encoding::Json);
    let body = answer::failure(encoding, code(problem.status()), problem.detail());
    let headers = [(header::CONTENT_TYPE, encoding.content_type())];
    let mut response = (problem.status(), headers, body).into_response();
    problem.add_headers(&mut response);
    response
}

/// gRPC's code for a status.
/// Source: <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
pub(super) const fn code(status: StatusCode) -> i32 {
    match status.as_u16() {
        400 | 415 => 3,        // INVALID_ARGUMENT
        401 => 16,             // UNAUTHENTICATED
        403 => 7,              // PERMISSION_DENIED
        404 | 405 | 501 => 12, // UNIMPLEMENTED
        413 => 8,              // RESOURCE_EXHAUSTED
        429 | 502 | 503 => 14, // UNAVAILABLE
        504 => 4,              // DEADLINE_EXCEEDED
        _ => 13,               // INTERNAL
    }
}
