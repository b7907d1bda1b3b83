//! Backups of a store that goes on working, and of disks that fail.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use disk::sim::{Call, Cause, SimDisk};
use disk::{Disk, RealDisk};
use embedded::backup::{self, About, BackupError, Manifest};
use embedded::{Embedded, EmbeddedParts};
use model::{Matcher, TimeRange, Timestamp};
use parking_lot::Mutex;
use storage::{Appender, Erasure, Signal, Upkeep};
use testkit::FakeClock;
use tokio::runtime::Runtime;

use crate::busy::{BusyDisk, expect_once, old, pieces};
use crate::stand::{Chance, DAY, DIR, drop_before, numbered, open, open_later, open_with, settings};

pub const COPY: &str = "/backup";

pub fn parts(disk: impl Disk + 'static) -> EmbeddedParts {
    EmbeddedParts { disk: Arc::new(disk), clock: Arc::new(FakeClock::new()) }
}

pub fn about() -> About {
    About::new("test", Timestamp::from_secs(0))
}

/// Takes and seals a backup of the store in `DIR`.
pub fn back_up(disk: &dyn Disk) -> Result<Manifest, BackupError> {
    backup::take(disk, Path::new(DIR), Path::new(COPY))?;
    backup::seal(disk, Path::new(COPY), about())
}

/// The restored store, on a directory of its own.
fn restored(disk: &SimDisk) -> Arc<Embedded> {
    let verified = backup::verify(Path::new(COPY), &parts(disk.clone())).unwrap();
    assert_eq!(verified.damage, []);
    backup::restore(disk, Path::new(COPY), Path::new("/restored")).unwrap();
    open_with(settings("/restored"), disk, Arc::new(FakeClock::new())).unwrap()
}

#[tokio::test]
async fn a_backup_has_what_is_in_files_and_in_memory() {
    for refuses_links in [false, true] {
        let disk = SimDisk::new(1);
        let store = open(&disk);
        for number in 0..9 {
            store.append(numbered(number)).await.unwrap();
            if number % 3 == 1 {
                store.flush().await.unwrap();
            }
        }
        if refuses_links {
            disk.refuse_links();
        }
        let manifest = back_up(&disk).unwrap();
        assert!(manifest.files.iter().any(|file| file.file == "wal/00000004.log"), "{manifest:?}");
        // Neither the store nor the backup changes with the other.
        store.append(numbered(100)).await.unwrap();
        store.flush().await.unwrap();
        drop_before(&*store, DAY).await.unwrap();
        let found = pieces(&*restored(&disk)).await;
        assert_eq!(found.keys().copied().collect::<Vec<u64>>(), (0..9).collect::<Vec<u64>>());
        expect_once(&*restored_again(&disk), &(0..9).collect::<Vec<u64>>(), "again").await;
    }
}

/// Restored once more elsewhere: a backup is not used up.
fn restored_again(disk: &SimDisk) -> Arc<Embedded> {
    backup::restore(disk, Path::new(COPY), Path::new("/elsewhere")).unwrap();
    open_with(settings("/elsewhere"), disk, Arc::new(FakeClock::new())).unwrap()
}

