//! Thousands of random lives of a store on a bad disk, each from its own seed.
//!
//! A life is a row of [`Action`]s: appends, flushes, merges, erasures, dropped days, days
//! that pass, reopening; now and then a call of the disk fails, it is full, or a read
//! fails. At some step the power goes or the process is killed, often once more while the
//! store recovers. What must hold whenever the store is read is in [`Ledger`].
//!
//! `STORE_TEST_SEEDS` is the number of lives (for a night: 200000), `STORE_TEST_SEED` the
//! only one to repeat.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use disk::sim::{Call, Cause, SimDisk};
use embedded::{Embedded, EmbeddedSettings};
use model::{Matcher, TimeRange, Timestamp};
use storage::{Appender, Erasure, Retention, Signal, Upkeep};
use testkit::FakeClock;

use crate::ledger::{Ledger, agent, today};
use crate::stand::{Chance, DAY, DIR, open_with, settings};

const SEEDS_VARIABLE: &str = "STORE_TEST_SEEDS";
const SEED_VARIABLE: &str = "STORE_TEST_SEED";

/// About a minute of two slow cores.
const SEEDS: u64 = 3000;

/// Lives are shared out to as many tests, so that they run beside each other.
const TESTS: u64 = 4;

const ROUNDS: u64 = 4;
const ACTIONS_MAX: u64 = 30;

#[tokio::test]
async fn any_life_keeps_what_it_acknowledged_first_quarter() {
    check_quarter(0).await;
}

#[tokio::test]
async fn any_life_keeps_what_it_acknowledged_second_quarter() {
    check_quarter(1).await;
}

#[tokio::test]
async fn any_life_keeps_what_it_acknowledged_third_quarter() {
    check_quarter(2).await;
}

#[tokio::test]
async fn any_life_keeps_what_it_acknowledged_last_quarter() {
    check_quarter(3).await;
}

#[expect(clippy::disallowed_methods, reason = "a nightly run asks for more lives through the environment")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

async fn check_quarter(quarter: u64) {
    let seeds = match variable(SEED_VARIABLE) {
        Some(seed) => seed..seed + 1,
        None => 0..variable(SEEDS_VARIABLE).unwrap_or(SEEDS),
    };
    for seed in seeds.filter(|seed| seed % TESTS == quarter) {
        let _repeat = Repeat(seed);
        Life::new(seed).live().await;
    }
}

/// Says how to repeat a life when it ends in a panic.
struct Repeat(u64);

impl Drop for Repeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            let filter = "-E 'test(any_life_keeps)' --no-capture";
            let command = format!("{SEED_VARIABLE}={seed} cargo nextest run -p embedded {filter}");
            // There is nobody to tell if it cannot be told.
            let _ = writeln!(std::io::stderr(), "repeat: {command}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Append,
    /// A batch that was sent before, as a sender does that got no answer.
    AppendAgain,
    Flush,
    KeepUp,
    Retain,
    Erase,
    Read,
    Reopen,
    DayPasses,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    Call(Call, u64, Cause),
    Full(u64),
    Read,
}

struct Life {
    chance: Chance,
    disk: SimDisk,
    clock: FakeClock,
    ledger: Ledger,
    /// What was done, for whoever reads a failure.
    story: Vec<String>,
}

impl Life {
    fn new(seed: u64) -> Self {
        Self {
            chance: Chance(seed),
            disk: SimDisk::new(seed),
            clock: FakeClock::new(),
            ledger: Ledger::default(),
            story: Vec::new(),
        }
    }

    fn open(&self) -> Result<Arc<Embedded>, embedded::OpenError> {
        // Small, so that a few batches make a flush due.
        let small = EmbeddedSettings { flush_bytes: 30_000, ..settings(DIR) };
        open_with(small, &self.disk, Arc::new(self.clock.clone()))
    }

    async fn live(mut self) {
        for round in 0..ROUNDS {
            let steps_max = [20, 60, 200, 600][self.chance.below(4) as usize];
            self.disk.crash_after(1 + self.chance.below(steps_max));
            self.story.push(format!("round {round}"));
            self.act().await;
            self.end_and_recover();
            if self.chance.below(2) == 0 {
                // The power goes again on the way back.
                self.disk.crash_after(1 + self.chance.below(8));
                drop(self.open());
                self.end_and_recover();
            }
            let store = self.open().unwrap_or_else(|error| panic!("{error:?}: {:#?}", self.story));
            self.read(&store).await;
        }
        // Whatever is in memory or half done by now ends well on a disk that is well.
        let store = self.open().unwrap();
        store.flush().await.unwrap();
        store.keep_up().await.unwrap();
        self.read(&store).await;
    }

    /// The power goes, or only the process; then the disk is well again.
    fn end_and_recover(&mut self) {
        if self.chance.below(3) == 0 {
            self.story.push("the process is killed".to_owned());
            self.disk = self.disk.restart();
        } else {
            self.story.push("the power goes".to_owned());
            self.disk = self.disk.reboot();
            self.ledger.power_went();
        }
        self.disk.set_capacity(u64::MAX);
        self.disk.heal();
    }

