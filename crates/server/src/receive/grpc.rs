//! OTLP over gRPC: unary calls, whose one message goes the way of a body over HTTP.
//!
//! Frames and trailers are all of gRPC that is needed for that; a message is unpacked off the
//! runtime's threads like any other. Source:
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http_body_util::{BodyExt, Full};
use ingest::otlp::{Compression, Encoding, Signal, answer};

use super::otlp::{Refusal, code, not_read, refusal, turn};
use super::read;
use crate::app::Shared;
use crate::problem::Problem;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Before each message: whether it is packed, and its length in four bytes.
const PREFIX_BYTES: usize = 5;

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
        Ok(message) => success(&message),
        Err(refusal) => refusal.into_response(),
    }
}

async fn try_export(app: &Shared, signal: Signal, request: Request) -> Result<Vec<u8>, Refusal> {
    let packed = packing(request.headers())?;
    let most = app.reception.settings.otlp.message_bytes_max;
    let _turn = turn(app).await?;
    let body = read(request, most.saturating_add(PREFIX_BYTES)).await;
    let (is_packed, message) = unframe(&body.map_err(|unread| not_read(unread, most))?)?;
    let compression = if is_packed { packed } else { Compression::Identity };
    let outcome = app.reception.otlp.export(signal, Encoding::Protobuf, compression, message).await;
    Ok(answer::success(signal, Encoding::Protobuf, &outcome.map_err(|error| refusal(&error))?))
}

/// How messages are packed that say that they are.
fn packing(headers: &HeaderMap) -> Result<Compression, Refusal> {
    let text = |name: HeaderName| headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"));
    let declared = text(header::CONTENT_TYPE);
    if !declared.starts_with("application/grpc") {
        let message = format!("the content type `{declared}` is not application/grpc");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message));
    }
    let encoding = text(ENCODING);
    Compression::parse(encoding).ok_or_else(|| {
        let message = format!("the encoding `{encoding}` is not gzip, zstd or identity");
        Refusal::new(StatusCode::NOT_IMPLEMENTED, "unsupported", message)
    })
}

/// The one message of a body, and whether it is packed.
fn unframe(body: &Bytes) -> Result<(bool, Bytes), Refusal> {
    let malformed =
        || Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body is not one message of gRPC");
    let (prefix, message) = body.split_first_chunk::<PREFIX_BYTES>().ok_or_else(malformed)?;
    let [flag, length @ ..] = *prefix;
    let is_whole = usize::try_from(u32::from_be_bytes(length)).is_ok_and(|length| length == message.len());
    match flag {
        0 | 1 if is_whole => Ok((flag == 1, body.slice(PREFIX_BYTES..))),
        _ => Err(malformed()),
    }
}

fn success(message: &[u8]) -> Response {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let frame = [&[0][..], &length, message].concat();
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok(trailers)) });
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response.headers_mut().insert(ACCEPTED, HeaderValue::from_static("identity, gzip, zstd"));
    response
}

/// A problem in gRPC's words: a response without a message, whose trailers are its headers.
pub(crate) fn render(problem: &Problem) -> Response {
    let code = code(problem.status());
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    headers.insert(ACCEPTED, HeaderValue::from_static("identity, gzip, zstd"));
    headers.insert(STATUS, code.into());
    if let Ok(message) = HeaderValue::from_str(&escaped(problem.detail())) {
        headers.insert(MESSAGE, message);
    }
    // Without it clients do not try again when they are told that there is too much.
    if let Some(seconds) = problem.retry_after_seconds() {
        let details = STANDARD_NO_PAD.encode(answer::status(code, problem.detail(), Some(seconds)));
        if let Ok(details) = HeaderValue::from_str(&details) {
            headers.insert(DETAILS, details);
        }
    }
    response
}

/// Bytes beyond printable ASCII, and the per cent sign, as `%XX`.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_whole_message() {
        let frame = |bytes: &[u8]| unframe(&Bytes::copy_from_slice(bytes)).ok();
        assert_eq!(frame(&[0, 0, 0, 0, 2, 7, 8]), Some((false, Bytes::from_static(&[7, 8]))));
        assert_eq!(frame(&[1, 0, 0, 0, 0]), Some((true, Bytes::new())));
        for wrong in
            [&[][..], &[0, 0, 0, 0], &[0, 0, 0, 0, 3, 7, 8], &[0, 0, 0, 0, 1, 7, 8], &[2, 0, 0, 0, 0]]
        {
            assert_eq!(frame(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn messages_are_printable() {
        assert_eq!(escaped("100 % für\nalle"), "100 %25 f%C3%BCr%0Aalle");
    }
}
