//! Questions and commands to one OpenCode server, over HTTP.
//!
//! Each failure has its own meaning for the watch: a closed port is a dead server, silence a
//! wedged one, 401 a wrong password, a web page something else behind the address (OpenCode
//! itself answers unknown paths with its page). Answers are bounded in size and time.

mod error;
mod requests;

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder, Response, header};
use runtime::SharedClock;
use serde_json::Value;
use url::Url;

pub use error::ClientError;

use crate::settings::{OpenCodeSource, Pace};

/// A session with a long tool output is some megabytes.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Requests to one endpoint, for `source_requests_total`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestCounts {
    pub ok: u64,
    pub error: u64,
    pub seconds: f64,
}

pub struct Client {
    http: reqwest::Client,
    base: Url,
    user: String,
    password: Option<crate::settings::Secret>,
    pace: Pace,
    clock: SharedClock,
    /// Held to add or copy numbers, never across an await.
    counts: Mutex<BTreeMap<&'static str, RequestCounts>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.address()).finish_non_exhaustive()
    }
}

impl Client {
    pub fn new(source: &OpenCodeSource, pace: Pace, clock: SharedClock) -> Result<Self, ClientError> {
        let builder = || {
            reqwest::Client::builder()
                // A redirect would carry the password to another place.
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .connect_timeout(pace.health_timeout)
                .pool_idle_timeout(Duration::from_secs(30))
        };
        // Fails on a machine that names no certificate authorities, as small containers do;
        // the public ones that are built in serve then.
        let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let public = public.filter_map(|authority| reqwest::Certificate::from_der(authority).ok());
        let http = builder().build().or_else(|_| builder().tls_certs_only(public).build());
        let http = http.map_err(ClientError::NotMade)?;
        let mut base = source.url.clone();
        // A password in the address would show up in logs.
        let (user, password) = match base.password() {
            Some(password) => (base.username().to_owned(), Some(crate::settings::Secret::new(password))),
            None => (source.user.clone(), source.password.clone()),
        };
        // Both fail only for addresses that cannot have a user.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        Ok(Self { http, base, user, password, pace, clock, counts: Mutex::default() })
    }

    /// Without user and password.
    pub fn address(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// `127.0.0.1:4096`.
    pub fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or("unknown");
        let port = self.base.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{host}{port}")
    }

    pub fn counts(&self) -> BTreeMap<&'static str, RequestCounts> {
        self.counts.lock().clone()
    }

    fn build(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        match &self.password {
            Some(password) => request.basic_auth(&self.user, Some(password.expose())),
            None => request,
        }
    }

    /// Sends, reads the whole answer, and counts it under `endpoint`.
    async fn call(
        &self,
        endpoint: &'static str,
        request: RequestBuilder,
        timeout: Duration,
    ) -> Result<Answer, ClientError> {
        let started = self.clock.monotonic();
        let answer = match tokio::time::timeout(timeout, receive(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Timeout { after: timeout }),
        };
        let mut counts = self.counts.lock();
        let count = counts.entry(endpoint).or_default();
        count.seconds += self.clock.monotonic().saturating_sub(started).as_secs_f64();
        match &answer {
            Ok(_) => count.ok += 1,
            Err(_) => count.error += 1,
        }
        answer
    }

    /// The event stream's response, once its headers are here. The caller bounds the wait.
    pub async fn open_stream(&self) -> Result<Response, ClientError> {
        let request =
            self.build(Method::GET, "/global/event", &[]).header(header::ACCEPT, "text/event-stream");
        let response = request.send().await.map_err(ClientError::from_request)?;
        let response = checked(response).await?;
        let kind = content_type(&response);
        if kind.starts_with("text/event-stream") {
            Ok(response)
        } else {
            Err(ClientError::NotTheApi { content_type: kind })
        }
    }
}

/// A good answer.
#[derive(Debug)]
struct Answer {
    value: Value,
    next_cursor: Option<String>,
}

async fn receive(request: RequestBuilder) -> Result<Answer, ClientError> {
    let response = checked(request.send().await.map_err(ClientError::from_request)?).await?;
    let next_cursor =
        response.headers().get("x-next-cursor").and_then(|cursor| cursor.to_str().ok()).map(str::to_owned);
    let kind = content_type(&response);
    let body = read_body(response).await?;
    if body.is_empty() {
        return Ok(Answer { value: Value::Null, next_cursor });
    }
    if !kind.contains("json") {
        return Err(ClientError::NotTheApi { content_type: kind });
    }
    let value = serde_json::from_slice(&body).map_err(ClientError::Malformed)?;
    Ok(Answer { value, next_cursor })
}

/// The response, unless its status says otherwise.
async fn checked(response: Response) -> Result<Response, ClientError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let status = status.as_u16();
    let is_page = content_type(&response).starts_with("text/html");
    // The reason is for people; without it the status still says enough.
    let body = read_body(response).await.unwrap_or_default();
    Err(match status {
        401 | 403 => ClientError::Unauthorized { status },
        404 if !is_page => ClientError::NotFound,
        300..=399 => ClientError::NotTheApi { content_type: format!("a redirect ({status})") },
        500..=599 => ClientError::ServerError { status, message: reason(&body) },
        _ if is_page => ClientError::NotTheApi { content_type: "text/html".to_owned() },
        _ => ClientError::Rejected { status, message: reason(&body) },
    })
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ClientError::from_request)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(ClientError::TooLarge { limit: BODY_BYTES_MAX });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn content_type(response: &Response) -> String {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    crate::redact::name(kind.unwrap_or("no content type"))
}

/// The message of an error document, in either of OpenCode's two shapes.
fn reason(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = value["data"]["message"].as_str().or(value["message"].as_str());
    crate::redact::shorten(&crate::redact::clean(message.unwrap_or("no reason given")), 300)
}
