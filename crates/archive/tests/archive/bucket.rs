//! A service that speaks as much of S3 as the archive needs: one bucket, in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use parking_lot::Mutex;
use tokio::task::JoinSet;

#[derive(Clone, Debug, Default)]
pub struct Bucket(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    objects: BTreeMap<String, (Vec<u8>, String)>,
    /// Parts of uploads that are neither completed nor aborted.
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    parts: Vec<usize>,
    tags: u32,
    is_closed: bool,
    /// Loses the end of what it completes.
    is_leaky: bool,
}

impl Bucket {
    /// On a port of its own, until the returned set is dropped.
    pub async fn serve(&self) -> (SocketAddr, JoinSet<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let methods = put(put_object).post(post_upload).delete(abort).head(head);
        let limit = axum::extract::DefaultBodyLimit::disable();
        let app = Router::new().route("/kept/{*key}", methods).layer(limit).with_state(self.clone());
        let mut running = JoinSet::new();
        running.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (address, running)
    }

    pub fn set_closed(&self, is_closed: bool) {
        self.0.lock().is_closed = is_closed;
    }

    pub fn set_leaky(&self, is_leaky: bool) {
        self.0.lock().is_leaky = is_leaky;
    }

    pub fn names(&self) -> Vec<String> {
        self.0.lock().objects.keys().cloned().collect()
    }

    pub fn object(&self, name: &str) -> Vec<u8> {
        self.0.lock().objects[name].0.clone()
    }

    /// Sizes of the parts that came, in order.
    pub fn parts(&self) -> Vec<usize> {
        self.0.lock().parts.clone()
    }

    pub fn open_uploads(&self) -> usize {
        self.0.lock().uploads.len()
    }
}

impl Kept {
    fn keep(&mut self, key: &str, mut bytes: Vec<u8>) -> String {
        if self.is_leaky {
            bytes.pop();
        }
        self.tags += 1;
        let tag = format!("\"tag-{}\"", self.tags);
        self.objects.insert(key.to_owned(), (bytes, tag.clone()));
        tag
    }
}

type Asked = Query<BTreeMap<String, String>>;

/// Signed requests only; a closed bucket lets nobody in.
fn refusal(kept: &Kept, headers: &HeaderMap) -> Option<Response> {
    let signature = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_signed = signature.starts_with("AWS4-HMAC-SHA256 Credential=key/")
        && signature.contains("/eu-test-1/s3/aws4_request");
    (kept.is_closed || !is_signed)
        .then(|| (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response())
}

async fn put_object(
    State(bucket): State<Bucket>,
    Path(key): Path<String>,
    Query(asked): Asked,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut kept = bucket.0.lock();
    if let Some(refusal) = refusal(&kept, &headers) {
        return refusal;
    }
    let tag = match (asked.get("uploadId"), asked.get("partNumber")) {
        (Some(upload), Some(number)) => {
            kept.parts.push(body.len());
            let parts = kept.uploads.get_mut(upload).unwrap();
            parts.insert(number.parse().unwrap(), body.to_vec());
            format!("\"part-{number}\"")
        }
        _ => kept.keep(&key, body.to_vec()),
    };
    ([("etag", tag)], "").into_response()
}

/// Begins an upload, or completes one.
async fn post_upload(
    State(bucket): State<Bucket>,
    Path(key): Path<String>,
    Query(asked): Asked,
    headers: HeaderMap,
) -> Response {
    let mut kept = bucket.0.lock();
    if let Some(refusal) = refusal(&kept, &headers) {
        return refusal;
    }
    match asked.get("uploadId") {
        Some(upload) => {
            let parts = kept.uploads.remove(upload).unwrap();
            let tag = kept.keep(&key, parts.into_values().flatten().collect());
            format!(
                "<CompleteMultipartUploadResult><Key>{key}</Key><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
            )
            .into_response()
        }
        None => {
            let upload = format!("upload-{}", kept.uploads.len());
            kept.uploads.insert(upload.clone(), BTreeMap::new());
            format!(
                "<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
            .into_response()
        }
    }
}

async fn abort(State(bucket): State<Bucket>, Query(asked): Asked) -> StatusCode {
    bucket.0.lock().uploads.remove(&asked["uploadId"]);
    StatusCode::NO_CONTENT
}

async fn head(State(bucket): State<Bucket>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let kept = bucket.0.lock();
    if let Some(refusal) = refusal(&kept, &headers) {
        return refusal;
    }
    match kept.objects.get(&key) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some((bytes, tag)) => {
            let modified = "Tue, 24 Nov 2026 00:00:00 GMT".to_owned();
            let headers = [
                ("content-length", bytes.len().to_string()),
                ("etag", tag.clone()),
                ("last-modified", modified),
            ];
            (headers, "").into_response()
        }
    }
}
