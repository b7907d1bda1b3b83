//! Rollups on disk: when they are built, that they outlive their samples, how they go.

use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use disk::sim::SimDisk;
use embedded::Embedded;
use model::{Batch, LabelSet, Matcher, TimeRange, Timestamp};
use storage::{
    Appender, DropReason, DroppedRollup, Erasure, Resolution, Retention, RollupSeries, SampleReader, Signal,
    Upkeep,
};

use crate::stand::{DAY, DIR, MIDNIGHT, NO_LIMITS, open, open_later};

/// A counter and a gauge every two minutes, for these days after the first.
fn samples_of_days(days: std::ops::Range<i64>) -> Batch {
    let mut batch = Batch::default();
    for step in days.start * DAY / 120..days.end * DAY / 120 {
        push(&mut batch, "counter", step * 120, (step * 3) as f64);
        push(&mut batch, "gauge", step * 120, (step * 7919 % 1000) as f64);
    }
    batch
}

fn push(batch: &mut Batch, name: &str, secs: i64, value: f64) {
    batch.push_sample(LabelSet::metric(name, [("job", "a")]), at(secs), value);
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(MIDNIGHT + secs)
}

/// Two days, when they are over, rolled up.
async fn rolled_up(disk: &SimDisk) -> Arc<Embedded> {
    let store = open_later(disk).await;
    store.append(samples_of_days(0..2)).await.unwrap();
    store.flush().await.unwrap();
    store.keep_up().await.unwrap();
    store
}

async fn buckets(store: &Embedded) -> [Vec<RollupSeries>; 2] {
    let of =
        async |resolution| store.select_rollup(&[], TimeRange::ALL, resolution, NO_LIMITS).await.unwrap();
    [of(Resolution::FiveMinutes).await, of(Resolution::OneHour).await]
}

/// Names of files of one day, without their numbers.
fn files(disk: &SimDisk, table: &str, day: &str) -> Vec<String> {
    let dir = std::path::Path::new(DIR).join(table).join(day);
    let entries = disk.list(&dir).unwrap_or_default();
    let mut endings: Vec<String> =
        entries.iter().filter_map(|entry| Some(entry.name.rsplit_once('.')?.1.to_owned())).collect();
    endings.sort();
    endings
}

/// Samples go when their day is over, rollups when theirs is `days` longer ago.
fn outliving(days: u64) -> Retention {
    let age = Duration::from_secs(days * DAY as u64);
    Retention {
        ages: vec![(Signal::Samples, Duration::ZERO)],
        rollup_ages: Resolution::ALL.map(|resolution| (resolution, age)).to_vec(),
        ..Retention::default()
    }
}

#[tokio::test]
async fn a_day_that_is_over_is_rolled_up_once() {
    let disk = SimDisk::new(1);
    let store = rolled_up(&disk).await;
    for table in ["samples", "samples_5m", "samples_1h"] {
        assert_eq!(files(&disk, table, "2026-11-23"), ["idx", "seg"], "{table}");
    }
    let rows = async || -> Vec<(&str, u64, u64)> {
        let tables = store.usage().await.unwrap().tables;
        tables.iter().map(|table| (table.table, table.rows, table.days)).collect()
    };
    let expected = [
        ("samples", 2880, 2),
        ("logs", 0, 0),
        ("spans", 0, 0),
        ("histograms", 0, 0),
        ("exemplars", 0, 0),
        ("samples_5m", 1152, 2),
        ("samples_1h", 96, 2),
    ];
    assert_eq!(rows().await, expected);
    let steps = disk.steps();
    store.keep_up().await.unwrap();
    assert_eq!(rows().await, expected);
    assert!(disk.steps() - steps < 10, "nothing is built again");
}

#[tokio::test]
async fn a_day_that_is_not_over_waits() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(samples_of_days(0..1)).await.unwrap();
    store.flush().await.unwrap();
    store.keep_up().await.unwrap();
    assert!(files(&disk, "samples_1h", "2026-11-23").is_empty());
    assert_eq!(buckets(&store).await[1][0].buckets.len(), 24);
}

