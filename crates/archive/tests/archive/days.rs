//! No day goes before its file is whole.

use std::path::Path;
use std::sync::Arc;

use archive::{Archive, ArchiveError, Folder, Pieces, Target};
use async_trait::async_trait;
use bytes::Bytes;
use disk::RealDisk;
use disk::sim::SimDisk;
use model::{Batch, Matcher, TimeRange};
use storage::{Appender, Erasure, Retention, RetentionRule, Signal, Upkeep};
use testkit::MemoryStore;

use crate::stand::{
    DAY, at, content, content_of, files, folder_archive, next_day, one_day, one_of_each, parts, rows_left,
    store_of,
};

const FILES: [&str; 3] =
    ["logs/2026-11-23.parquet", "samples/2026-11-23.parquet", "spans/2026-11-23.parquet"];

#[tokio::test]
async fn days_that_go_are_archived_and_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let archive = folder_archive(RealDisk, dir.path());
    let store = store_of([one_of_each(5), one_of_each(9), one_of_each(DAY)]).await;
    let done = archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    assert_eq!(done.days.len(), 3);
    assert_eq!(rows_left(&*store).await, 6, "those of the second day");
    assert_eq!(files(&RealDisk, &dir.path().join("archive")), FILES);
    assert_eq!(content_of(dir.path(), FILES[0]).rows.len(), 4);
    assert_eq!(content_of(dir.path(), FILES[1]).rows.len(), 4);
    assert_eq!(content_of(dir.path(), FILES[2]).rows.len(), 4);
    let about = content_of(dir.path(), FILES[0]).about;
    assert_eq!(about[1..], ["watchkeeper.signal=logs", "watchkeeper.day=2026-11-23"]);
    assert!(about[0].starts_with("watchkeeper.version="), "{about:?}");
    assert!(archive.retain(&*store, &one_day(), next_day()).await.unwrap().days.is_empty());
}

#[tokio::test]
async fn rows_are_written_with_all_they_have() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of([one_of_each(5)]).await;
    folder_archive(RealDisk, dir.path()).retain(&*store, &one_day(), next_day()).await.unwrap();
    let samples = content_of(dir.path(), FILES[1]).rows;
    assert_eq!(
        samples,
        [
            r#"{timestamp: 1795392005123456789, value: NaN, metric: "alone", labels: {}}"#,
            r#"{timestamp: 1795392005123456789, value: 5.0, metric: "up", labels: {"instance" -> "h1", "job" -> "a"}}"#,
        ]
    );
    let logs = content_of(dir.path(), FILES[0]).rows;
    assert_eq!(
        logs[1],
        concat!(
            r#"{timestamp: 1795392005123456789, severity: "warn", body: "line of 5", "#,
            r#"trace_id: "abababababababababababababababab", span_id: "0000000000000005", "#,
            r#"labels: {"host" -> "h1", "service" -> "coder"}, "#,
            r#"attributes: {"text" -> "grüße "x"", "count" -> "-7", "share" -> "0.5", "done" -> "true"}}"#
        )
    );
    assert!(logs[0].contains("trace_id: null, span_id: null, labels: {}, attributes: {}"), "{}", logs[0]);
}

#[tokio::test]
async fn erased_rows_and_streams_of_rules_are_not_archived() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of([one_of_each(5)]).await;
    let erasure = Erasure {
        signals: vec![Signal::Logs],
        range: TimeRange::ALL,
        stream: vec![Matcher::equal("service", "coder")],
        attributes: Vec::new(),
    };
    store.erase(&erasure).await.unwrap();
    let rule = RetentionRule {
        signal: Signal::Samples,
        stream: vec![Matcher::equal("job", "a")],
        age: std::time::Duration::ZERO,
    };
    let retention = Retention { rules: vec![rule], ..one_day() };
    folder_archive(RealDisk, dir.path()).retain(&*store, &retention, next_day()).await.unwrap();
    assert_eq!(content_of(dir.path(), FILES[0]).rows.len(), 1);
    assert_eq!(content_of(dir.path(), FILES[1]).rows.len(), 1);
    assert_eq!(rows_left(&*store).await, 0);
}

#[tokio::test]
async fn rows_that_come_after_the_drop_get_a_file_beside_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let archive = folder_archive(RealDisk, dir.path());
    let store = store_of([one_of_each(5)]).await;
    for number in 6..8 {
        archive.retain(&*store, &one_day(), next_day()).await.unwrap();
        store.append(Batch { series: one_of_each(number).series, ..Batch::default() }).await.unwrap();
    }
    archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    let found = files(&RealDisk, &dir.path().join("archive"));
    let expected =
        [FILES[0], "samples/2026-11-23.2.parquet", "samples/2026-11-23.3.parquet", FILES[1], FILES[2]];
    assert_eq!(found, expected);
    assert_eq!(files(&RealDisk, dir.path()).iter().filter(|name| name.starts_with("notes/")).count(), 0);
}

