//! Upkeep in the background: flushes by age and size, merges, and the end of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use disk::sim::SimDisk;
use embedded::{Embedded, EmbeddedSettings};
use runtime::Shutdown;
use storage::{Appender, Upkeep};
use testkit::FakeClock;
use tokio::task::JoinSet;

use crate::stand::{DIR, numbered, numbers, open, open_with, settings};

struct Background {
    store: Arc<Embedded>,
    clock: FakeClock,
    shutdown: Shutdown,
    task: JoinSet<()>,
}

impl Background {
    fn start(settings: EmbeddedSettings) -> Self {
        let clock = FakeClock::new();
        let store = open_with(settings, &SimDisk::new(1), Arc::new(clock.clone())).unwrap();
        let shutdown = Shutdown::new();
        let mut task = JoinSet::new();
        let (running, end) = (store.clone(), shutdown.clone());
        task.spawn(async move { running.run(end).await.unwrap() });
        Self { store, clock, shutdown, task }
    }

    async fn wal_bytes(&self) -> u64 {
        self.store.usage().await.unwrap().wal_bytes
    }

    /// Upkeep works on a thread of its own: give it turns until it is done.
    async fn until_flushed(&self) {
        for _ in 0..100_000 {
            if self.wal_bytes().await == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it was never flushed");
    }
}

#[tokio::test]
async fn rows_that_have_waited_long_enough_are_written_out() {
    let mut background = Background::start(settings(DIR));
    background.store.append(numbered(1)).await.unwrap();
    background.clock.advance(Duration::from_secs(3590)).await;
    assert!(background.wal_bytes().await > 0, "not before its time");
    background.clock.advance(Duration::from_secs(20)).await;
    background.until_flushed().await;
    assert_eq!(numbers(&*background.store).await, [1]);
    background.shutdown.begin();
    background.task.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_large_memtable_is_written_out_at_once() {
    let background = Background::start(EmbeddedSettings { flush_bytes: 100, ..settings(DIR) });
    background.store.append(numbered(1)).await.unwrap();
    background.until_flushed().await;
    assert_eq!(numbers(&*background.store).await, [1]);
}

#[tokio::test]
async fn many_segments_of_a_day_become_one() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for number in 0..20 {
        store.append(numbered(number)).await.unwrap();
        store.flush().await.unwrap();
    }
    let files = |ending: &str| {
        let all = disk.list(&Path::new(DIR).join("samples/2026-11-23")).unwrap();
        all.iter().filter(|entry| entry.name.ends_with(ending)).count()
    };
    let bytes = disk.used_bytes();
    assert_eq!((files(".seg"), files(".idx")), (20, 20));
    store.keep_up().await.unwrap();
    assert_eq!((files(".seg"), files(".idx")), (1, 1));
    assert!(disk.used_bytes() < bytes / 3, "{} of {bytes} bytes", disk.used_bytes());
    let all: Vec<u64> = (0..20).collect();
    assert_eq!(numbers(&*store).await, all);
    drop(store);
    assert_eq!(numbers(&*open(&disk)).await, all);
}

#[tokio::test]
async fn batches_that_come_together_share_a_sync() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let before = disk.steps();
    let mut together = JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        together.spawn(async move { store.append(numbered(number)).await.unwrap() });
    }
    while together.join_next().await.is_some() {}
    // One at a time, each would be a write and a sync.
    let steps = disk.steps() - before;
    assert!(steps < 300, "{steps} steps for 200 batches");
    assert_eq!(numbers(&*store).await.len(), 200);
}
