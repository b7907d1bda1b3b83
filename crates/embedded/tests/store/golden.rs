//! Files of every format version that was ever written can still be read.
//!
//! `tests/golden/v1` was written by [`write_golden_files`] and is never written again: a
//! change of format makes a new folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, RealDisk, read_all, write_atomically};
use embedded::{Embedded, EmbeddedParts};
use model::{Batch, LabelSet, LogRecord, LogSeverity, STALE_NAN, TimeRange, Timestamp};
use storage::{Appender, LogReader, SampleReader, Upkeep};
use testkit::FakeClock;

use crate::stand::{DAY, MIDNIGHT, NO_LIMITS, everything, settings};

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
    LogRecord {
        at: Timestamp::from_secs(MIDNIGHT + secs),
        stream: LabelSet::new([("service", "fleet"), ("agent", "a")]),
        severity,
        body: format!("line at {secs}"),
        attributes: vec![("tool".to_owned(), "bash".to_owned()), ("empty".to_owned(), String::new())],
    }
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
    batch.logs = LogSeverity::ALL.iter().map(|severity| log(*severity as i64, *severity)).collect();
    batch
}

/// What is in the WAL.
fn second_batch() -> Batch {
    let mut batch = Batch { series: Vec::new(), logs: vec![log(100, LogSeverity::Warn)] };
    batch.push_sample(up(), Timestamp::from_secs(MIDNIGHT), 7.0);
    batch
}

const FILES: [&str; 5] = [
    "wal/00000002.log",
    "samples/2026-11-23/000001.seg",
    "samples/2026-11-24/000002.seg",
    "logs/2026-11-23/000003.seg",
    "README",
];

#[tokio::test]
async fn files_of_version_1_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for file in FILES {
        let target = dir.path().join(file);
        RealDisk.create_dir(target.parent().unwrap()).unwrap();
        let bytes = read_all(&RealDisk, &golden("v1").join(file)).unwrap();
        write_atomically(&RealDisk, &target, &bytes).unwrap();
    }
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
}

#[tokio::test]
#[ignore = "writes the files for a new format version; run it once"]
async fn write_golden_files() {
    let dir = golden("v1");
    RealDisk.create_dir(&dir).unwrap();
    let store = open_real(&dir);
    store.append(first_batch()).await.unwrap();
    store.flush().await.unwrap();
    store.append(second_batch()).await.unwrap();
    write_atomically(&RealDisk, &dir.join("README"), b"Written by tests/store/golden.rs.\n").unwrap();
}