/// Between any two calls of the backup the store may append, flush, merge, drop a day that
/// begins anew, or erase.
#[test]
fn a_backup_of_a_store_that_does_anything_meanwhile_has_everything_once() {
    let runtime = Runtime::new().unwrap();
    let mut meddled = 0;
    for seed in 0..60 {
        let disk = SimDisk::new(seed);
        // Neighbours of days that are over are merged by twos.
        let store = runtime.block_on(open_later(&disk));
        let chance = Mutex::new(Chance(seed));
        let next = AtomicU64::new(0);
        let act = |action: u64| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            runtime.block_on(async {
                match action {
                    0..5 => drop(store.append(numbered(number)).await.unwrap()),
                    5 | 6 => drop(store.append(old(number)).await.unwrap()),
                    7..10 => store.flush().await.unwrap(),
                    10 | 11 => store.keep_up().await.unwrap(),
                    _ => drop_before(&*store, 0).await.unwrap(),
                }
            });
            (action < 5).then_some(number)
        };
        let mut acknowledged = Vec::new();
        let actions = chance.lock().below(25);
        for _ in 0..actions {
            let action = chance.lock().below(13);
            acknowledged.extend(act(action));
        }
        let most = 1 + chance.lock().below(4);
        let busy = BusyDisk {
            inner: Arc::new(disk.clone()),
            meddle: || {
                let (is_quiet, action) = {
                    let mut chance = chance.lock();
                    (chance.below(most + 2) > 1, chance.below(13))
                };
                if !is_quiet {
                    act(action);
                }
            },
        };
        let before = next.load(Ordering::Relaxed);
        match back_up(&busy) {
            Ok(_) => {}
            // A folder in which something happens between any two calls is given up.
            Err(BackupError::Disk(error)) if error.source.to_string().contains("keeps changing") => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        }
        meddled += next.load(Ordering::Relaxed) - before;
        let copy = restored(&disk);
        let context = format!("seed {seed}");
        runtime.block_on(expect_once(&*copy, &acknowledged, &context));
        // It goes on as any store: the next files do not collide with those that are there.
        runtime.block_on(async {
            copy.append(numbered(9999)).await.unwrap();
            copy.flush().await.unwrap();
            copy.keep_up().await.unwrap();
            expect_once(&*copy, &[&acknowledged[..], &[9999]].concat(), &context).await;
        });
    }
    assert!(meddled > 1000, "{meddled}");
}

#[tokio::test]
async fn what_was_erased_before_a_backup_stays_erased_though_it_is_rewritten_meanwhile() {
    for call in 0..60 {
        let disk = SimDisk::new(call);
        let store = open_later(&disk).await;
        for number in 0..4 {
            store.append(numbered(number)).await.unwrap();
            store.flush().await.unwrap();
        }
        let erasure = Erasure {
            signals: vec![Signal::Samples],
            range: TimeRange::ALL,
            stream: vec![Matcher::equal("number", "2")],
            attributes: Vec::new(),
        };
        store.erase(&erasure).await.unwrap();
        let (calls, rewriting) = (AtomicU64::new(0), store.clone());
        let disk_of_backup = BusyDisk {
            inner: Arc::new(disk.clone()),
            meddle: move || {
                if calls.fetch_add(1, Ordering::Relaxed) == call {
                    let store = rewriting.clone();
                    // Merges, and buries the tombstone.
                    std::thread::scope(|threads| {
                        let done = threads.spawn(|| Runtime::new().unwrap().block_on(store.keep_up()));
                        done.join().unwrap().unwrap();
                    });
                }
            },
        };
        back_up(&disk_of_backup).unwrap();
        let found = pieces(&*restored(&disk)).await;
        assert_eq!(found[&2], [1, 1, 1, 1, 0, 0, 1, 1], "call {call}");
        assert!([0, 1, 3].iter().all(|number| found[number] == [1; 8]), "call {call}");
    }
}

#[test]
fn a_backup_that_was_cut_off_is_none_and_harms_nothing() {
    let runtime = Runtime::new().unwrap();
    let written = |seed| {
        let disk = SimDisk::new(seed);
        let store = open(&disk);
        runtime.block_on(async {
            for number in 0..4 {
                store.append(numbered(number)).await.unwrap();
                if number == 2 {
                    store.flush().await.unwrap();
                }
            }
        });
        disk
    };
    let whole = written(0);
    let before = whole.steps();
    back_up(&whole).unwrap();
    for step in 1..=whole.steps() - before {
        let disk = written(step);
        disk.crash_after(step);
        let is_done = back_up(&disk).is_ok();
        let disk = disk.reboot();
        let context = format!("step {step}");
        match backup::verify(Path::new(COPY), &parts(disk.clone())) {
            Ok(verified) => assert_eq!(verified.damage, [], "{context}: sealed before it was whole"),
            Err(BackupError::NoManifest(_)) => assert!(!is_done, "{context}"),
            Err(error) => panic!("{context}: {error}"),
        }
        runtime.block_on(expect_once(&*open(&disk), &[0, 1, 2, 3], &context));
    }
}

