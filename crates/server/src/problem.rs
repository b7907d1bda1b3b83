//! Errors as RFC 9457 problem documents.
//!
//! A handler returns a [`Problem`]; the envelope around all routes adds what only it knows
//! (the path, the correlation id) and renders the body. What went wrong inside is logged,
//! never sent.

use std::fmt;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What a caller is told about a failure.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    /// A stable code, the last part of `type`.
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_secs: Option<u64>,
    /// The methods that a path does answer.
    allow: Option<String>,
}

/// Which part of the request is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// The parameter's name, or a JSON pointer into the body.
    pub pointer: String,
    pub detail: String,
}

/// The document as it is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    pub correlation_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), retry_after_secs: None, allow: None }
    }

    /// A parameter or a field of the body that cannot be used.
    pub fn bad_field(pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "bad-request", format!("{pointer}: {detail}"));
        problem.errors.push(FieldError { pointer: pointer.to_owned(), detail });
        problem
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not-signed-in",
            "Sign in, or send an API token as a bearer token.",
        )
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub fn not_yet(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "not-implemented", detail)
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// Logs the inside story and says nothing of it to the caller.
    pub fn internal(attempted: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(attempted, error = %Chain(error), "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            format!("Failed to {attempted}. The log has the details under the correlation id."),
        )
    }

    pub(crate) fn panicked() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The request ended in a fault of the server.",
        )
    }

    pub fn method_not_allowed(allow: Option<String>) -> Self {
        let detail = "This path does not answer this method.";
        Self { allow, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail) }
    }

    pub fn too_many(detail: impl Into<String>, retry_after_secs: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail).retry_after(retry_after_secs)
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_secs: Some(seconds), ..self }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_secs
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn render(&self, instance: &str, correlation_id: &str) -> Response {
        let document = ProblemDocument {
            kind: format!("urn:watchkeeper:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            correlation_id: correlation_id.to_owned(),
            errors: self.errors.clone(),
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response =
            (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        self.add_headers(&mut response);
        response
    }

    /// When to come back, how to sign in, and which methods there are.
    pub(crate) fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if let Some(Ok(allow)) = self.allow.as_deref().map(header::HeaderValue::from_str) {
            headers.insert(header::ALLOW, allow);
        }
    }
}

impl IntoResponse for Problem {
    /// Travels as an extension until the envelope renders it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// An error with its chain of sources, on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
