//! What the store refuses, and how it says so.

use std::path::Path;
use std::sync::Arc;

use disk::sim::SimDisk;
use disk::{Disk, RealDisk, read_all, write_atomically};
use embedded::{Embedded, EmbeddedParts};
use model::{Batch, LabelSet, LogRecord, LogSeverity, TimeRange, Timestamp};
use storage::{AppendError, Appender, LogReader, QueryError, SampleReader, Upkeep, UpkeepError};
use testkit::FakeClock;

use crate::stand::{DIR, NO_LIMITS, drop_before, everything, numbered, open, settings, try_open};

#[tokio::test]
async fn a_directory_in_use_is_refused_with_the_process_that_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let parts = || EmbeddedParts { disk: Arc::new(RealDisk), clock: Arc::new(FakeClock::new()) };
    let first = Embedded::open(settings(dir.path()), parts()).unwrap();
    let refusal = Embedded::open(settings(dir.path()), parts()).unwrap_err().to_string();
    let expected = format!("`{}` is in use by process {}", dir.path().display(), std::process::id());
    assert_eq!(refusal, expected);
    first.close().await.unwrap();
    Embedded::open(settings(dir.path()), parts()).unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so_and_can_be_opened_again() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(1)).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.append(numbered(2)).await, Err(AppendError::Closed)));
    assert!(matches!(store.select(&[], TimeRange::ALL, NO_LIMITS).await, Err(QueryError::Closed)));
    assert!(matches!(store.search_logs(&everything()).await, Err(QueryError::Closed)));
    assert!(matches!(store.flush().await, Err(UpkeepError::Closed)));
    assert!(matches!(drop_before(&*store, 0).await, Err(UpkeepError::Closed)));
    assert!(matches!(store.usage().await, Err(UpkeepError::Closed)));
    assert!(matches!(store.close().await, Err(UpkeepError::Closed)));
    let wal = disk.list(&Path::new(DIR).join("wal")).unwrap();
    assert_eq!(wal, [], "closing has written everything out");
    assert_eq!(crate::stand::numbers(&*open(&disk)).await, [1]);
}

#[tokio::test]
async fn a_batch_too_large_for_one_record_is_refused_for_good() {
    let store = open(&SimDisk::new(1));
    let body = "a".repeat(65 << 20);
    let log = LogRecord::new(Timestamp::from_secs(1), LabelSet::empty(), LogSeverity::Info, body);
    let batch = Batch { logs: vec![log], ..Batch::default() };
    let refusal = store.append(batch).await.unwrap_err();
    assert!(matches!(refusal, AppendError::Refused(_)) && !refusal.is_retryable(), "{refusal}");
    assert!(store.search_logs(&everything()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_not_touched() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(1)).await.unwrap();
    store.close().await.unwrap();
    let path = Path::new(DIR).join("samples/2026-11-23/000002.seg");
    let mut bytes = read_all(&disk, &path).unwrap();
    let end = bytes.len();
    bytes[end - 12..end - 8].copy_from_slice(&3u32.to_le_bytes());
    let footer = end - 86;
    let checksum = crc32fast::hash(&bytes[footer..end - 8]);
    bytes[end - 8..end - 4].copy_from_slice(&checksum.to_le_bytes());
    write_atomically(&disk, &path, &bytes).unwrap();
    let refusal = try_open(&disk).unwrap_err().to_string();
    let expected = format!("`{}` has format version 3, this program reads version 2", path.display());
    assert!(refusal.starts_with(&expected), "{refusal}");
    assert_eq!(read_all(&disk, &path).unwrap(), bytes);
}
