//! The power goes at any step.
//!
//! What is guaranteed: a batch that was acknowledged is there, wholly, with each of its
//! log lines once. One that was answered with an error, or not answered, is there wholly
//! or not at all. That holds for crashes within flush, merge, replay and removal too.

use std::collections::BTreeSet;

use disk::sim::{Call, Cause, SimDisk};
use storage::{Appender, SampleReader, Store, Upkeep};

use crate::stand::{Chance, DAY, MIDNIGHT, NO_LIMITS, drop_before, numbered, numbers, open, try_open};

/// What is known of a store's life.
#[derive(Default)]
struct Ledger {
    next: u64,
    acknowledged: BTreeSet<u64>,
    /// Answered with an error, or not at all.
    open_questions: BTreeSet<u64>,
}

impl Ledger {
    async fn append(&mut self, store: &dyn Store) {
        let number = self.next;
        self.next += 1;
        self.send(store, number).await;
    }

    async fn send(&mut self, store: &dyn Store, number: u64) {
        match store.append(numbered(number)).await {
            Ok(_) => {
                self.open_questions.remove(&number);
                self.acknowledged.insert(number);
            }
            Err(_) => {
                self.open_questions.insert(number);
            }
        }
    }

    /// Compares with the store; from then on, what is there has to stay.
    async fn settle(&mut self, store: &dyn Store, context: &str) {
        let found: BTreeSet<u64> = numbers(store).await.into_iter().collect();
        let lost: Vec<&u64> = self.acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "{context}: acknowledged and lost: {lost:?}");
        let invented: Vec<&u64> = found.iter().filter(|number| !self.acknowledged.contains(number)).collect();
        assert!(
            invented.iter().all(|number| self.open_questions.contains(number)),
            "{context}: {invented:?}"
        );
        self.acknowledged = found;
        self.open_questions.clear();
    }
}

/// Acts until the power goes, or 40 times.
async fn live(disk: &SimDisk, ledger: &mut Ledger, chance: &mut Chance) {
    let Ok(mut store) = try_open(disk) else { return };
    for _ in 0..40 {
        match chance.below(12) {
            0..6 => ledger.append(&*store).await,
            6..9 => drop(store.flush().await),
            9 => drop(store.keep_up().await),
            10 => {
                // A failed sync, after which the sender tries again.
                disk.fail(Call::Sync, 0, Cause::Medium);
                let number = ledger.next;
                ledger.append(&*store).await;
                disk.heal();
                if ledger.open_questions.contains(&number) && !disk.has_crashed() {
                    ledger.send(&*store, number).await;
                }
            }
            _ => {
                drop(store);
                let Ok(reopened) = try_open(disk) else { return };
                store = reopened;
            }
        }
        if disk.has_crashed() {
            return;
        }
    }
}

async fn check(seed: u64, steps_max: u64) {
    let mut chance = Chance(seed);
    let mut disk = SimDisk::new(seed);
    let mut ledger = Ledger::default();
    for round in 0..4 {
        disk.crash_after(1 + chance.below(steps_max));
        live(&disk, &mut ledger, &mut chance).await;
        disk = disk.reboot();
        // Every other time the power goes again while the store recovers.
        if chance.below(2) == 0 {
            disk.crash_after(1 + chance.below(6));
            drop(try_open(&disk));
            disk = disk.reboot();
        }
        let context = format!("seed {seed}, round {round}");
        ledger.settle(&*open(&disk), &context).await;
    }
}

#[tokio::test]
async fn acknowledged_batches_survive_a_crash_at_any_early_step() {
    for seed in 0..60 {
        check(seed, 30).await;
    }
}

#[tokio::test]
async fn acknowledged_batches_survive_a_crash_at_any_late_step() {
    for seed in 1000..1040 {
        check(seed, 250).await;
    }
}

/// Every single step of one short life, instead of chance.
#[tokio::test]
async fn acknowledged_batches_survive_a_crash_at_every_step_of_a_flush_and_a_merge() {
    let life = async |disk: &SimDisk, ledger: &mut Ledger| {
        let Ok(store) = try_open(disk) else { return };
        for _ in 0..9 {
            ledger.append(&*store).await;
            drop(store.flush().await);
        }
        drop(store.keep_up().await);
    };
    let whole = SimDisk::new(0);
    life(&whole, &mut Ledger::default()).await;
    for step in 1..=whole.steps() {
        let disk = SimDisk::new(step);
        let mut ledger = Ledger::default();
        disk.crash_after(step);
        life(&disk, &mut ledger).await;
        ledger.settle(&*open(&disk.reboot()), &format!("step {step}")).await;
    }
}

#[tokio::test]
async fn a_crash_while_days_are_dropped_takes_no_other_day() {
    for seed in 0..100 {
        let disk = SimDisk::new(seed);
        let store = open(&disk);
        for number in 0..3 {
            store.append(numbered(number)).await.unwrap();
        }
        store.flush().await.unwrap();
        disk.crash_after(1 + seed % 25);
        let cutoff = model::Timestamp::from_secs(MIDNIGHT + DAY);
        let is_done = drop_before(&*store, DAY).await.is_ok();
        drop(store);
        let store = open(&disk.reboot());
        let found = store.select(&[], model::TimeRange::ALL, NO_LIMITS).await.unwrap();
        assert_eq!(found.len(), 4, "seed {seed}");
        for series in found {
            let (old, kept): (Vec<model::Sample>, Vec<model::Sample>) =
                series.samples.iter().partition(|sample| sample.at < cutoff);
            let all = if series.labels.metric_name() == Some("shared") { 3 } else { 1 };
            assert_eq!(kept.len(), all, "seed {seed}");
            assert!(old.is_empty() || (old.len() == all && !is_done), "seed {seed}: {old:?}");
        }
    }
}
