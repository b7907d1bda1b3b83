//! A full disk: batches are refused with a reason, reads go on, and it ends by itself.

use std::path::Path;
use std::sync::Arc;

use disk::Disk;
use disk::sim::SimDisk;
use embedded::EmbeddedSettings;
use storage::{AppendError, Appender, Upkeep};
use testkit::FakeClock;

use crate::stand::{DIR, numbered, numbers, open, open_with, settings};

#[tokio::test]
async fn below_the_reserve_nothing_is_accepted_until_there_is_room_again() {
    let disk = SimDisk::new(1);
    let reserving = EmbeddedSettings { disk_reserve_bytes: 10_000, ..settings(DIR) };
    let store = open_with(reserving, &disk, Arc::new(FakeClock::new())).unwrap();
    store.append(numbered(1)).await.unwrap();
    disk.set_capacity(disk.used_bytes() + 9_000);
    let refusal = store.append(numbered(2)).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the store is full: 9000 bytes are free on the disk, `storage.disk_reserve` keeps 10000"
    );
    assert!(refusal.is_retryable());
    assert_eq!(numbers(&*store).await, [1]);
    // What is in memory can still be written out: that is what the reserve is for.
    store.flush().await.unwrap();
    disk.set_capacity(u64::MAX);
    store.append(numbered(2)).await.unwrap();
    drop(store);
    assert_eq!(numbers(&*open(&disk)).await, [1, 2]);
}

#[tokio::test]
async fn a_disk_that_is_full_without_warning_loses_nothing_acknowledged() {
    for room in [0, 1, 20, 100, 150, 300, 1000, 2000] {
        let disk = SimDisk::new(room);
        let store = open(&disk);
        store.append(numbered(0)).await.unwrap();
        disk.set_capacity(disk.used_bytes() + room);
        let mut accepted = vec![0];
        for number in 1..20 {
            match store.append(numbered(number)).await {
                Ok(_) => accepted.push(number),
                Err(error) => assert!(matches!(error, AppendError::Full(_)), "{error}"),
            }
            // Trying again does not fill the folder with files.
            assert!(disk.list(&Path::new(DIR).join("wal")).unwrap().len() < 5);
        }
        assert!(accepted.len() < 20);
        assert_eq!(numbers(&*store).await, accepted, "{room} bytes of room");
        drop(store);
        disk.set_capacity(u64::MAX);
        let store = open(&disk.reboot());
        assert_eq!(numbers(&*store).await, accepted, "{room} bytes of room, after a crash");
        store.append(numbered(50)).await.unwrap();
    }
}

#[tokio::test]
async fn a_flush_that_finds_no_room_leaves_everything_readable_and_is_repeated() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for number in 0..10 {
        store.append(numbered(number)).await.unwrap();
    }
    let all: Vec<u64> = (0..10).collect();
    for room in [0, 10, 100, 200, 300] {
        disk.set_capacity(disk.used_bytes() + room);
        assert!(store.flush().await.is_err(), "{room}");
        assert_eq!(numbers(&*store).await, all, "{room}");
    }
    disk.set_capacity(u64::MAX);
    store.append(numbered(10)).await.unwrap();
    store.flush().await.unwrap();
    let all: Vec<u64> = (0..11).collect();
    assert_eq!(numbers(&*store).await, all);
    drop(store);
    assert_eq!(numbers(&*open(&disk)).await, all);
}

#[tokio::test]
async fn a_memtable_that_cannot_be_written_out_does_not_grow_for_ever() {
    let disk = SimDisk::new(1);
    let small = EmbeddedSettings { flush_bytes: 2000, ..settings(DIR) };
    let store = open_with(small, &disk, Arc::new(FakeClock::new())).unwrap();
    let mut accepted = Vec::new();
    let refusal = loop {
        let number = accepted.len() as u64;
        match store.append(numbered(number)).await {
            Ok(_) => accepted.push(number),
            Err(refusal) => break refusal.to_string(),
        }
    };
    assert!(refusal.contains("`storage.flush_bytes`"), "{refusal}");
    store.flush().await.unwrap();
    let number = accepted.len() as u64;
    store.append(numbered(number)).await.unwrap();
    accepted.push(number);
    assert_eq!(numbers(&*store).await, accepted);
}
