//! JSON bodies and query parameters, with problems that name what is wrong.

use std::collections::HashMap;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::app::Shared;
use crate::problem::Problem;

/// A JSON body that must be there.
#[derive(Debug)]
pub(crate) struct Body<T>(pub T);

/// A JSON body that may be left out; then it is the default.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        let is_json = declares_json(request.headers());
        let bytes = read(request, app).await?;
        if !is_json {
            return Err(not_json());
        }
        parse(&bytes).map(Body)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<Shared> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        let is_json = declares_json(request.headers());
        let bytes = read(request, app).await?;
        if bytes.is_empty() {
            return Ok(OptionalBody(T::default()));
        }
        if !is_json {
            return Err(not_json());
        }
        parse(&bytes).map(OptionalBody)
    }
}

async fn read(request: Request, app: &Shared) -> Result<Bytes, Problem> {
    let limit = app.settings.body_bytes_max;
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|_| {
        let detail = format!("The body could not be read, or is larger than {limit} bytes.");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
    })
}

fn declares_json(headers: &HeaderMap) -> bool {
    let Some(Ok(declared)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = declared.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn not_json() -> Problem {
    let detail = "The body must be JSON, declared as `Content-Type: application/json`.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer_to(error.path());
        Problem::bad_field(&pointer, error.inner().to_string())
    })?;
    deserializer.end().map_err(|error| Problem::bad_field("/", error.to_string()))?;
    Ok(value)
}

/// As RFC 6901 writes it. The root, or what is not known better, is `/`.
fn pointer_to(path: &serde_path_to_error::Path) -> String {
    let text: String = path.iter().filter_map(segment).map(|segment| format!("/{segment}")).collect();
    if text.is_empty() { "/".to_owned() } else { text }
}

fn segment(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

/// One parameter of the query string.
pub(crate) fn parameter<'a>(parameters: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    parameters.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only its type matters")]
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its type matters")]
        count: u32,
    }

    #[test]
    fn a_wrong_value_is_named_by_its_pointer() {
        let problem = parse::<Outer>(br#"{"inner":{"count":"three"}}"#).unwrap_err();
        let text = format!("{problem:?}");
        assert!(text.contains("/inner/count"), "{text}");
    }

    #[test]
    fn what_is_not_json_is_a_bad_request() {
        for body in [&b"{"[..], b"", b"nonsense", b"{}{}"] {
            let problem = parse::<HashMap<String, String>>(body).unwrap_err();
            assert_eq!(problem.status(), StatusCode::BAD_REQUEST, "{body:?}");
        }
    }
}