#[tokio::test]
async fn rollups_outlive_their_samples() {
    let disk = SimDisk::new(1);
    let store = rolled_up(&disk).await;
    let before = buckets(&store).await;
    let plan = store.retain(&outliving(30), at(5 * DAY)).await.unwrap();
    assert_eq!((plan.days.len(), plan.rollups.len()), (2, 0));
    assert!(store.select(&[], TimeRange::ALL, NO_LIMITS).await.unwrap().is_empty());
    assert_eq!(buckets(&store).await, before);
    store.keep_up().await.unwrap();
    drop(store);
    let store = open_later(&disk).await;
    assert_eq!(buckets(&store).await, before);

    // What comes late for such a day is seen where there is no bucket.
    let mut late = Batch::default();
    push(&mut late, "counter", 10, 1e9);
    push(&mut late, "late", 10, 5.0);
    store.append(late).await.unwrap();
    for _ in 0..2 {
        let [_, hours] = buckets(&store).await;
        assert_eq!((&hours[..2], hours[2].buckets.len()), (&before[1][..], 1));
        store.flush().await.unwrap();
        store.keep_up().await.unwrap();
    }
    store.retain(&outliving(30), at(5 * DAY)).await.unwrap();
    assert_eq!(buckets(&store).await, before);
}

#[tokio::test]
async fn rollups_go_by_their_own_age() {
    let disk = SimDisk::new(1);
    let store = rolled_up(&disk).await;
    let plan = store.retain(&outliving(30), at(31 * DAY + 5)).await.unwrap();
    let dropped: Vec<(Resolution, Timestamp, u64, DropReason)> = plan
        .rollups
        .iter()
        .map(|DroppedRollup { resolution, day, rows, reason, .. }| (*resolution, *day, *rows, *reason))
        .collect();
    let expected = [
        (Resolution::FiveMinutes, at(0), 576, DropReason::Age),
        (Resolution::OneHour, at(0), 48, DropReason::Age),
    ];
    assert_eq!(dropped, expected);
    assert_eq!(buckets(&store).await[1][0].buckets.len(), 24, "the second day");
    store.retain(&outliving(0), at(31 * DAY)).await.unwrap();
    assert!(buckets(&store).await.concat().is_empty());
}

#[tokio::test]
async fn erased_buckets_leave_a_rollup_without_samples() {
    let disk = SimDisk::new(1);
    let store = rolled_up(&disk).await;
    store.retain(&outliving(30), at(5 * DAY)).await.unwrap();
    let erasure = |name, start, end| Erasure {
        signals: vec![Signal::Samples],
        range: TimeRange::new(at(start), at(end)),
        stream: vec![Matcher::equal("__name__", name)],
        attributes: Vec::new(),
    };
    store.erase(&erasure("counter", 1000, 4000)).await.unwrap();
    store.erase(&erasure("gauge", 0, 9 * DAY)).await.unwrap();
    let erased = buckets(&store).await;
    assert_eq!(erased.each_ref().map(|series| series.len()), [1, 1]);
    assert_eq!(erased.each_ref().map(|series| series[0].buckets.len()), [565, 46], "the counter");
    store.keep_up().await.unwrap();
    assert_eq!(buckets(&store).await, erased);
    assert!(disk.list(&std::path::Path::new(DIR).join("erased")).unwrap().is_empty(), "gone from the disk");
    store.erase(&erasure("counter", 0, 9 * DAY)).await.unwrap();
    for _ in 0..2 {
        store.keep_up().await.unwrap();
    }
    let usage = store.usage().await.unwrap();
    let of_rollups = usage.tables.iter().filter(|table| table.table.starts_with("samples_"));
    assert_eq!(of_rollups.map(|table| table.rows).sum::<u64>(), 0);
    assert!(buckets(&store).await.concat().is_empty());
}

/// The day is rolled up, then again because a series and a sample came late.
#[tokio::test]
async fn a_crash_at_any_step_leaves_the_same_answer() {
    let mut late = Batch::default();
    push(&mut late, "late", 10, 5.0);
    push(&mut late, "counter", 130, 0.0);
    for step in 1.. {
        let disk = SimDisk::new(step);
        let store = open_later(&disk).await;
        let mut early = samples_of_days(0..1);
        early.series.iter_mut().for_each(|series| series.samples.truncate(100));
        store.append(early).await.unwrap();
        store.flush().await.unwrap();
        if step % 2 == 0 {
            store.keep_up().await.unwrap();
        }
        store.append(late.clone()).await.unwrap();
        store.flush().await.unwrap();
        let expected = buckets(&store).await;
        disk.crash_after(step / 2 + 1);
        let is_done = store.keep_up().await.is_ok();
        drop(store);
        let disk = disk.reboot();
        let store = open_later(&disk).await;
        assert_eq!(buckets(&store).await, expected, "step {step}");
        store.keep_up().await.unwrap();
        assert_eq!(buckets(&store).await, expected, "step {step}, rolled up");
        for table in ["samples", "samples_5m", "samples_1h"] {
            let segments = files(&disk, table, "2026-11-23");
            assert_eq!(segments.iter().filter(|ending| *ending == "seg").count(), 1, "step {step}, {table}");
        }
        if is_done {
            break;
        }
    }
}
