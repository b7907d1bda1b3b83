//! A store with rows, places for files, and a look at what is in them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archive::{Archive, ArchiveParts, Place};
use disk::{Disk, RealDisk, read_all};
use model::{
    Batch, Bucket, CUSTOM_BUCKETS_SCHEMA, CounterReset, Exemplar, ExemplarSeries, Histogram, HistogramSample,
    HistogramSeries, LabelSet, LogRecord, LogSeverity, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    SpanStatus, Timestamp, TraceId, Value,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use storage::{Appender, Retention, Signal, Store};
use testkit::MemoryStore;

pub const DAY: i64 = 86_400;
/// 2026-11-23T00:00:00Z.
const MIDNIGHT: i64 = 1_795_392_000;

pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(MIDNIGHT + secs)
}

/// A time on the day after the first, when that has been over for a moment.
pub fn next_day() -> Timestamp {
    at(DAY + 60)
}

/// A day goes when it is over.
pub fn one_day() -> Retention {
    let ages = Signal::ALL.map(|signal| (signal, Duration::ZERO)).to_vec();
    Retention { ages, ..Retention::default() }
}

pub fn parts(disk: impl Disk + 'static, dir: &Path) -> ArchiveParts {
    ArchiveParts { disk: Arc::new(disk), notes: dir.join("notes") }
}

pub fn folder_archive(disk: impl Disk + 'static, dir: &Path) -> Archive {
    Archive::new(&Place::Folder(dir.join("archive")), parts(disk, dir)).unwrap()
}

pub async fn store_of(batches: impl IntoIterator<Item = Batch>) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    for batch in batches {
        store.append(batch).await.unwrap();
    }
    store
}

/// A sample, a line and a span of one second, with everything that they can have.
pub fn one_of_each(secs: i64) -> Batch {
    let instant = at(secs) + Duration::from_nanos(123_456_789);
    let attributes = vec![
        ("text".to_owned(), "grüße \"x\"".into()),
        ("count".to_owned(), Value::Int(-7)),
        ("share".to_owned(), Value::Float(0.5)),
        ("done".to_owned(), Value::Bool(true)),
        ("text".to_owned(), "said again".into()),
    ];
    let stream = LabelSet::new([("service", "coder"), ("host", "h1")]);
    let (trace, id) = (TraceId([0xab; 16]), SpanId(secs.to_be_bytes()));
    let mut bare = LogRecord::new(instant, LabelSet::empty(), LogSeverity::Error, "");
    bare.trace = None;
    let line = LogRecord {
        trace: Some(trace),
        span: Some(id),
        attributes: attributes.clone(),
        ..LogRecord::new(instant, stream.clone(), LogSeverity::Warn, format!("line of {secs}"))
    };
    let event = |name: &str, attributes| SpanEvent { at: instant, name: name.to_owned(), attributes };
    let root = Span {
        trace,
        id,
        parent: None,
        stream,
        name: "tool".to_owned(),
        kind: SpanKind::Client,
        status: SpanStatus::Error,
        status_message: "it broke".to_owned(),
        start: instant,
        duration_nanos: 1_500_000_000,
        attributes: attributes.clone(),
        events: vec![event("first", Vec::new()), event("second", attributes)],
        links: vec![SpanLink {
            trace: TraceId([1; 16]),
            span: SpanId([2; 8]),
            attributes: vec![("why".to_owned(), "retry".into())],
        }],
    };
    let child = Span {
        id: SpanId([9; 8]),
        parent: Some(id),
        status: SpanStatus::Unset,
        status_message: String::new(),
        events: Vec::new(),
        links: Vec::new(),
        ..root.clone()
    };
    let mut batch = Batch { logs: vec![line, bare], spans: vec![root, child], ..Batch::default() };
    batch.push_sample(LabelSet::metric("up", [("job", "a"), ("instance", "h1")]), instant, secs as f64);
    batch.push_sample(LabelSet::metric("alone", [("", "")]), instant, f64::NAN);
    batch
}

/// A histogram of each kind, and an exemplar with its trace.
pub fn metrics(secs: i64) -> Batch {
    let instant = at(secs);
    let labels = LabelSet::metric("rpc", [("job", "a")]);
    let bucket = |index, count| Bucket { index, count };
    let exponential = Histogram {
        schema: 3,
        count: secs as f64,
        sum: 0.5,
        zero_threshold: 0.001,
        zero_count: 1.0,
        positive: vec![bucket(-2, 3.0), bucket(9, 4.0)],
        negative: vec![bucket(1, 2.0)],
        ..Histogram::default()
    };
    let custom = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        positive: vec![bucket(1, 5.0)],
        custom_bounds: vec![0.1, 2.5],
        reset: CounterReset::Gauge,
        ..Histogram::default()
    };
    let series = |name: &str, histogram| HistogramSeries {
        labels: LabelSet::metric(name, [("job", "a")]),
        samples: vec![HistogramSample { at: instant, histogram: Arc::new(histogram) }],
    };
    let traced = LabelSet::new([("trace_id", "ab".repeat(16))]);
    let exemplars = vec![Exemplar { at: instant, value: 0.25, labels: traced }];
    Batch {
        histograms: vec![series("rpc", exponential), series("sizes", custom)],
        exemplars: vec![ExemplarSeries { labels, exemplars }],
        ..Batch::default()
    }
}

/// Lines that compress badly, so that files become large: of `count` mebibytes.
pub fn loud(count: u64) -> Batch {
    let mut chance = 7u64;
    let mut letter = move || {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + (chance >> 33) as u8 % 95)
    };
    let stream = LabelSet::new([("service", "loud")]);
    let line = |second| {
        let body: String = (0..1 << 20).map(|_| letter()).collect();
        LogRecord::new(at(second as i64), stream.clone(), LogSeverity::Info, body)
    };
    Batch { logs: (0..count).map(line).collect(), ..Batch::default() }
}

pub async fn rows_left(store: &dyn Store) -> u64 {
    store.usage().await.unwrap().tables.iter().map(|table| table.rows).sum()
}

/// Names of files under a folder, in order, each with its folder.
pub fn files(disk: &dyn Disk, dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in disk.list(dir).unwrap_or_default() {
        let files = disk.list(&dir.join(&folder.name)).unwrap_or_default();
        found.extend(files.iter().map(|file| format!("{}/{}", folder.name, file.name)));
    }
    found
}

/// The rows of a Parquet file, one line each, and what it says about itself.
pub struct Content {
    pub rows: Vec<String>,
    pub about: Vec<String>,
}

pub fn content(bytes: Vec<u8>) -> Content {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let metadata = reader.metadata().file_metadata();
    let pairs = metadata.key_value_metadata().into_iter().flatten();
    let about = pairs.map(|pair| format!("{}={}", pair.key, pair.value.clone().unwrap_or_default()));
    let rows = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string());
    Content { about: about.collect(), rows: rows.collect() }
}

pub fn content_of(dir: &Path, name: &str) -> Content {
    content(read_all(&RealDisk, &dir.join("archive").join(name)).unwrap())
}
