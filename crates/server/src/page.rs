//! The dashboard's files, built into the binary.
//!
//! A binary that was built without them serves a page that says how to build them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// Vite names these by their content: they never change.
const FOREVER: &str = "public, max-age=31536000, immutable";

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Watchkeeper</title>
<h1>The dashboard is not built in</h1>
<p>This binary was built without the dashboard; the API works. To build both and start, run
<code>cargo xtask run</code> in the repository.</p>
</html>
";

/// The page of all views.
pub(crate) fn index() -> Response {
    match Files::get("index.html") {
        Some(file) => served("text/html; charset=utf-8", "no-cache", file.data),
        None => {
            let mut response = served("text/html; charset=utf-8", "no-cache", NOT_BUILT.as_bytes().into());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}

/// A file by its path below the root; none when there is no such file.
pub(crate) fn file(path: &str) -> Option<Response> {
    let file = Files::get(path)?;
    let caching = if path.starts_with("assets/") { FOREVER } else { "no-cache" };
    let kind = content_type(path, file.metadata.mimetype());
    Some(served(&kind, caching, file.data))
}

fn content_type(path: &str, guessed: &str) -> String {
    let is_text = guessed.starts_with("text/") || path.ends_with(".js") || path.ends_with(".svg");
    if is_text { format!("{guessed}; charset=utf-8") } else { guessed.to_owned() }
}

fn served(kind: &str, caching: &'static str, data: std::borrow::Cow<'static, [u8]>) -> Response {
    let kind =
        HeaderValue::from_str(kind).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    let body = match data {
        std::borrow::Cow::Borrowed(bytes) => Body::from(bytes),
        std::borrow::Cow::Owned(bytes) => Body::from(bytes),
    };
    let caching = HeaderValue::from_static(caching);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)], body).into_response()
}