    async fn act(&mut self) {
        let Ok(mut store) = self.open() else { return };
        for _ in 0..ACTIONS_MAX {
            let trouble = self.trouble();
            let action = match self.chance.below(24) {
                0..8 => Action::Append,
                8 => Action::AppendAgain,
                9..13 => Action::Flush,
                13..17 => Action::KeepUp,
                17 => Action::Retain,
                18 | 19 => Action::Erase,
                20 => Action::Read,
                21 | 22 => Action::Reopen,
                _ => Action::DayPasses,
            };
            self.story.push(format!("{action:?} {trouble:?}"));
            match action {
                Action::Append => {
                    let batch = self.ledger.fresh_batch(&mut self.chance, today(&self.clock));
                    self.append(&store, batch).await;
                }
                Action::AppendAgain => {
                    if let Some(batch) = self.ledger.known_batch(&mut self.chance) {
                        self.append(&store, batch).await;
                    }
                }
                Action::Flush => drop(store.flush().await),
                Action::KeepUp => drop(store.keep_up().await),
                Action::Retain => self.retain(&store, trouble).await,
                Action::Erase => self.erase(&store, trouble).await,
                Action::Read => self.read(&store).await,
                Action::Reopen => {
                    drop(store);
                    match self.open() {
                        Ok(opened) => store = opened,
                        Err(_) if self.disk.has_crashed() => return,
                        Err(error) => {
                            self.story.push(format!("not opened: {error:?}"));
                            self.disk.heal();
                            self.disk.set_capacity(u64::MAX);
                            let Ok(opened) = self.open() else { return self.check_crashed() };
                            store = opened;
                        }
                    }
                }
                Action::DayPasses => self.clock.advance(Duration::from_secs(DAY as u64)).await,
            }
            self.disk.heal();
            self.disk.set_capacity(u64::MAX);
            if self.disk.has_crashed() {
                return;
            }
        }
    }

    fn check_crashed(&self) {
        assert!(self.disk.has_crashed(), "a disk that is well is opened: {:#?}", self.story);
    }

    fn trouble(&mut self) -> Trouble {
        match self.chance.below(12) {
            0..3 => {
                let call = Call::ALL[self.chance.below(7) as usize];
                let cause = if self.chance.below(2) == 0 { Cause::Medium } else { Cause::Full };
                let after = self.chance.below(4);
                self.disk.fail(call, after, cause);
                Trouble::Call(call, after, cause)
            }
            3 => {
                let room = self.chance.below(2000);
                self.disk.set_capacity(self.disk.used_bytes() + room);
                Trouble::Full(room)
            }
            4 => {
                let files = files(&self.disk, Path::new(DIR));
                if !files.is_empty() {
                    let file = &files[self.chance.below(files.len() as u64) as usize];
                    drop(self.disk.fail_reads(file, 1));
                }
                Trouble::Read
            }
            _ => Trouble::None,
        }
    }

    async fn append(&mut self, store: &Embedded, batch: u64) {
        let answer = store.append(self.ledger.batch(batch)).await;
        self.story.push(format!("  batch {batch}: {}", answer.is_ok()));
        self.ledger.sent(batch, answer.is_ok());
    }

    async fn retain(&mut self, store: &Embedded, trouble: Trouble) {
        let days = self.chance.below(3);
        let ages = Signal::ALL.map(|signal| (signal, Duration::from_secs(days * DAY as u64))).to_vec();
        let now = today(&self.clock);
        let retention = Retention { ages, ..Retention::default() };
        let answer = store.retain(&retention, Timestamp::from_secs(now * DAY + 5)).await;
        self.story.push(format!("  before day {}: {:?}", now - days as i64, answer.is_ok()));
        let is_sure = answer.is_ok() && trouble == Trouble::None;
        self.ledger.gone(is_sure, |row| row.day < now - days as i64);
    }

    async fn erase(&mut self, store: &Embedded, trouble: Trouble) {
        let number = self.chance.below(3);
        let day = today(&self.clock) - self.chance.below(3) as i64;
        let (start, end) = (Timestamp::from_secs(day * DAY), Timestamp::from_secs((day + 1) * DAY - 1));
        let all = Erasure {
            signals: Signal::ALL.to_vec(),
            range: if self.chance.below(2) == 0 { TimeRange::ALL } else { TimeRange::new(start, end) },
            stream: Vec::new(),
            attributes: Vec::new(),
        };
        let who = Matcher::equal("who", &number.to_string());
        let erasure = match self.chance.below(5) {
            0 => all,
            1 | 2 => Erasure { stream: vec![Matcher::equal("agent", &agent(number))], ..all },
            _ => Erasure { attributes: vec![who], signals: vec![Signal::Logs, Signal::Spans], ..all },
        };
        let answer = store.erase(&erasure).await;
        self.story.push(format!("  {erasure:?}: {:?}", answer.is_ok()));
        let is_sure = answer.is_ok() && trouble == Trouble::None;
        // What was visible is gone for good, also if something else failed beside it.
        self.ledger.erased(answer.is_ok(), is_sure, |row| {
            erasure.signals.contains(&row.signal)
                && (erasure.range == TimeRange::ALL || row.day == day)
                && erasure.stream.iter().all(|matcher| matcher.value() == agent(row.agent))
                && erasure.attributes.iter().all(|matcher| matcher.value() == row.who.to_string())
        });
    }

    async fn read(&mut self, store: &Embedded) {
        let found = Ledger::read(store).await;
        match found {
            Ok(found) => self.ledger.check(&found, &self.story),
            Err(error) => assert!(self.disk.has_crashed(), "{error:?}: {:#?}", self.story),
        }
    }
}

/// All files below a folder.
fn files(disk: &SimDisk, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in disk.list(dir).unwrap_or_default() {
        let path = dir.join(&entry.name);
        if entry.is_dir { found.extend(files(disk, &path)) } else { found.push(path) }
    }
    found
}
