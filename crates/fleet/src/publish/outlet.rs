//! The way into the store. What it cannot take now waits, bounded, and goes first when it can:
//! the newest win.

use std::collections::VecDeque;
use std::mem::Discriminant;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::Batch;
use storage::{AppendError, Appended, Appender};
use tokio::sync::Mutex;

/// Samples and log lines that wait: some hours of a few agents, some minutes of hundreds, in a
/// few tens of megabytes.
const RECORDS_MAX: usize = 100_000;
/// Batches that wait are put together up to this, so that few waits for the disk write them.
const RECORDS_PER_BATCH: usize = 4096;

pub struct Outlet {
    store: Arc<dyn Appender>,
    /// Something waits, or somebody is about to put it there.
    is_behind: AtomicBool,
    /// The last batch was taken in part, and the log says so.
    is_cut: AtomicBool,
    /// Held while it is written, so that what waits goes in order.
    backlog: Mutex<Backlog>,
}

impl Outlet {
    pub fn new(store: Arc<dyn Appender>) -> Self {
        let (is_behind, is_cut) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { store, is_behind, is_cut, backlog: Mutex::new(Backlog::new(RECORDS_MAX)) }
    }

    /// Writes the batch, or keeps it for later.
    pub async fn append(&self, batch: Batch) {
        if batch.is_empty() {
            return self.drain().await;
        }
        if self.is_behind.load(Ordering::Acquire) {
            self.backlog.lock().await.push(batch);
            return self.drain().await;
        }
        match self.store.append(batch.clone()).await {
            Ok(appended) => self.taken(appended),
            Err(error) if error.is_retryable() => {
                self.is_behind.store(true, Ordering::Release);
                let mut backlog = self.backlog.lock().await;
                backlog.push(batch);
                backlog.failed(&error);
            }
            Err(error) => refused(&batch, &error),
        }
    }

    /// Writes what waits, in order, until something cannot be taken now.
    pub async fn drain(&self) {
        if !self.is_behind.load(Ordering::Acquire) {
            return;
        }
        let mut backlog = self.backlog.lock().await;
        while let Some(batch) = backlog.batches.front() {
            match self.store.append(batch.clone()).await {
                Ok(appended) => self.taken(appended),
                Err(error) if error.is_retryable() => return backlog.failed(&error),
                Err(error) => refused(batch, &error),
            }
            backlog.pop();
        }
        backlog.recovered();
        self.is_behind.store(false, Ordering::Release);
    }

    fn taken(&self, Appended { refused, reasons, .. }: Appended) {
        count_dropped(refused, "limit");
        let is_cut = refused > 0;
        if self.is_cut.swap(is_cut, Ordering::Relaxed) != is_cut && is_cut {
            tracing::warn!(refused, ?reasons, "the store leaves out some of what the fleet writes");
        }
    }
}

/// What can never be taken does not hold up the rest.
fn refused(batch: &Batch, error: &AppendError) {
    tracing::error!(%error, "what the fleet writes was refused by the store and dropped");
    count_dropped(records(batch) as u64, "refused");
}

fn count_dropped(records: u64, reason: &'static str) {
    if records > 0 {
        metrics::counter!("watchkeeper_fleet_dropped_records_total", "reason" => reason).increment(records);
    }
}

fn records(batch: &Batch) -> usize {
    batch.sample_count() + batch.logs.len()
}

/// Waiting batches, oldest first.
struct Backlog {
    records_max: usize,
    batches: VecDeque<Batch>,
    records: usize,
    dropped: usize,
    /// The kind of failure that the log tells of already.
    told: Option<Discriminant<AppendError>>,
}

impl Backlog {
    fn new(records_max: usize) -> Self {
        Self { records_max, batches: VecDeque::new(), records: 0, dropped: 0, told: None }
    }

    /// Puts a batch last; the oldest go when there is no room.
    fn push(&mut self, batch: Batch) {
        self.records += records(&batch);
        match self.batches.back_mut() {
            Some(last) if records(last) + records(&batch) <= RECORDS_PER_BATCH => {
                last.series.extend(batch.series);
                last.logs.extend(batch.logs);
            }
            _ => self.batches.push_back(batch),
        }
        while self.records > self.records_max && self.batches.len() > 1 {
            let dropped = self.pop();
            self.dropped += dropped;
            count_dropped(dropped as u64, "backlog_full");
        }
    }

    /// Returns how many records went.
    fn pop(&mut self) -> usize {
        let gone = self.batches.pop_front().as_ref().map_or(0, records);
        self.records -= gone;
        gone
    }

