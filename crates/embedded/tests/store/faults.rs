//! The matrix of faults: each call that can fail fails in each way while batches come, are
//! written out, merged, erased and dropped. Nothing acknowledged is lost, nobody panics,
//! and when the fault is over the store goes on by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use disk::sim::{Call, Cause, SimDisk};
use disk::{Disk, write_atomically};
use model::TimeRange;
use storage::{AppendError, Appender, SampleReader, Upkeep, UpkeepError};
use testkit::FakeClock;
use tokio::task::JoinSet;

use crate::stand::{DAY, DIR, NO_LIMITS, numbered, numbers, open, open_with, settings, try_open};

const CAUSES: [Cause; 2] = [Cause::Medium, Cause::Full];

/// Appends, flushes and merges while the `nth` call of its kind fails.
async fn check(call: Call, cause: Cause, nth: u64) {
    let context = format!("{call:?} {cause:?} {nth}");
    let disk = SimDisk::new(nth);
    let store = open(&disk);
    let mut sent = Vec::new();
    disk.fail(call, nth, cause);
    for number in 0..9 {
        match store.append(numbered(number)).await {
            Ok(_) => {}
            Err(error) => {
                assert!(error.is_retryable(), "{context}: {error}");
                assert_eq!(matches!(error, AppendError::Full(_)), cause == Cause::Full, "{context}: {error}");
                // The fault was one of a moment.
                store.append(numbered(number)).await.unwrap();
            }
        }
        sent.push(number);
        if let Err(error) = store.flush().await {
            assert!(matches!(error, UpkeepError::Failed { .. }), "{context}: {error}");
        }
        assert_eq!(numbers(&*store).await, sent, "{context}");
    }
    if store.keep_up().await.is_err() {
        store.keep_up().await.unwrap();
    }
    disk.heal();
    assert_eq!(numbers(&*store).await, sent, "{context}");
    assert_eq!(disk.list(&Path::new(DIR).join("quarantine")).unwrap(), [], "{context}: nothing is damaged");
    drop(store);
    assert_eq!(numbers(&*open(&disk.reboot())).await, sent, "{context}");
}

#[tokio::test]
async fn a_call_that_fails_once_loses_nothing_and_is_made_up_for() {
    for call in Call::ALL {
        for cause in CAUSES {
            for nth in (0..12).chain((12..45).step_by(4)) {
                check(call, cause, nth).await;
            }
        }
    }
}

#[tokio::test]
async fn opening_a_store_on_a_disk_that_fails_changes_nothing_for_the_next_time() {
    for call in Call::ALL {
        for nth in 0..20 {
            let disk = SimDisk::new(nth);
            let store = open(&disk);
            store.append(numbered(0)).await.unwrap();
            store.flush().await.unwrap();
            store.append(numbered(1)).await.unwrap();
            drop(store);
            let disk = disk.restart();
            disk.fail(call, nth, Cause::Medium);
            drop(try_open(&disk));
            disk.heal();
            assert_eq!(numbers(&*open(&disk)).await, [0, 1], "{call:?} {nth}");
        }
    }
}

#[tokio::test]
async fn a_read_only_disk_is_still_read_and_batches_are_refused() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(0)).await.unwrap();
    store.flush().await.unwrap();
    store.append(numbered(1)).await.unwrap();
    disk.set_read_only();
    let refusal = store.append(numbered(2)).await.unwrap_err();
    assert!(refusal.is_retryable(), "{refusal}");
    assert!(store.flush().await.is_err());
    assert_eq!(numbers(&*store).await, [0, 1]);
    disk.heal();
    store.append(numbered(2)).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(numbers(&*store).await, [0, 1, 2]);
    drop(store);
    assert_eq!(numbers(&*open(&disk.reboot())).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_costs_its_own_rows_and_is_kept() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for number in 0..3 {
        store.append(numbered(number)).await.unwrap();
    }
    store.flush().await.unwrap();
    drop(store);
    let dir = Path::new(DIR).join("samples/2026-11-23");
    for entry in disk.list(&dir).unwrap() {
        disk.fail_reads(&dir.join(entry.name), u64::MAX).unwrap();
    }
    let store = open(&disk);
    let found = store.select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    assert_eq!(found.iter().map(|series| series.samples.len()).sum::<usize>(), 6, "the other day is there");
    assert_eq!(disk.list(&Path::new(DIR).join("quarantine")).unwrap().len(), 2);
    for number in 3..6 {
        store.append(numbered(number)).await.unwrap();
        store.flush().await.unwrap();
    }
    store.keep_up().await.unwrap();
}

