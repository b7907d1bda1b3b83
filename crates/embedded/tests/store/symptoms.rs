//! Faults that were found and fixed, each named by what one would have seen.

use std::path::Path;
use std::sync::Arc;

use disk::Disk;
use disk::sim::{Call, Cause, SimDisk};
use embedded::Embedded;
use model::{Matcher, TimeRange, Timestamp};
use storage::{Appender, Erasure, SampleReader, Signal, SpanQuery, SpanReader, Upkeep};

use crate::stand::{DAY, DIR, MIDNIGHT, NO_LIMITS, drop_before, numbered, numbers, open, try_open};

fn everything() -> Erasure {
    Erasure {
        signals: Signal::ALL.to_vec(),
        range: TimeRange::ALL,
        stream: Vec::new(),
        attributes: Vec::new(),
    }
}

async fn store_with(disk: &SimDisk, batches: std::ops::Range<u64>) -> Arc<Embedded> {
    let store = open(disk);
    for number in batches {
        store.append(numbered(number)).await.unwrap();
    }
    store
}

#[tokio::test]
async fn a_day_that_was_erased_wholly_came_back_after_a_power_cut() {
    for seed in 0..30 {
        let disk = SimDisk::new(seed);
        let store = store_with(&disk, 0..3).await;
        store.erase(&everything()).await.unwrap();
        store.keep_up().await.unwrap();
        drop(store);
        assert!(numbers(&*open(&disk.reboot())).await.is_empty(), "seed {seed}");
    }
}

#[tokio::test]
async fn erased_rows_came_back_from_a_wal_file_that_could_not_be_removed() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..3).await;
    disk.fail(Call::Remove, 0, Cause::Medium);
    store.erase(&everything()).await.unwrap();
    store.keep_up().await.unwrap();
    drop(store);
    assert!(numbers(&*open(&disk.reboot())).await.is_empty());
}

#[tokio::test]
async fn rows_had_the_labels_of_others_after_a_day_could_not_be_dropped() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..4).await;
    store.flush().await.unwrap();
    (0..9).for_each(|_| disk.fail(Call::Rename, 0, Cause::Medium));
    drop_before(&*store, DAY).await.unwrap_err();
    disk.heal();
    // Numbers of streams begin anew: these must not meet the old labels.
    for number in 10..12 {
        store.append(numbered(number)).await.unwrap();
    }
    store.flush().await.unwrap();
    drop(store);
    let store = open(&disk);
    for series in store.select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap() {
        let number = series.labels.get("number").map(|number| number.parse::<f64>().unwrap());
        assert!(series.samples.iter().all(|sample| number.is_none_or(|number| sample.value == number)));
        let is_old = |at: Timestamp| at < Timestamp::from_secs(MIDNIGHT + DAY);
        assert!(series.samples.iter().all(|sample| !is_old(sample.at) || sample.value >= 10.0), "dropped");
    }
}

#[tokio::test]
async fn a_dropped_day_came_back_from_a_wal_file_that_a_crash_had_left() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..3).await;
    (0..9).for_each(|_| disk.fail(Call::Remove, 0, Cause::Medium));
    store.flush().await.unwrap();
    let disk = disk.restart();
    disk.heal();
    let old = |series: &model::Series| series.samples[0].at < Timestamp::from_secs(MIDNIGHT + DAY);
    let store = open(&disk);
    drop_before(&*store, DAY).await.unwrap();
    drop(store);
    let found = open(&disk.reboot()).select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    assert!(!found.is_empty() && !found.iter().any(old));
}

#[tokio::test]
async fn erased_rows_came_back_from_a_wal_file_when_their_day_was_gone() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..1).await;
    disk.fail(Call::Remove, 0, Cause::Medium);
    store.erase(&everything()).await.unwrap();
    store.keep_up().await.unwrap();
    drop(store);
    // Nothing says any more that the rows of the file are written: their days are gone.
    for table in ["samples", "logs", "spans"] {
        for day in disk.list(&Path::new(DIR).join(table)).unwrap() {
            let day = Path::new(DIR).join(table).join(day.name);
            for file in disk.list(&day).unwrap() {
                disk.remove(&day.join(file.name)).unwrap();
            }
        }
    }
    assert!(numbers(&*open(&disk)).await.is_empty());
}

#[tokio::test]
async fn a_batch_that_failed_was_there_in_part_when_a_flush_failed_after_it() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..1).await;
    disk.fail(Call::Sync, 0, Cause::Medium);
    store.append(numbered(1)).await.unwrap_err();
    // One day is written, the others are not.
    disk.fail(Call::Create, 2, Cause::Full);
    store.flush().await.unwrap_err();
    let disk = disk.restart();
    assert_eq!(numbers(&*open(&disk)).await, [0]);
}

