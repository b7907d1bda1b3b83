//! Files of every released format version can still be read.
//!
//! `tests/golden/v2` was written by [`write_golden_files`] and is never written again: a
//! change of format makes a new folder. Version 1 was never released; its files are
//! refused by name, and not touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, RealDisk, read_all, write_atomically};
use embedded::{Embedded, EmbeddedParts};
use model::{Batch, LabelSet, LogRecord, LogSeverity, STALE_NAN, Span, TimeRange, Timestamp, TraceId};
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
#[ignore = "writes the files for a new format version; run it once"]
async fn write_golden_files() {
    let dir = golden("v2");
    RealDisk.create_dir(&dir).unwrap();
    let store = open_real(&dir);
    store.append(first_batch()).await.unwrap();
    store.flush().await.unwrap();
    store.append(second_batch()).await.unwrap();
    write_atomically(&RealDisk, &dir.join("README"), b"Written by tests/store/golden.rs.\n").unwrap();
}
