//! Files of every released format version can still be read.
//!
//! `tests/golden/v2` and, for the tables that came later, `tests/golden/v2-metrics` were
//! written by [`write_golden_files`] and are never written again: a change of format makes
//! a new folder. Version 1 was never released; its files are
//! refused by name, and not touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use disk::{Disk, RealDisk, read_all, write_atomically};
use embedded::{Embedded, EmbeddedParts};
use model::{
    Batch, Bucket, CUSTOM_BUCKETS_SCHEMA, CounterReset, Exemplar, ExemplarSeries, Histogram, HistogramSample,
    HistogramSeries, LabelSet, LogRecord, LogSeverity, STALE_NAN, Span, TimeRange, Timestamp, TraceId,
};
use storage::{Appender, LogReader, SampleReader, SpanQuery, SpanReader, Upkeep};
use testkit::FakeClock;

use crate::stand::{DAY, MIDNIGHT, NO_LIMITS, everything, numbered, settings};

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

fn open_real(dir: &Path) -> Arc<Embedded> {
    let parts = EmbeddedParts { disk: Arc::new(RealDisk), clock: Arc::new(FakeClock::new()) };
    Embedded::open(settings(dir), parts).unwrap()
}

fn up() -> LabelSet {
    LabelSet::metric("up", [("job", "node"), ("host", "grüße")])
}

const VALUES: [f64; 4] = [1.0, STALE_NAN, -0.0, f64::INFINITY];

fn log(secs: i64, severity: LogSeverity) -> LogRecord {
    let stream = LabelSet::new([("service", "fleet"), ("agent", "a")]);
    let at = Timestamp::from_secs(MIDNIGHT + secs);
    let mut record = LogRecord::new(at, stream, severity, format!("line at {secs}"));
    record.attributes = vec![("tool".to_owned(), "bash".into()), ("empty".to_owned(), "".into())];
    record.trace = TraceId::parse("0123456789abcdef0123456789abcdef");
    record
}

fn spans() -> Vec<Span> {
    let mut spans = numbered(7).spans;
    let parent = Some(spans[0].id);
    spans[1].parent = parent;
    spans
}

/// What is in the segments.
fn first_batch() -> Batch {
    let mut batch = Batch::default();
    for (step, value) in (0..).zip(VALUES) {
        batch.push_sample(up(), Timestamp::from_secs(MIDNIGHT + 30 * step), value);
    }
    for step in 0..200 {
        let at = Timestamp::from_secs(MIDNIGHT + DAY + step);
        batch.push_sample(LabelSet::metric("counter", [("n", "1")]), at, step as f64);
    }
    batch.spans = spans();
    batch.logs = LogSeverity::ALL.iter().map(|severity| log(*severity as i64, *severity)).collect();
    batch
}

/// What is in the WAL.
fn second_batch() -> Batch {
    let mut batch = Batch { logs: vec![log(100, LogSeverity::Warn)], ..Batch::default() };
    batch.push_sample(up(), Timestamp::from_secs(MIDNIGHT), 7.0);
    batch
}

/// Histograms and exemplars of the segments, then those of the WAL.
fn metrics(secs: i64) -> Batch {
    let at = Timestamp::from_secs(MIDNIGHT + secs);
    let bucket = |index| Bucket { index, count: 1.0 + secs as f64 };
    let histogram = Histogram {
        schema: 3,
        count: 10.0 + secs as f64,
        sum: 0.1,
        zero_threshold: 0.001,
        zero_count: 2.0,
        positive: vec![bucket(-3), bucket(7)],
        negative: vec![bucket(0)],
        reset: CounterReset::NotReset,
        ..Histogram::default()
    };
    let bounds = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 0.5,
        positive: vec![Bucket { index: 1, count: 0.5 }],
        custom_bounds: vec![-1.0, 2.5],
        ..Histogram::default()
    };
    let samples = [histogram.clone(), histogram, bounds].map(Arc::new);
    let samples = (0i64..).zip(samples).map(|(step, histogram)| HistogramSample {
        at: at + Duration::from_secs(step.unsigned_abs()),
        histogram,
    });
    let traced = LabelSet::new([("trace_id", "0123456789abcdef0123456789abcdef")]);
    let exemplar = Exemplar { at, value: -0.25, labels: traced };
    Batch {
        histograms: vec![HistogramSeries { labels: up(), samples: samples.collect() }],
        exemplars: vec![ExemplarSeries { labels: up(), exemplars: vec![exemplar] }],
        ..Batch::default()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    RealDisk.create_dir(to).unwrap();
    for entry in RealDisk.list(from).unwrap() {
        let (from, to) = (from.join(&entry.name), to.join(&entry.name));
        if entry.is_dir {
            copy_folder(&from, &to);
        } else {
            write_atomically(&RealDisk, &to, &read_all(&RealDisk, &from).unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn files_of_version_2_are_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&golden("v2"), dir.path());
    let store = open_real(dir.path());
    let found = store.select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    assert_eq!(found.len(), 2);
    let counter: Vec<f64> = found[0].samples.iter().map(|sample| sample.value).collect();
    assert_eq!(counter, (0..200).map(f64::from).collect::<Vec<_>>());
    assert_eq!(found[1].labels, up());
    let bits: Vec<u64> = found[1].samples.iter().map(|sample| sample.value.to_bits()).collect();
    assert_eq!(bits, [7.0, STALE_NAN, -0.0, f64::INFINITY].map(f64::to_bits));
    let mut logs = first_batch().logs;
    logs.extend(second_batch().logs);
    assert_eq!(store.search_logs(&everything()).await.unwrap(), logs);
    assert_eq!(store.search_spans(&SpanQuery::of(TimeRange::ALL)).await.unwrap(), spans());
}

#[tokio::test]
async fn histograms_and_exemplars_of_version_2_are_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&golden("v2-metrics"), dir.path());
    let store = open_real(dir.path());
    let histograms = store.select_histograms(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    let (mut expected, later) = (metrics(0), metrics(60));
    expected.histograms[0].samples.extend(later.histograms[0].samples.clone());
    assert_eq!(histograms, expected.histograms);
    let exemplars = store.select_exemplars(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    expected.exemplars[0].exemplars.extend(later.exemplars[0].exemplars.clone());
    assert_eq!(exemplars, expected.exemplars);
}

#[tokio::test]
#[ignore = "writes the files for a new format version; run it once"]
async fn write_golden_files() {
    for (folder, first, second) in
        [("v2", first_batch(), second_batch()), ("v2-metrics", metrics(0), metrics(60))]
    {
        let dir = golden(folder);
        if dir.exists() {
            continue;
        }
        RealDisk.create_dir(&dir).unwrap();
        let store = open_real(&dir);
        store.append(first).await.unwrap();
        store.flush().await.unwrap();
        store.append(second).await.unwrap();
        write_atomically(&RealDisk, &dir.join("README"), b"Written by tests/store/golden.rs.\n").unwrap();
    }
}
