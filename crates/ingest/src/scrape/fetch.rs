//! Asks a target for its page over HTTP.

mod client;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use disk::Disk;
use flate2::write::MultiGzDecoder;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue,
};

use super::config::{Job, Protocol};
use super::target::Target;
use crate::exposition::Format;

/// A page as it came, unpacked.
#[derive(Debug)]
pub struct Fetched {
    pub format: Format,
    pub body: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the client cannot be made: {0}")]
    Client(String),
    #[error("`{path}` cannot be read: {reason}")]
    File { path: String, reason: String },
    #[error("no answer: {0}")]
    Request(String),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("`{0}` is no exposition; set `fallback_scrape_protocol` to read it all the same")]
    ContentType(String),
    #[error("the page has more than {limit} bytes, which is the most by `{setting}`")]
    TooLarge { limit: u64, setting: &'static str },
    #[error("the page is not packed as it says: {0}")]
    Packed(String),
}

/// How pages are got; tests have their own.
#[async_trait]
pub trait Fetch: Send + Sync {
    async fn fetch(&self, target: &Target) -> Result<Fetched, FetchError>;
}

/// Over HTTP, for the targets of one job.
pub struct HttpFetch {
    job: Arc<Job>,
    client: reqwest::Client,
    accept: HeaderValue,
    disk: Arc<dyn Disk>,
    body_bytes_max: u64,
}

impl HttpFetch {
    /// Reads the files of `tls_config`. `body_bytes_max` holds where the job has no limit.
    pub fn new(
        job: Arc<Job>,
        target: &Target,
        disk: Arc<dyn Disk>,
        body_bytes_max: u64,
    ) -> Result<Self, FetchError> {
        let client = client::client(&job.http, target, disk.as_ref())?;
        let accept = HeaderValue::from_str(&accept(&job.http.protocols))
            .map_err(|error| FetchError::Client(error.to_string()))?;
        Ok(Self { job, client, accept, disk, body_bytes_max })
    }

