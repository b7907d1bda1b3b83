//! Looking at a data directory from outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use disk::sim::SimDisk;
use disk::{Disk, read_all};
use embedded::inspect::{self, Report};
use model::{Matcher, Timestamp};
use storage::{Appender, Retention, RetentionRule, Signal, Upkeep};

use crate::backup::parts;
use crate::stand::{DAY, DIR, MIDNIGHT, numbered, open};

fn check(disk: &SimDisk) -> Report {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    inspect::check(&disk, Path::new(DIR)).unwrap()
}

/// Two segments of each day, and the last batch in the WAL.
async fn written() -> SimDisk {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for number in 0..10 {
        store.append(numbered(number)).await.unwrap();
        if number % 5 == 3 {
            store.flush().await.unwrap();
        }
    }
    disk
}

/// Every segment and file of labels.
fn day_files(disk: &SimDisk) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for table in ["samples", "logs", "spans"] {
        for day in disk.list(&Path::new(DIR).join(table)).unwrap() {
            let folder = Path::new(table).join(day.name);
            let files = disk.list(&Path::new(DIR).join(&folder)).unwrap();
            found.extend(files.into_iter().map(|file| folder.join(file.name)));
        }
    }
    found
}

#[tokio::test]
async fn a_whole_store_is_found_whole_also_while_it_is_open() {
    let disk = written().await;
    let store = open(&disk);
    let steps = disk.steps();
    let report = check(&disk);
    assert_eq!(report.damage, []);
    assert_eq!(report.rows, 10 * 8);
    assert_eq!(report.files, day_files(&disk).len() as u64 + 1, "and one of the WAL");
    assert_eq!(disk.steps(), steps, "it is only read");
    store.append(numbered(10)).await.unwrap();
    assert_eq!(check(&disk).rows, 11 * 8);
    let strange = inspect::check(&parts(disk).disk, Path::new("/"));
    assert!(strange.unwrap_err().to_string().contains("is not a data directory"));
}

#[tokio::test]
async fn every_flipped_bit_in_files_is_told_with_the_file_and_what_is_affected() {
    let disk = written().await;
    for file in day_files(&disk) {
        let path = Path::new(DIR).join(&file);
        let bits = 8 * read_all(&disk, &path).unwrap().len() as u64;
        for bit in (0..bits).step_by(67) {
            disk.flip_bit(&path, bit).unwrap();
            let report = check(&disk);
            assert!(report.damage.iter().any(|damage| damage.file == file), "{} bit {bit}", file.display());
            assert!(report.damage.iter().all(|damage| !damage.affected.is_empty()));
            disk.flip_bit(&path, bit).unwrap();
        }
    }
    assert_eq!(check(&disk).damage, []);
}

#[tokio::test]
async fn damage_in_the_wal_is_told_and_a_torn_tail_is_none() {
    let disk = written().await;
    let path = Path::new(DIR).join("wal/00000003.log");
    disk.flip_bit(&path, 8 * 50).unwrap();
    let report = check(&disk);
    assert_eq!(report.damage.len(), 1, "{report:?}");
    assert_eq!(report.damage[0].file, Path::new("wal/00000003.log"));
    assert!(report.damage[0].what.starts_with("bytes 28 to "), "{report:?}");
    disk.flip_bit(&path, 8 * 50).unwrap();
    disk.truncate(&path, read_all(&disk, &path).unwrap().len() as u64 - 3).unwrap();
    let report = check(&disk);
    assert_eq!((report.damage.len(), report.torn_tails, report.rows), (0, 1, 9 * 8));
}

#[tokio::test]
async fn rows_whose_labels_are_lost_are_told() {
    let disk = written().await;
    let labels = day_files(&disk).into_iter().find(|file| file.extension().is_some_and(|end| end == "idx"));
    disk.remove(&Path::new(DIR).join(labels.unwrap())).unwrap();
    let report = check(&disk);
    assert!(!report.damage.is_empty());
    assert!(report.damage.iter().all(|damage| damage.what.contains("labels of its streams are missing")));
}

#[tokio::test]
async fn statistics_count_rows_streams_and_values() {
    let disk = written().await;
    let stats = inspect::stats(Path::new(DIR), &parts(disk.clone()), 3).unwrap();
    let samples = &stats.tables[0];
    assert_eq!((samples.table, samples.rows, samples.days.len()), ("samples", 9 * 4, 2));
    let day = &samples.days[0];
    assert_eq!((day.day.as_str(), day.segments, day.rows, day.streams), ("2026-11-23", 2, 18, 10));
    assert!(day.bytes > 0 && day.label_bytes > 0 && stats.wal_bytes > 0);
    let top: Vec<(&str, u64)> = stats.top_streams.iter().map(|top| (top.table, top.rows)).collect();
    assert_eq!(top, [("samples", 18), ("logs", 18), ("spans", 18)]);
    assert_eq!(stats.top_streams[0].labels, "shared{job=\"test\"}");
    let names: Vec<(&str, u64)> =
        stats.top_labels.iter().map(|top| (top.name.as_str(), top.values)).collect();
    assert_eq!(names, [("number", 9), ("__name__", 2), ("job", 1)]);
}

#[tokio::test]
async fn a_retention_is_shown_before_it_happens_and_then_happens_as_shown() {
    let disk = written().await;
    let policy = Retention {
        ages: vec![(Signal::Logs, Duration::from_secs(DAY as u64))],
        rules: vec![RetentionRule {
            signal: Signal::Samples,
            stream: vec![Matcher::equal("__name__", "of_batch")],
            age: Duration::ZERO,
        }],
        ..Retention::default()
    };
    let now = Timestamp::from_secs(MIDNIGHT + 2 * DAY);
    let store = open(&disk);
    store.flush().await.unwrap();
    let steps = disk.steps();
    let shown = inspect::plan_retention(Path::new(DIR), &parts(disk.clone()), &policy, now).unwrap();
    assert_eq!(disk.steps(), steps, "it is only shown");
    assert_eq!((shown.days.len(), shown.thinned.len()), (1, 2));
    assert_eq!(store.retain(&policy, now).await.unwrap(), shown);
}
