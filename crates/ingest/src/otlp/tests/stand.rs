//! A receiver before a store in memory, and the recordings of real senders.

#![expect(clippy::disallowed_methods, reason = "recordings are files")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Batch, ExemplarSeries, HistogramSeries, LogRecord, Matcher, Series, Span, TimeRange};
use parking_lot::Mutex;
use serde_json::Value;
use storage::{
    AppendError, Appended, Appender, LogQuery, LogReader, QueryLimits, SampleReader, SpanQuery, SpanReader,
};
use testkit::{FakeClock, MemoryStore};

use crate::metadata::{MetadataLimits, MetadataRegistry};
use crate::otlp::{Compression, Encoding, OtlpError, OtlpParts, OtlpSettings, Outcome, Receiver, Signal};

pub struct Stand {
    pub receiver: Receiver,
    pub kept: Arc<Kept>,
    pub metadata: Arc<MetadataRegistry>,
}

/// A store that can fail once, and keeps exemplars too.
#[derive(Default)]
pub struct Kept {
    store: MemoryStore,
    pub failure: Mutex<Option<AppendError>>,
    /// Rows that it says it left out, of the next batch.
    pub leaves_out: Mutex<u64>,
    pub exemplars: Mutex<Vec<ExemplarSeries>>,
    pub batches: Mutex<Vec<Batch>>,
}

#[async_trait]
impl Appender for Kept {
    async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        if let Some(failure) = self.failure.lock().take() {
            return Err(failure);
        }
        self.exemplars.lock().extend(batch.exemplars.clone());
        self.batches.lock().push(batch.clone());
        let appended = self.store.append(batch).await?;
        match std::mem::take(&mut *self.leaves_out.lock()) {
            0 => Ok(appended),
            refused => Ok(Appended { refused, reasons: vec!["too many streams".into()], ..appended }),
        }
    }
}

/// From the fake clock's start to behind the recordings.
const UNTIL_RECORDINGS: Duration = Duration::from_secs(330 * 24 * 60 * 60);

impl Stand {
    pub async fn new() -> Self {
        Self::with(OtlpSettings::default()).await
    }

    pub async fn with(settings: OtlpSettings) -> Self {
        let clock = FakeClock::new();
        clock.advance(UNTIL_RECORDINGS).await;
        let kept = Arc::new(Kept::default());
        let metadata = Arc::new(MetadataRegistry::new(MetadataLimits::default()));
        let parts =
            OtlpParts { store: kept.clone(), metadata: metadata.clone(), clock: Arc::new(clock.clone()) };
        Self { receiver: Receiver::new(settings, parts), kept, metadata }
    }

    pub async fn json(&self, signal: Signal, json: &Value) -> Result<Outcome, OtlpError> {
        let body = Bytes::from(json.to_string());
        self.receiver.export(signal, Encoding::Json, Compression::Identity, body).await
    }

    /// All of it must be kept.
    pub async fn keeps(&self, json: &Value) {
        assert_eq!(self.json(Signal::Metrics, json).await.unwrap(), Outcome::default(), "{json}");
    }

    pub async fn series(&self, name: &str) -> Vec<Series> {
        let matchers = if name.is_empty() { vec![] } else { vec![Matcher::equal("__name__", name)] };
        self.kept.store.select(&matchers, TimeRange::ALL, QueryLimits::default()).await.unwrap()
    }

    pub async fn logs(&self) -> Vec<LogRecord> {
        self.kept
            .store
            .search_logs(&LogQuery { limit: 100_000, ..LogQuery::of(TimeRange::ALL) })
            .await
            .unwrap()
    }

    pub async fn spans(&self) -> Vec<Span> {
        self.kept
            .store
            .search_spans(&SpanQuery { limit: 100_000, ..SpanQuery::of(TimeRange::ALL) })
            .await
            .unwrap()
    }

    pub async fn histograms(&self) -> Vec<HistogramSeries> {
        self.kept.store.select_histograms(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap()
    }

    /// Labels without the name, and samples in milliseconds.
    pub async fn samples(&self, name: &str) -> Vec<(String, Vec<(i64, f64)>)> {
        let samples = |series: &Series| {
            series.samples.iter().map(|sample| (sample.at.as_millis(), sample.value)).collect()
        };
        let series = self.series(name).await;
        series.iter().map(|one| (one.labels.without(&["__name__"]).to_string(), samples(one))).collect()
    }
}

/// What a counter rose by, resets regarded.
pub fn increase(samples: &[(i64, f64)]) -> f64 {
    let steps = samples.windows(2).map(|pair| {
        let (before, after) = (pair[0].1, pair[1].1);
        if after < before { after } else { after - before }
    });
    steps.sum()
}

/// A body as it was recorded.
#[derive(Debug)]
pub struct Recording {
    pub path: PathBuf,
    pub signal: String,
    pub encoding: Encoding,
    pub compression: Compression,
    pub body: Bytes,
}

/// All bodies of the folder, in order of arrival. None, with a printed line, when there are no
/// recordings.
pub fn recordings(folder: &str) -> Option<Vec<Recording>> {
    let shared = std::env::var_os("WATCHKEEPER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("fixtures/agents").join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("skipped: there are no recordings at {}", folder.display());
        }
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    Some(paths.into_iter().filter_map(read).collect())
}

/// `.gz` was packed for the recording, and not by the sender.
fn read(path: PathBuf) -> Option<Recording> {
    let name = path.file_name()?.to_str()?.to_owned();
    let (stem, encoding) = match name.trim_end_matches(".gz").rsplit_once('.')? {
        (stem, "json") => (stem, Encoding::Json),
        (stem, "bin") => (stem, Encoding::Protobuf),
        _ => return None,
    };
    let signal = stem.rsplit('-').next()?.to_owned();
    if !matches!(signal.as_str(), "metrics" | "logs" | "traces") {
        return None;
    }
    let is_packed = name.ends_with(".gz") || path.to_str()?.contains("gzip");
    let compression = if is_packed { Compression::Gzip } else { Compression::Identity };
    let body = Bytes::from(std::fs::read(&path).unwrap());
    Some(Recording { path, signal, encoding, compression, body })
}

/// Every folder with recordings of OTLP.
pub const FOLDERS: &[&str] = &[
    "claude-code/json-err401",
    "claude-code/json-err529",
    "claude-code/json-hang-cumulative",
    "claude-code/json-hang-delta",
    "claude-code/json-interactive-hook-allow",
    "claude-code/json-perm-denied",
    "claude-code/json-subagent",
    "claude-code/json-tools",
    "claude-code/proto-tools",
    "codex/json-err401",
    "codex/json-hang",
    "codex/json-hello",
    "codex/json-tools",
    "codex/proto-tools",
    "opencode/otlp",
    "otel-python/grpc",
    "otel-python/http-json",
    "otel-python/http-json-expohistogram",
    "otel-python/http-protobuf",
    "otel-python/http-protobuf-gzip-delta-expohistogram",
];