#[tokio::test]
async fn rows_of_a_segment_that_a_killed_process_had_named_were_lost_with_the_power() {
    let mut lives = 0;
    for seed in 0..280 {
        let disk = SimDisk::new(seed);
        let store = store_with(&disk, 0..3).await;
        disk.crash_after(1 + seed % 35);
        drop(store.flush().await);
        lives += u64::from(disk.has_crashed());
        drop(store);
        let disk = disk.restart();
        let store = open(&disk);
        store.flush().await.unwrap();
        drop(store);
        assert_eq!(numbers(&*open(&disk.reboot())).await, [0, 1, 2], "seed {seed}");
    }
    assert_eq!(lives, 280, "a flush has more steps");
}

#[tokio::test]
async fn an_erased_span_brought_back_the_one_that_it_had_replaced() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let version = |who: &str| {
        let mut batch = numbered(1);
        batch.spans.truncate(1);
        batch.spans[0].attributes = vec![("who".to_owned(), who.to_owned().into())];
        model::Batch { spans: batch.spans, ..model::Batch::default() }
    };
    for who in ["first", "second"] {
        store.append(version(who)).await.unwrap();
        store.flush().await.unwrap();
    }
    let second = Erasure { attributes: vec![Matcher::equal("who", "second")], ..everything() };
    store.erase(&second).await.unwrap();
    let spans = async || store.search_spans(&SpanQuery::of(TimeRange::ALL)).await.unwrap();
    assert!(spans().await.is_empty());
    store.keep_up().await.unwrap();
    assert!(spans().await.is_empty());
}

#[tokio::test]
async fn one_read_that_failed_took_a_file_out_of_service() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..3).await;
    store.flush().await.unwrap();
    for number in 3..5 {
        store.append(numbered(number)).await.unwrap();
    }
    drop(store);
    let dirs = ["wal", "samples/2026-11-23", "logs/2026-11-24", "spans/2026-11-23"];
    for dir in dirs.map(|dir| Path::new(DIR).join(dir)) {
        for entry in disk.list(&dir).unwrap() {
            disk.fail_reads(&dir.join(entry.name), 1).unwrap();
        }
    }
    let store = open(&disk);
    assert_eq!(numbers(&*store).await, [0, 1, 2, 3, 4]);
    assert_eq!(disk.list(&Path::new(DIR).join("quarantine")).unwrap(), []);
}

/// A flush that fails half-way leaves files; when a day is dropped before it is repeated,
/// the others must still be replaced by files of the same numbers.
#[tokio::test]
async fn rows_of_a_flush_that_failed_came_back_after_they_were_erased() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..1).await;
    store.flush().await.unwrap();
    store.append(numbered(1)).await.unwrap();
    disk.fail(Call::Create, 6, Cause::Full);
    store.flush().await.unwrap_err();
    (0..9).for_each(|_| disk.fail(Call::Append, 0, Cause::Full));
    drop_before(&*store, DAY).await.unwrap_err();
    disk.heal();
    store.erase(&everything()).await.unwrap();
    store.keep_up().await.unwrap();
    drop(store);
    let found = try_open(&disk).unwrap().select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn a_batch_of_a_killed_process_was_there_in_part_after_the_power_went() {
    for seed in 0..60 {
        let disk = SimDisk::new(seed);
        let store = store_with(&disk, 0..1).await;
        // It is killed between the write and the sync.
        disk.crash_after(2);
        store.append(numbered(1)).await.unwrap_err();
        drop(store);
        let disk = disk.restart();
        let store = open(&disk);
        disk.crash_after(20);
        store.flush().await.unwrap_err();
        drop(store);
        let found = numbers(&*open(&disk.reboot())).await;
        assert!([&[0][..], &[0, 1]].contains(&&found[..]), "seed {seed}: {found:?}");
    }
}

#[tokio::test]
async fn a_day_that_could_not_be_dropped_stayed_on_disk_although_the_next_retention_succeeded() {
    let disk = SimDisk::new(1);
    let store = store_with(&disk, 0..3).await;
    store.flush().await.unwrap();
    disk.fail(Call::Rename, 0, Cause::Medium);
    drop_before(&*store, DAY).await.unwrap_err();
    drop_before(&*store, DAY).await.unwrap();
    drop(store);
    let left = open(&disk).select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    let is_old = |series: &model::Series| series.samples[0].at < Timestamp::from_secs(MIDNIGHT + DAY);
    assert!(!left.is_empty() && !left.iter().any(is_old));
}