    fn limit(&self) -> (u64, &'static str) {
        match self.job.limits.body_bytes {
            0 => (self.body_bytes_max, "scrape.body_max"),
            own if own > self.body_bytes_max => (self.body_bytes_max, "scrape.body_max"),
            own => (own, "body_size_limit"),
        }
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, FetchError> {
        let http = &self.job.http;
        let value = if let Some(basic) = &http.basic_auth {
            let user = match &basic.username_file {
                Some(path) => self.text_of(path).await?,
                None => basic.username.clone().unwrap_or_default(),
            };
            let password = match &basic.password_file {
                Some(path) => self.text_of(path).await?,
                None => basic.password.as_ref().map_or(String::new(), |secret| secret.expose().to_owned()),
            };
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        } else if let Some(authorization) = &http.authorization {
            let credentials = match (&authorization.credentials, &authorization.credentials_file) {
                (Some(secret), _) => secret.expose().to_owned(),
                (None, Some(path)) => self.text_of(path).await?,
                (None, None) => String::new(),
            };
            format!("{} {credentials}", authorization.kind)
        } else {
            return Ok(None);
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| FetchError::Client("the credentials do not fit into a header".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Read at each scrape: credentials change while we run. Off the event loop.
    async fn text_of(&self, path: &str) -> Result<String, FetchError> {
        let (disk, path) = (self.disk.clone(), path.to_owned());
        let read = tokio::task::spawn_blocking(move || client::read(disk.as_ref(), &path)).await;
        let bytes = read.map_err(|error| FetchError::Client(error.to_string()))??;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, target: &Target) -> Result<Fetched, FetchError> {
        let url = client::url_asked(&self.job.http.tls, target)?;
        let mut request = self
            .client
            .get(url)
            .header(ACCEPT, self.accept.clone())
            .header(ACCEPT_ENCODING, if self.job.http.compression { "gzip" } else { "identity" })
            .header("x-prometheus-scrape-timeout-seconds", seconds(target.timeout));
        if self.job.http.tls.server_name.is_some() {
            request = request.header(HOST, target.url.authority());
        }
        if let Some(value) = self.authorization().await? {
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.send().await.map_err(|error| FetchError::Request(told(&error)))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let header = |name| {
            let value = response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (declared, encoding) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
        let format = Format::of_content_type(&declared)
            .or_else(|| self.job.http.fallback.map(format_of))
            .ok_or(FetchError::ContentType(declared))?;
        let (limit, setting) = self.limit();
        let mut body = Body::new(&encoding, limit)?;
        while let Some(chunk) = response.chunk().await.map_err(|error| FetchError::Request(told(&error)))? {
            body.push(&chunk).map_err(|fault| fault.told(limit, setting))?;
        }
        let body = body.finish().map_err(|fault| fault.told(limit, setting))?;
        Ok(Fetched { format, body })
    }
}

/// An error with what caused it; the URL in it would be told twice.
fn told(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = source {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        source = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

fn format_of(protocol: Protocol) -> Format {
    match protocol {
        Protocol::PrometheusProto => Format::Protobuf,
        Protocol::OpenMetricsText001 | Protocol::OpenMetricsText100 => Format::OpenMetrics,
        Protocol::PrometheusText004 | Protocol::PrometheusText100 => Format::Text,
    }
}

/// In order of preference, with anything at the end: an exporter that cannot negotiate still
/// answers.
fn accept(protocols: &[Protocol]) -> String {
    let media = |protocol: &Protocol| match protocol {
        Protocol::PrometheusProto => {
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        }
        Protocol::OpenMetricsText001 => "application/openmetrics-text;version=0.0.1",
        Protocol::OpenMetricsText100 => "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
        Protocol::PrometheusText004 => "text/plain;version=0.0.4",
        Protocol::PrometheusText100 => "text/plain;version=1.0.0;escaping=allow-utf-8",
    };
    let mut weight = protocols.len() + 1;
    let mut accept: Vec<String> = Vec::with_capacity(weight);
    for protocol in protocols {
        accept.push(format!("{};q=0.{}", media(protocol), weight.min(9)));
        weight -= 1;
    }
    accept.push("*/*;q=0.1".to_owned());
    accept.join(",")
}

/// A body that is unpacked as it comes and never grows beyond its limit.
enum Body {
    Plain(Limited),
    Gzip(Box<MultiGzDecoder<Limited>>),
}

struct Limited {
    bytes: Vec<u8>,
    most: u64,
    has_more: bool,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() as u64 + bytes.len() as u64 > self.most {
            self.has_more = true;
            return Err(std::io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

enum BodyFault {
    TooLarge,
    Packed(std::io::Error),
}

impl BodyFault {
    fn told(self, limit: u64, setting: &'static str) -> FetchError {
        match self {
            BodyFault::TooLarge => FetchError::TooLarge { limit, setting },
            BodyFault::Packed(error) => FetchError::Packed(error.to_string()),
        }
    }
}

impl Body {
    fn new(encoding: &str, most: u64) -> Result<Self, FetchError> {
        let limited = Limited { bytes: Vec::new(), most, has_more: false };
        match encoding {
            "" | "identity" => Ok(Body::Plain(limited)),
            "gzip" => Ok(Body::Gzip(Box::new(MultiGzDecoder::new(limited)))),
            other => Err(FetchError::Packed(format!("`{other}` was not asked for"))),
        }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), BodyFault> {
        let (written, has_more) = match self {
            Body::Plain(limited) => (limited.write_all(chunk), limited.has_more),
            Body::Gzip(decoder) => (decoder.write_all(chunk), decoder.get_ref().has_more),
        };
        written.map_err(|error| if has_more { BodyFault::TooLarge } else { BodyFault::Packed(error) })
    }

    fn finish(self) -> Result<Vec<u8>, BodyFault> {
        match self {
            Body::Plain(limited) => Ok(limited.bytes),
            Body::Gzip(mut decoder) => {
                let finished = decoder.try_finish();
                let has_more = decoder.get_ref().has_more;
                finished
                    .and_then(|()| decoder.finish())
                    .map(|limited| limited.bytes)
                    .map_err(|error| if has_more { BodyFault::TooLarge } else { BodyFault::Packed(error) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
