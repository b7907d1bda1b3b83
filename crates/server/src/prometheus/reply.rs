//! The envelope of every answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use promql::EvalError;
use serde::Serialize;
use storage::QueryError;

#[derive(Serialize)]
pub(super) struct Success<T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infos: Vec<String>,
}

impl<T> Success<T> {
    pub fn noted(data: T, warnings: Vec<String>, infos: Vec<String>) -> Self {
        Self { status: "success", data, warnings, infos }
    }
}

pub(super) fn success<T: Serialize>(data: T) -> Response {
    noted(data, Vec::new(), Vec::new())
}

pub(super) fn noted<T: Serialize>(data: T, warnings: Vec<String>, infos: Vec<String>) -> Response {
    Json(Success::noted(data, warnings, infos)).into_response()
}

/// Prometheus' error types; each has its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorType {
    BadData,
    Execution,
    Timeout,
    Canceled,
    Internal,
    Unavailable,
}

impl ErrorType {
    const fn word(self) -> &'static str {
        match self {
            ErrorType::BadData => "bad_data",
            ErrorType::Execution => "execution",
            ErrorType::Timeout => "timeout",
            ErrorType::Canceled => "canceled",
            ErrorType::Internal => "internal",
            ErrorType::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            ErrorType::BadData => StatusCode::BAD_REQUEST,
            ErrorType::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorType::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            // nginx' word for "the client went away", which Prometheus uses too.
            ErrorType::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            // Prometheus has no status of its own for what it calls unavailable. Its clients
            // ask again after this one.
            ErrorType::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorType::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[derive(Debug)]
pub(crate) struct ApiError {
    kind: ErrorType,
    message: String,
}

impl ApiError {
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorType::BadData, message)
    }

    pub fn invalid(parameter: &str, message: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter \"{parameter}\": {message}"))
    }
}

impl From<EvalError> for ApiError {
    fn from(error: EvalError) -> Self {
        let kind = match &error {
            EvalError::Invalid(_) => ErrorType::BadData,
            EvalError::Execution(_) | EvalError::TooManySamples { .. } => ErrorType::Execution,
            EvalError::Busy { .. } => {
                metrics::counter!("watchkeeper_queries_refused_total").increment(1);
                ErrorType::Unavailable
            }
            EvalError::Timeout(_) => ErrorType::Timeout,
            EvalError::Canceled => ErrorType::Canceled,
            EvalError::Storage(QueryError::TooMuch { .. }) => ErrorType::Execution,
            EvalError::Storage(_) => ErrorType::Internal,
        };
        match error {
            EvalError::Storage(source) => ApiError { kind, ..ApiError::from(source) },
            other => ApiError::new(kind, other.to_string()),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::TooMuch { .. } => ApiError::new(ErrorType::Execution, error.to_string()),
            QueryError::Unreadable(source) => {
                tracing::error!(%error, source = %source, "a query failed");
                ApiError::new(ErrorType::Internal, error.to_string())
            }
            QueryError::Closed => ApiError::new(ErrorType::Internal, error.to_string()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    status: &'static str,
    error_type: &'static str,
    error: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Failure { status: "error", error_type: self.kind.word(), error: &self.message };
        (self.kind.status(), Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_finds_no_place_is_to_be_asked_again() {
        let error = ApiError::from(EvalError::Busy { running: 20, waiting: 100 });
        assert_eq!(error.kind, ErrorType::Unavailable);
        assert_eq!(error.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