    /// Told once for each kind of failure: it comes again with every attempt.
    fn failed(&mut self, error: &AppendError) {
        metrics::counter!("watchkeeper_fleet_append_failures_total").increment(1);
        let kind = std::mem::discriminant(error);
        if self.told.replace(kind) != Some(kind) {
            tracing::error!(%error, waiting = self.records, "what the fleet writes waits for the store");
        }
    }

    fn recovered(&mut self) {
        if self.told.take().is_some() {
            let dropped = std::mem::take(&mut self.dropped);
            tracing::info!(dropped, "the store takes again what the fleet writes");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use async_trait::async_trait;
    use model::{LabelSet, Timestamp};

    use super::*;

    /// Full until it is told otherwise; remembers what it took.
    #[derive(Default)]
    struct Disk {
        is_free: AtomicBool,
        refuses: AtomicBool,
        attempts: parking_lot::Mutex<u32>,
        taken: parking_lot::Mutex<Vec<f64>>,
    }

    #[async_trait]
    impl Appender for Disk {
        async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
            *self.attempts.lock() += 1;
            if self.refuses.swap(false, Ordering::Relaxed) {
                return Err(AppendError::Refused("no".into()));
            }
            if !self.is_free.load(Ordering::Relaxed) {
                return Err(AppendError::Full("disk".into()));
            }
            let values = batch.series.iter().flat_map(|series| &series.samples).map(|sample| sample.value);
            self.taken.lock().extend(values);
            Ok(Appended::default())
        }
    }

    fn batch(values: std::ops::Range<u32>) -> Batch {
        let mut batch = Batch::default();
        for value in values {
            let at = Timestamp::from_secs(i64::from(value));
            batch.push_sample(LabelSet::new([("a", "b")]), at, f64::from(value));
        }
        batch
    }

    fn stand(records_max: usize) -> (Arc<Disk>, Outlet) {
        let disk = Arc::new(Disk::default());
        let outlet = Outlet { backlog: Mutex::new(Backlog::new(records_max)), ..Outlet::new(disk.clone()) };
        (disk, outlet)
    }

    #[tokio::test]
    async fn what_a_full_disk_does_not_take_is_written_in_order_when_there_is_room() {
        let (disk, outlet) = stand(RECORDS_MAX);
        for value in 0..5 {
            outlet.append(batch(value..value + 1)).await;
        }
        assert!(disk.taken.lock().is_empty());
        assert_eq!(*disk.attempts.lock(), 5, "each is one attempt");
        disk.is_free.store(true, Ordering::Relaxed);
        outlet.append(Batch::default()).await;
        assert_eq!(*disk.taken.lock(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(*disk.attempts.lock(), 6, "put together");
        outlet.append(batch(5..6)).await;
        assert_eq!(disk.taken.lock().last(), Some(&5.0));
    }

    #[tokio::test]
    async fn the_oldest_go_when_there_is_no_room_and_are_counted() {
        let (disk, outlet) = stand(6_000);
        for part in 0..3 {
            outlet.append(batch(part * 3000..part * 3000 + 3000)).await;
        }
        assert_eq!(outlet.backlog.lock().await.dropped, 3000);
        disk.is_free.store(true, Ordering::Relaxed);
        outlet.drain().await;
        assert_eq!(disk.taken.lock().first(), Some(&3000.0));
        assert_eq!(disk.taken.lock().len(), 6000);
    }

    #[tokio::test]
    async fn what_is_refused_does_not_hold_up_the_rest() {
        let (disk, outlet) = stand(RECORDS_MAX);
        outlet.append(batch(0..4000)).await;
        outlet.append(batch(4000..4200)).await;
        disk.is_free.store(true, Ordering::Relaxed);
        disk.refuses.store(true, Ordering::Relaxed);
        outlet.drain().await;
        assert_eq!(disk.taken.lock().len(), 200);
    }

    #[test]
    fn a_failure_is_told_once_until_it_changes() {
        let mut backlog = Backlog::new(10);
        let kind = std::mem::discriminant::<AppendError>;
        backlog.failed(&AppendError::Full("1 byte is free".into()));
        assert_eq!(backlog.told, Some(kind(&AppendError::Full(String::new()))));
        backlog.failed(&AppendError::Closed);
        assert_eq!(backlog.told, Some(kind(&AppendError::Closed)));
        backlog.recovered();
        assert_eq!(backlog.told, None);
    }
}