#[tokio::test]
async fn a_backup_that_fails_says_so_and_is_none() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for number in 0..4 {
        store.append(numbered(number)).await.unwrap();
    }
    store.flush().await.unwrap();
    store.append(numbered(4)).await.unwrap();
    disk.refuse_links();
    disk.set_capacity(disk.used_bytes() + 700);
    let Err(BackupError::Disk(error)) = back_up(&disk) else { panic!("there is no room for it") };
    assert!(error.is_full());
    disk.set_capacity(u64::MAX);
    let is_none = backup::verify(Path::new(COPY), &parts(disk.clone()));
    assert!(matches!(is_none, Err(BackupError::NoManifest(_))));
    // What is there is not overwritten, although it is worthless.
    assert!(matches!(back_up(&disk), Err(BackupError::NotEmpty(_))));
    let other = Path::new("/other");
    disk.fail(Call::Sync, 0, Cause::Medium);
    assert!(backup::take(&disk, Path::new(DIR), other).is_err());
    let no_store = backup::take(&disk, Path::new("/nowhere"), Path::new("/third")).unwrap_err();
    assert!(no_store.to_string().contains("is not a data directory"), "{no_store}");
    assert_eq!(crate::stand::numbers(&*store).await, [0, 1, 2, 3, 4]);
}

const BATCHES_OF_ROUND: usize = 100;

/// A real directory under load: two appenders, flushes, merges, retention; backup after backup.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_under_load_have_everything_that_was_acknowledged_before() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let clock = FakeClock::new();
    clock.advance(Duration::from_secs(400 * DAY as u64)).await;
    let real = EmbeddedParts { disk: Arc::new(RealDisk), clock: Arc::new(clock) };
    let store = Embedded::open(settings(&data), real.clone()).unwrap();
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    // So that merges, which are unhurried in this build, keep up with the appenders.
    let room = Arc::new(tokio::sync::Semaphore::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for first in 0..2 {
        let (store, acknowledged, room) = (store.clone(), acknowledged.clone(), room.clone());
        tasks.spawn(async move {
            for number in (first..).step_by(2) {
                let Ok(permit) = room.acquire().await else { break };
                permit.forget();
                store.append(numbered(number)).await.unwrap();
                acknowledged.lock().push(number);
                store.append(old(number)).await.unwrap();
            }
        });
    }
    let (working, is_ended) = (store.clone(), is_over.clone());
    tasks.spawn(async move {
        let mut chance = Chance(7);
        while !is_ended.load(Ordering::Relaxed) {
            match chance.below(8) {
                0..4 => working.flush().await.unwrap(),
                4..7 => working.keep_up().await.unwrap(),
                _ => drop_before(&*working, 0).await.unwrap(),
            }
        }
    });
    for round in 0..25 {
        room.add_permits(BATCHES_OF_ROUND);
        let (copy, target) = (home.path().join("copy"), home.path().join("restored"));
        let (data, parts) = (data.clone(), real.clone());
        let before = acknowledged.lock().clone();
        let opened = tokio::task::spawn_blocking(move || {
            backup::take(&RealDisk, &data, &copy).unwrap();
            backup::seal(&RealDisk, &copy, about()).unwrap();
            assert_eq!(backup::verify(&copy, &parts).unwrap().damage, []);
            backup::restore(&RealDisk, &copy, &target).unwrap();
            Embedded::open(settings(&target), parts).unwrap()
        });
        let opened = opened.await.unwrap();
        expect_once(&*opened, &before, &format!("round {round}")).await;
        drop(opened);
        for dir in ["copy", "restored"] {
            #[expect(clippy::disallowed_methods, reason = "the next round begins with an empty place")]
            std::fs::remove_dir_all(home.path().join(dir)).unwrap();
        }
    }
    is_over.store(true, Ordering::Relaxed);
    room.close();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert!(acknowledged.lock().len() > 100);
}
