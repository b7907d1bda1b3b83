//! Prometheus' remote write.
//!
//! Status codes are those that senders act upon: 5xx is sent again, 4xx is not.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::remote_write::{Received, Version, WriteError};
use storage::{AppendError, Appended};

use super::{RETRY_AFTER_SECONDS, Unread, count_refused, read};
use crate::app::Shared;

const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// Why a request is not taken, in the plain text that remote write's senders log.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// For the counter.
    reason: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        count_refused(self.reason);
        let mut response = (self.status, format!("{}\n", self.message)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        response
    }
}

pub(crate) async fn remote_write(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let version = version(request.headers())?;
    let reception = &app.reception;
    let busy = |message| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
    let _turn = reception.turn().map_err(busy)?;
    let most = reception.settings.body_bytes_max;
    let body = read(request, most).await.map_err(|unread| not_read(unread, most))?;
    let receiver = reception.remote_write.clone();
    let received = tokio::task::spawn_blocking(move || receiver.receive(version, &body)).await;
    let received = received.map_err(|error| {
        tracing::error!(%error, "a request of remote write could not be read");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request could not be read")
    })?;
    let mut received = received.map_err(|error| refusal(&error))?;
    received.note_metadata(&app.engines.metadata);
    let batch = std::mem::take(&mut received.batch);
    let appended = app.engines.store.append(batch).await.map_err(|error| not_appended(&error))?;
    Ok(answer(version, &received, appended))
}

/// By the message that the content type names; without one it is that of version 1.
fn version(headers: &HeaderMap) -> Result<Version, Refusal> {
    let unsupported =
        |message: String| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message);
    let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    let encoding = text(header::CONTENT_ENCODING).unwrap_or("snappy");
    if encoding != "snappy" {
        return Err(unsupported(format!("the content encoding `{encoding}` is not snappy")));
    }
    let declared = text(header::CONTENT_TYPE).unwrap_or("application/x-protobuf");
    let mut parts = declared.split(';').map(str::trim);
    let is_protobuf = parts.next() == Some("application/x-protobuf");
    let message = parts.find_map(|part| part.strip_prefix("proto=")).unwrap_or("prometheus.WriteRequest");
    match (is_protobuf, message) {
        (true, "prometheus.WriteRequest") => Ok(Version::One),
        (true, "io.prometheus.write.v2.Request") => Ok(Version::Two),
        _ => Err(unsupported(format!("the content type `{declared}` is not known"))),
    }
}

fn not_read(unread: Unread, most: usize) -> Refusal {
    match unread {
        Unread::TooLarge => {
            let message = format!("the body has more than {most} bytes (`ingest.body_max`)");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
        }
        Unread::BreaksOff => Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body breaks off"),
    }
}

fn refusal(error: &WriteError) -> Refusal {
    let (status, reason) = match error {
        WriteError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        _ => (StatusCode::BAD_REQUEST, "malformed"),
    };
    Refusal::new(status, reason, error.to_string())
}

fn not_appended(error: &AppendError) -> Refusal {
    let source = std::error::Error::source(error).map(ToString::to_string);
    if error.is_retryable() {
        tracing::warn!(%error, source, "remote write was refused and will be sent again");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store", error.to_string())
    } else {
        Refusal::new(StatusCode::BAD_REQUEST, "store", error.to_string())
    }
}

fn answer(version: Version, received: &Received, appended: Appended) -> Response {
    let refused = received.refused + appended.refused;
    let samples = received.samples.saturating_sub(appended.refused - appended.refused_histograms);
    let histograms = received.histograms.saturating_sub(appended.refused_histograms);
    let exemplars = received.exemplars.saturating_sub(appended.dropped_exemplars);
    metrics::counter!("watchkeeper_ingest_samples_total", "way" => "remote_write").increment(samples);
    metrics::counter!("watchkeeper_ingest_samples_refused_total", "way" => "remote_write").increment(refused);
    let mut response = if refused == 0 {
        StatusCode::NO_CONTENT.into_response()
    } else {
        // What is well was kept; sent again, the rest would fail again.
        let reasons: Vec<String> = received.reasons.iter().cloned().chain(appended.reasons).collect();
        let message = format!("{refused} were left out: {}\n", reasons.join("; "));
        (StatusCode::BAD_REQUEST, message).into_response()
    };
    if version == Version::Two {
        let written = [samples, histograms, exemplars];
        for (name, count) in WRITTEN.into_iter().zip(written) {
            response.headers_mut().insert(name, count.into());
        }
    }
    response
}
