//! Appending side by side, and what it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use bench::Durations;
use model::Batch;
use storage::{AppendError, Appender};
use tokio::task::JoinSet;

use crate::process;
use crate::stand::Stand;

/// No appender is further ahead of the slowest: telemetry comes in order of time, roughly.
/// Of scrapes these are twenty minutes.
const AHEAD_MAX: usize = 40;

/// A sender waits this long before it repeats what was refused.
const PAUSE: Duration = Duration::from_millis(5);

/// The requests of one connection, one after another.
pub trait Load: Send + 'static {
    /// Makes the next request; false when there is none.
    fn advance(&mut self) -> bool;
    /// The present request as a receiver hands it over. Asked again when it was refused.
    fn batch(&self) -> Batch;
    /// Of the present request.
    fn rows(&self) -> u64;
    /// How far it has come, in any unit that all loads of a run share.
    fn progress(&self) -> usize;
}

#[derive(Debug, Default)]
pub struct Ingested {
    pub rows: u64,
    pub requests: u64,
    /// Refused because the store was full, and sent again.
    pub repeated: u64,
    /// From the first request to the last acknowledgement.
    pub wall: Duration,
    /// Of the whole process.
    pub cpu: Duration,
    /// What making the requests took of it.
    pub generator_cpu: Duration,
    pub acknowledged: Durations,
}

impl Ingested {
    pub fn store_cpu(&self) -> Duration {
        self.cpu.saturating_sub(self.generator_cpu)
    }
}

/// Appends everything, and counts what the store does until it has come to rest.
pub async fn append_and_settle<L: Load>(stand: &Stand, loads: Vec<L>) -> anyhow::Result<Ingested> {
    let cpu = process::cpu();
    let ingested = append(stand, loads).await?;
    stand.settle().await?;
    Ok(Ingested { cpu: process::cpu().saturating_sub(cpu), ..ingested })
}

/// Appends everything.
pub async fn append<L: Load>(stand: &Stand, loads: Vec<L>) -> anyhow::Result<Ingested> {
    let (cpu, started) = (process::cpu(), Instant::now());
    let progress: Arc<[AtomicUsize]> = loads.iter().map(|_| AtomicUsize::new(0)).collect();
    let mut appenders = JoinSet::new();
    for (place, load) in loads.into_iter().enumerate() {
        appenders.spawn(append_one(stand.store.clone(), load, place, progress.clone()));
    }
    let mut all = Ingested::default();
    while let Some(one) = appenders.join_next().await {
        let one = one??;
        all.rows += one.rows;
        all.requests += one.requests;
        all.repeated += one.repeated;
        all.generator_cpu += one.generator_cpu;
        all.acknowledged.extend(one.acknowledged);
    }
    all.wall = started.elapsed();
    all.cpu = process::cpu().saturating_sub(cpu);
    Ok(all)
}

async fn append_one<L: Load>(
    store: Arc<impl Appender>,
    mut load: L,
    place: usize,
    progress: Arc<[AtomicUsize]>,
) -> anyhow::Result<Ingested> {
    let mut done = Ingested::default();
    while let Some(mut batch) = done.generate(|| load.advance().then(|| load.batch())) {
        progress[place].store(load.progress(), Ordering::Relaxed);
        wait_for_the_slowest(load.progress(), &progress).await;
        let started = Instant::now();
        while !is_appended(&*store, batch).await? {
            done.repeated += 1;
            tokio::time::sleep(PAUSE).await;
            batch = done.generate(|| load.batch());
        }
        done.acknowledged.push(started.elapsed());
        done.requests += 1;
        done.rows += load.rows();
    }
    progress[place].store(usize::MAX, Ordering::Relaxed);
    Ok(done)
}

impl Ingested {
    /// Work that is not the store's.
    fn generate<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = process::thread_cpu();
        let made = work();
        self.generator_cpu += process::thread_cpu().saturating_sub(before);
        made
    }
}

async fn wait_for_the_slowest(own: usize, progress: &[AtomicUsize]) {
    let slowest = || progress.iter().map(|other| other.load(Ordering::Relaxed)).min().unwrap_or(own);
    while own > slowest().saturating_add(AHEAD_MAX) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Whether it was accepted, and not refused for now.
async fn is_appended(store: &impl Appender, batch: Batch) -> anyhow::Result<bool> {
    match store.append(batch).await {
        Ok(appended) if appended.refused == 0 => Ok(true),
        Ok(appended) => bail!("{} rows pass a limit: {:?}", appended.refused, appended.reasons),
        Err(AppendError::Full(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
