//! OpenTelemetry's protocol, OTLP 1.x: from a request's body to rows that are kept.
//!
//! [`Receiver::export`] unpacks the body, reads it (`body`; JSON by way of `json` into the same
//! messages), takes secrets out (`redact`), turns it into rows (`points`, `logs`, `spans`) and
//! appends them. HTTP and gRPC both end here; what they answer is in [`answer`]. What is wrong
//! with one point, record or span costs that one only; the sender is told how many and why. Source: <https://opentelemetry.io/docs/specs/otlp/>.

pub mod answer;
mod attribute;
mod body;
mod json;
mod logs;
mod points;
mod received;
mod recent;
mod redact;
mod resource;
mod schema;
mod spans;
mod stream;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::sync::Arc;

use bytes::Bytes;
use model::{Batch, Timestamp};
use parking_lot::Mutex;
use runtime::SharedClock;
use storage::{AppendError, Appended, Appender};

pub use body::{BodyError, Compression, Encoding};
pub use points::name::NameStrategy;

use crate::metadata::MetadataRegistry;
use body::Request;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use points::streams::Streams;
use received::Received;
use recent::Recent;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Metrics,
    Logs,
    Traces,
}

impl Signal {
    pub const ALL: [Signal; 3] = [Signal::Metrics, Signal::Logs, Signal::Traces];

    pub const fn as_str(self) -> &'static str {
        match self {
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
            Signal::Traces => "traces",
        }
    }
}

/// How metrics become series. The names are Prometheus' own.
#[derive(Clone, Debug, Default)]
pub struct MetricSettings {
    pub names: NameStrategy,
    /// Attributes of resources that become labels of all their series.
    pub promoted: Vec<String>,
    pub promotes_all: bool,
    /// `target_info` repeats what `job` and `instance` are made of.
    pub keeps_identifying: bool,
}

#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// Of a message, unpacked.
    pub message_bytes_max: usize,
    /// Series whose deltas are added up, or whose beginning is known.
    pub streams_max: usize,
    pub metrics: MetricSettings,
}

impl Default for OtlpSettings {
    /// The protocol's own bound of messages; streams take some hundred bytes each.
    fn default() -> Self {
        Self { message_bytes_max: 64 << 20, streams_max: 200_000, metrics: MetricSettings::default() }
    }
}

/// What a receiver works with.
pub struct OtlpParts {
    pub store: Arc<dyn Appender>,
    pub metadata: Arc<MetadataRegistry>,
    pub clock: SharedClock,
}

/// Why nothing of a request was kept.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Store(#[from] AppendError),
    #[error("the request could not be read")]
    Panicked,
}

/// What became of a request of which something, or nothing, was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Points, records or spans that were left out. Sent again, they would be again.
    pub refused: u64,
    /// Why, for the sender. Empty when there is nothing to say.
    pub message: String,
}

/// Receives requests of any number of senders at the same time.
pub struct Receiver {
    settings: OtlpSettings,
    parts: OtlpParts,
    /// Held while a request is converted, never across an await.
    streams: Arc<Mutex<Streams>>,
    recent: Arc<Recent>,
    /// Requests with deltas take turns until theirs are kept: a total that is not kept must be
    /// taken back before another is made from it.
    deltas: tokio::sync::Mutex<()>,
    /// Large messages take turns too: read, one can be ten times what it was.
    large: tokio::sync::Mutex<()>,
}

/// SDKs send less by far; the largest that was seen, of Codex, is two megabytes.
const LARGE_BYTES: usize = 8 << 20;