/// A folder into which nothing can be written until it is opened, and that lets a batch
/// slip into the store while it writes.
#[derive(Debug)]
struct Door {
    folder: Folder,
    is_open: std::sync::atomic::AtomicBool,
    store: Arc<MemoryStore>,
    late: parking_lot::Mutex<Option<Batch>>,
}

#[async_trait]
impl Target for Door {
    async fn has(&self, name: &str) -> Result<bool, ArchiveError> {
        self.folder.has(name).await
    }

    async fn put(&self, name: &str, first: Bytes, rest: Pieces) -> Result<u64, ArchiveError> {
        if !self.is_open.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(ArchiveError::NotOurs { name: name.to_owned() });
        }
        let late = self.late.lock().take();
        if let Some(late) = late {
            self.store.append(late).await.unwrap();
        }
        self.folder.put(name, first, rest).await
    }
}

fn door(dir: &Path, store: &Arc<MemoryStore>, is_open: bool, late: Option<Batch>) -> Arc<Door> {
    let folder = Folder::new(Arc::new(RealDisk), dir.join("archive"));
    Arc::new(Door { folder, is_open: is_open.into(), store: store.clone(), late: late.into() })
}

#[tokio::test]
async fn a_day_that_cannot_be_archived_stays_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of([one_of_each(5)]).await;
    let door = door(dir.path(), &store, false, None);
    let archive = Archive::with_target(door.clone(), parts(RealDisk, dir.path()));
    for _ in 0..2 {
        assert!(archive.retain(&*store, &one_day(), next_day()).await.unwrap().days.is_empty());
        assert_eq!(rows_left(&*store).await, 6);
    }
    door.is_open.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(archive.retain(&*store, &one_day(), next_day()).await.unwrap().days.len(), 3);
    assert_eq!(rows_left(&*store).await, 0);
    assert_eq!(files(&RealDisk, &dir.path().join("archive")), FILES);
}

#[tokio::test]
async fn rows_that_come_meanwhile_are_in_the_file_of_the_next_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_of([Batch { series: one_of_each(5).series, ..Batch::default() }]).await;
    let late = Batch { series: one_of_each(6).series, ..Batch::default() };
    let door = door(dir.path(), &store, true, Some(late));
    let archive = Archive::with_target(door, parts(RealDisk, dir.path()));
    assert!(archive.retain(&*store, &one_day(), next_day()).await.unwrap().days.is_empty());
    assert_eq!(rows_left(&*store).await, 4);
    assert_eq!(archive.retain(&*store, &one_day(), next_day()).await.unwrap().days.len(), 1);
    assert_eq!(files(&RealDisk, &dir.path().join("archive")), [FILES[1]]);
    assert_eq!(content_of(dir.path(), FILES[1]).rows.len(), 4);
}

#[tokio::test]
async fn a_crash_at_any_step_loses_no_row_and_writes_none_twice() {
    let dir = Path::new("/d");
    let mut step = 1;
    loop {
        let disk = SimDisk::new(step);
        let store = store_of([one_of_each(5)]).await;
        disk.crash_after(step);
        // A crash in the middle of the notes may end it with an error.
        drop(folder_archive(disk.clone(), dir).retain(&*store, &one_day(), at(DAY)).await);
        let has_crashed = disk.has_crashed();
        let disk = disk.reboot();
        folder_archive(disk.clone(), dir).retain(&*store, &one_day(), at(DAY)).await.unwrap();
        assert_eq!(rows_left(&*store).await, 0, "step {step}");
        let whole: Vec<String> = files(&disk, &dir.join("archive"))
            .into_iter()
            .filter(|name| !name.ends_with(disk::TEMPORARY))
            .collect();
        assert_eq!(whole, FILES, "step {step}");
        for (name, rows) in FILES.iter().zip([2, 2, 2]) {
            let bytes = disk::read_all(&disk, &dir.join("archive").join(name)).unwrap();
            assert_eq!(content(bytes).rows.len(), rows, "step {step}");
        }
        if !has_crashed {
            return;
        }
        step += 1;
    }
}

#[tokio::test]
async fn a_full_disk_keeps_the_day() {
    let disk = SimDisk::new(1);
    disk.set_capacity(700);
    let store = store_of([one_of_each(5)]).await;
    let archive = folder_archive(disk.clone(), Path::new("/d"));
    archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    assert_eq!(rows_left(&*store).await, 6);
    disk.set_capacity(1 << 20);
    archive.retain(&*store, &one_day(), next_day()).await.unwrap();
    assert_eq!(rows_left(&*store).await, 0);
}