#[tokio::test]
async fn a_missing_file_costs_its_own_rows() {
    for ending in [".seg", ".idx"] {
        let disk = SimDisk::new(1);
        let store = open(&disk);
        for number in 0..3 {
            store.append(numbered(number)).await.unwrap();
            store.flush().await.unwrap();
        }
        drop(store);
        let dir = Path::new(DIR).join("samples/2026-11-23");
        let files = disk.list(&dir).unwrap();
        let lost = files.iter().find(|entry| entry.name.ends_with(ending)).unwrap();
        disk.remove(&dir.join(&lost.name)).unwrap();
        let store = open(&disk);
        let found = store.select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
        let rows: usize = found.iter().map(|series| series.samples.len()).sum();
        assert!((6..12).contains(&rows), "{ending}: {rows}");
        for number in 3..9 {
            store.append(numbered(number)).await.unwrap();
            store.flush().await.unwrap();
        }
        store.keep_up().await.unwrap();
        let found = store.select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
        assert_eq!(found.iter().map(|series| series.samples.len()).sum::<usize>(), rows + 24, "{ending}");
    }
}

#[tokio::test]
async fn files_without_a_byte_are_set_aside() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(0)).await.unwrap();
    store.flush().await.unwrap();
    store.append(numbered(1)).await.unwrap();
    drop(store);
    let names = ["wal/00000077.log", "samples/2026-11-23/000070.seg", "spans/2026-11-24/000071.idx"];
    for name in names {
        write_atomically(&disk, &Path::new(DIR).join(name), b"").unwrap();
    }
    let store = open(&disk);
    assert_eq!(numbers(&*store).await, [0, 1]);
    store.append(numbered(2)).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(disk.list(&Path::new(DIR).join("quarantine")).unwrap().len(), 2);
    drop(store);
    assert_eq!(numbers(&*open(&disk)).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_clock_that_jumps_loses_nothing() {
    let hour = Duration::from_secs(3600);
    for jump in [hour, 24 * 365 * 10 * hour] {
        let disk = SimDisk::new(1);
        // Forward while it runs; and at the next start the clock is back where it was.
        for first in [0, 10] {
            let clock = FakeClock::new();
            let store = open_with(settings(DIR), &disk, Arc::new(clock.clone())).unwrap();
            for number in first..first + 9 {
                store.append(numbered(number)).await.unwrap();
                store.flush().await.unwrap();
            }
            clock.advance(jump).await;
            store.append(numbered(first + 9)).await.unwrap();
            store.keep_up().await.unwrap();
            assert_eq!(numbers(&*store).await, (0..first + 10).collect::<Vec<u64>>());
        }
    }
}

/// Ten seconds or ten minutes are the same here: nothing in the store measures them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_stalls_batches_wait_queries_are_answered_and_then_all_is_well() {
    for call in [Call::Sync, Call::Append] {
        let disk = SimDisk::new(1);
        let store = open(&disk);
        store.append(numbered(0)).await.unwrap();
        store.flush().await.unwrap();
        store.append(numbered(1)).await.unwrap();
        disk.stall(call);
        let mut waiting = JoinSet::new();
        for number in 2..30 {
            let store = store.clone();
            waiting.spawn(async move {
                store.append(numbered(number)).await.map(drop).map_err(|e| e.to_string())
            });
        }
        let flushing = store.clone();
        waiting.spawn(async move { flushing.flush().await.map_err(|error| error.to_string()) });
        while disk.stalled_calls() == 0 {
            tokio::task::yield_now().await;
        }
        // Nothing that is not durable is shown, and nobody waits for the disk to read.
        assert_eq!(numbers(&*store).await, [0, 1], "{call:?}");
        disk.go_on();
        while let Some(done) = waiting.join_next().await {
            done.unwrap().unwrap();
        }
        assert_eq!(numbers(&*store).await, (0..30).collect::<Vec<u64>>(), "{call:?}");
        drop(store);
        assert_eq!(numbers(&*open(&disk.reboot())).await.len(), 30);
    }
}

#[tokio::test]
async fn a_disk_that_is_full_of_others_files_is_left_by_dropping_days() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(0)).await.unwrap();
    store.flush().await.unwrap();
    store.append(numbered(1)).await.unwrap();
    disk.set_capacity(disk.used_bytes());
    assert!(store.flush().await.is_err());
    // It cannot flush, but it can make room.
    let before = disk.used_bytes();
    drop(crate::stand::drop_before(&*store, DAY).await);
    assert!(disk.used_bytes() < before);
    disk.set_capacity(u64::MAX);
    store.flush().await.unwrap();
}
