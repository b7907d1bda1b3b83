//! A disk that does not answer in time, and upkeep that takes long.

#![allow(clippy::disallowed_methods, reason = "each test waits for the tasks that it spawns")]

use std::sync::Arc;
use std::time::Duration;

use disk::sim::{Call, Cause, SimDisk};
use embedded::EmbeddedSettings;
use model::{Batch, LabelSet, LogRecord, LogSeverity, Timestamp};
use runtime::Clock as _;
use storage::{AppendError, Appender, Retention, Signal, Upkeep};
use testkit::FakeClock;

use crate::stand::{Chance, DAY, DIR, MIDNIGHT, numbered, numbers, open, open_with, settings};

async fn until_stalled(disk: &SimDisk) {
    while disk.stalled_calls() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_batch_that_the_disk_does_not_take_is_answered_in_time() {
    let (disk, clock) = (SimDisk::new(1), FakeClock::new());
    let store = open_with(settings(DIR), &disk, Arc::new(clock.clone())).unwrap();
    store.append(numbered(0)).await.unwrap();
    disk.stall(Call::Sync);
    let sender = store.clone();
    let first = tokio::spawn(async move { sender.append(numbered(1)).await });
    until_stalled(&disk).await;
    let sender = store.clone();
    let second = tokio::spawn(async move { sender.append(numbered(2)).await });
    clock.advance(Duration::from_secs(9)).await;
    assert!(!first.is_finished() && !second.is_finished());
    clock.advance(Duration::from_secs(1)).await;
    for refused in [first, second] {
        let error = refused.await.unwrap().unwrap_err();
        assert!(matches!(error, AppendError::NotDurable(_)) && error.is_retryable(), "{error}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("10s") && source.contains("storage.append_timeout"), "{source}");
    }
    assert_eq!(numbers(&*store).await, [0], "queries are answered meanwhile");
    disk.go_on();
    store.append(numbered(3)).await.unwrap();
    // The first had been written when its sender gave up; the second never was.
    assert_eq!(numbers(&*store).await, [0, 1, 3]);
}

#[tokio::test]
async fn usage_is_told_while_upkeep_goes_on() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(0)).await.unwrap();
    disk.stall(Call::Rename);
    let flushing = store.clone();
    let flushing = tokio::spawn(async move { flushing.flush().await });
    until_stalled(&disk).await;
    let usage = store.usage().await.unwrap();
    assert_eq!(usage.tables[0].rows, 4, "{usage:?}");
    disk.go_on();
    flushing.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_day_that_gets_rows_while_it_is_dropped_stays() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(0)).await.unwrap();
    disk.fail(Call::Remove, 0, Cause::Medium);
    store.flush().await.unwrap();
    let ages = vec![(Signal::Logs, Duration::ZERO)];
    let retention = Retention { ages, ..Retention::default() };
    let now = Timestamp::from_secs(MIDNIGHT + DAY);
    let planned = store.plan_retention(&retention, now).await.unwrap().days;
    assert_eq!(planned.len(), 1);
    // The WAL has to go first: there it waits, and a batch comes for the day.
    disk.stall(Call::Remove);
    let dropping = store.clone();
    let days = planned.clone();
    let dropping = tokio::spawn(async move { dropping.drop_days(&days).await });
    until_stalled(&disk).await;
    store.append(numbered(1)).await.unwrap();
    disk.go_on();
    assert_eq!(dropping.await.unwrap().unwrap(), []);
    assert_eq!(numbers(&*store).await, [0, 1]);
    let planned = store.plan_retention(&retention, now).await.unwrap().days;
    assert_eq!(store.drop_days(&planned).await.unwrap(), planned);
}

/// Log lines that no codec makes small, enough for several pages.
fn loud(seed: u64) -> Batch {
    let mut chance = Chance(seed);
    let stream = LabelSet::new([("service", "loud")]);
    let mut batch = Batch::default();
    for second in 0..20_000 {
        let body = format!("{:016x}{:016x}", chance.next(), chance.next());
        let at = Timestamp::from_secs(MIDNIGHT + second);
        batch.logs.push(LogRecord::new(at, stream.clone(), LogSeverity::Info, body));
    }
    batch
}

#[tokio::test]
async fn merges_keep_to_their_pace() {
    let (disk, clock) = (SimDisk::new(1), FakeClock::new());
    clock.advance(Duration::from_secs(400 * DAY as u64)).await;
    let slow = EmbeddedSettings { merge_bytes_per_second: 100_000, ..settings(DIR) };
    let store = open_with(slow, &disk, Arc::new(clock.clone())).unwrap();
    for seed in 0..2 {
        store.append(loud(seed)).await.unwrap();
        store.flush().await.unwrap();
    }
    let started = clock.monotonic();
    let merging = store.clone();
    let merging = tokio::spawn(async move { merging.keep_up().await });
    while !merging.is_finished() {
        clock.advance(Duration::from_millis(100)).await;
        tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
    }
    merging.await.unwrap().unwrap();
    let bytes = store.usage().await.unwrap().tables.iter().map(|table| table.bytes).sum::<u64>();
    let least = Duration::from_secs(bytes / 100_000 - 2);
    assert!(
        bytes > 500_000 && clock.monotonic() - started >= least,
        "{bytes} bytes took less than {least:?}"
    );
}

#[tokio::test]
async fn a_clock_that_jumps_years_ahead_costs_nothing_for_a_day() {
    let (disk, clock) = (SimDisk::new(1), FakeClock::new());
    let careful =
        || EmbeddedSettings { clock_jump_max: Duration::from_secs(2 * DAY as u64), ..settings(DIR) };
    let store = open_with(careful(), &disk, Arc::new(clock.clone())).unwrap();
    store.append(numbered(0)).await.unwrap();
    let month = Duration::from_secs(30 * DAY as u64);
    let retention =
        Retention { ages: Signal::ALL.map(|signal| (signal, month)).to_vec(), ..Retention::default() };
    let today = Timestamp::from_secs(MIDNIGHT + DAY);
    let days = |count: u32| today + Duration::from_secs(DAY as u64) * count;
    assert_eq!(store.retain(&retention, days(0)).await.unwrap().clock_doubted, None);
    let plan = store.retain(&retention, days(3_650)).await.unwrap();
    assert_eq!((plan.days.len(), plan.clock_doubted), (0, Some(days(0))));
    // It is remembered over a restart, and believed when it lasts.
    drop(store);
    let store = open_with(careful(), &disk, Arc::new(clock.clone())).unwrap();
    assert_eq!(numbers(&*store).await, [0]);
    assert_eq!(store.plan_retention(&retention, days(3_650)).await.unwrap().clock_doubted, Some(days(0)));
    clock.advance(Duration::from_secs(DAY as u64)).await;
    let plan = store.retain(&retention, days(3_651)).await.unwrap();
    assert_eq!((plan.clock_doubted, numbers(&*store).await.len()), (None, 0));
}