impl std::fmt::Debug for OtlpParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpParts").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Receiver {
    pub fn new(settings: OtlpSettings, parts: OtlpParts) -> Self {
        let streams = Arc::new(Mutex::new(Streams::new(settings.streams_max)));
        Self {
            settings,
            parts,
            streams,
            recent: Arc::default(),
            deltas: tokio::sync::Mutex::default(),
            large: tokio::sync::Mutex::default(),
        }
    }

    /// Returns when all that is well of it is durable. May be dropped at any time: then the
    /// sender does not know, sends again, and is told what was counted already.
    pub async fn export(
        &self,
        signal: Signal,
        encoding: Encoding,
        compression: Compression,
        body: Bytes,
    ) -> Result<Outcome, OtlpError> {
        let most = self.settings.message_bytes_max;
        let message = off_thread(move || body::unpack(compression, &body, most)).await??;
        let _large = if message.len() > LARGE_BYTES { Some(self.large.lock().await) } else { None };
        let request = off_thread(move || {
            let mut request = Request::read(signal, encoding, &message)?;
            redact::request(&mut request);
            Ok::<_, BodyError>(request)
        });
        let now = self.parts.clock.now();
        match request.await?? {
            Request::Metrics(request) => self.metrics(request).await,
            Request::Logs(request) => {
                let recent = self.recent.clone();
                let converted = off_thread(move || {
                    let mut received = logs::convert(&request, now);
                    let claim = recent.claim(&mut received.batch.logs, now);
                    (received, claim)
                });
                let (received, claim) = converted.await?;
                let outcome = self.append(signal, received).await?;
                claim.keep();
                Ok(outcome)
            }
            Request::Traces(request) => {
                let received = off_thread(move || spans::convert(&request, now)).await?;
                Ok(self.append(signal, received).await?)
            }
        }
    }

    async fn metrics(&self, request: ExportMetricsServiceRequest) -> Result<Outcome, OtlpError> {
        let _turn = if points::has_delta(&request) { Some(self.deltas.lock().await) } else { None };
        let (streams, settings) = (self.streams.clone(), self.settings.metrics.clone());
        let now = self.parts.clock.now();
        let converted = off_thread(move || {
            let mut streams = streams.lock();
            let received = points::convert(&request, &settings, &mut streams, now);
            (received, streams.changes())
        });
        let (received, changes) = converted.await?;
        received.note_metadata(&self.parts.metadata);
        let outcome = self.append(Signal::Metrics, received).await;
        // What is not known to be durable may be so all the same: what comes next counts on from
        // it, and the same points again write the same total.
        if outcome.as_ref().is_err_and(|error| !matches!(error, AppendError::NotDurable(_))) {
            self.streams.lock().take_back(changes);
        }
        Ok(outcome?)
    }

    async fn append(&self, signal: Signal, mut received: Received) -> Result<Outcome, AppendError> {
        let batch = std::mem::take(&mut received.batch);
        let appended = self.append_batch(batch).await?;
        let refused = received.refused + appended.refused;
        let accepted = received.accepted.saturating_sub(appended.refused);
        let signal = signal.as_str();
        metrics::counter!("watchkeeper_otlp_records_total", "signal" => signal).increment(accepted);
        metrics::counter!("watchkeeper_otlp_records_refused_total", "signal" => signal).increment(refused);
        Ok(Outcome { refused, message: message(received.reasons, appended.reasons) })
    }

    async fn append_batch(&self, batch: Batch) -> Result<Appended, AppendError> {
        if batch.is_empty() { Ok(Appended::default()) } else { self.parts.store.append(batch).await }
    }
}

/// Reads a body as a receiver would and keeps nothing. Returns what would be kept, and how many
/// points, records or spans would be left out.
pub fn rehearse(
    signal: Signal,
    encoding: Encoding,
    compression: Compression,
    body: &Bytes,
    settings: &OtlpSettings,
    now: Timestamp,
) -> Result<(Batch, u64), BodyError> {
    let message = body::unpack(compression, body, settings.message_bytes_max)?;
    let mut request = Request::read(signal, encoding, &message)?;
    redact::request(&mut request);
    let received = match request {
        Request::Metrics(request) => {
            let mut streams = Streams::new(settings.streams_max);
            points::convert(&request, &settings.metrics, &mut streams, now)
        }
        Request::Logs(request) => logs::convert(&request, now),
        Request::Traces(request) => spans::convert(&request, now),
    };
    Ok((received.batch, received.refused))
}

fn message(received: Vec<String>, appended: Vec<String>) -> String {
    let reasons: Vec<String> = received.into_iter().chain(appended).collect();
    if reasons.is_empty() { String::new() } else { format!("left out: {}", reasons.join("; ")) }
}

/// Reading megabytes would hold up everything else on a thread of the runtime.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OtlpError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request of OTLP could not be read");
        OtlpError::Panicked
    })
}
