//! The thread that makes batches durable: many at once, one sync.
//!
//! It owns the WAL. A group is whatever waits when the last sync is done, so that a slow
//! disk makes groups larger and not the queue longer. Only after the sync the rows enter
//! the memtable and the senders are answered; after an error they enter nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use disk::DiskError;
use model::Batch;
use storage::AppendError;
use tokio::sync::{mpsc, oneshot};

use crate::shared::{Frozen, Shared, View};
use crate::wal::WalWriter;

/// Batches that may wait for the thread; more wait in their senders.
pub const QUEUE_MAX: usize = 256;
const GROUP_BYTES_MAX: usize = 8 << 20;

pub enum Request {
    Append(Waiting),
    /// Freezes the memtable together with the end of the WAL file.
    Rotate(oneshot::Sender<Arc<Frozen>>),
}

pub struct Waiting {
    pub batch: Batch,
    /// The batch as a WAL record, made by its sender: encoding is not this thread's work.
    pub record: Vec<u8>,
    pub reply: oneshot::Sender<Result<(), AppendError>>,
}

pub struct Committer {
    shared: Arc<Shared>,
    wal: WalWriter,
    requests: mpsc::Receiver<Request>,
}

impl Committer {
    pub fn new(shared: Arc<Shared>, wal: WalWriter, requests: mpsc::Receiver<Request>) -> Self {
        Self { shared, wal, requests }
    }

    /// Returns when all senders are gone.
    pub fn run(mut self) {
        let mut next = self.requests.blocking_recv();
        while let Some(request) = next.take() {
            match request {
                Request::Rotate(reply) => {
                    let frozen = self.freeze();
                    // Whoever asked and went away finds it in the view.
                    let _ = reply.send(frozen);
                }
                Request::Append(waiting) => {
                    let (group, rotation) = self.gather(waiting);
                    self.commit(group);
                    next = rotation;
                }
            }
            if next.is_none() {
                next = self.requests.blocking_recv();
            }
        }
    }

    /// What waits by now, up to the first request that is no batch.
    fn gather(&mut self, first: Waiting) -> (Vec<Waiting>, Option<Request>) {
        let mut bytes = first.record.len();
        let mut group = vec![first];
        while bytes < GROUP_BYTES_MAX && group.len() < QUEUE_MAX {
            match self.requests.try_recv() {
                Ok(Request::Append(waiting)) => {
                    bytes += waiting.record.len();
                    group.push(waiting);
                }
                Ok(other) => return (group, Some(other)),
                Err(_) => break,
            }
        }
        (group, None)
    }

    fn commit(&mut self, group: Vec<Waiting>) {
        if let Some(reason) = self.reason_to_refuse() {
            metrics::counter!("watchkeeper_store_append_refused_total").increment(group.len() as u64);
            for waiting in group {
                let _ = waiting.reply.send(Err(AppendError::Full(reason.clone())));
            }
            return;
        }
        self.wal.forget_cuts(self.shared.removed_wal.load(Ordering::Acquire));
        let mut batches = Vec::with_capacity(group.len());
        let mut records = Vec::with_capacity(group.len());
        let mut replies = Vec::with_capacity(group.len());
        for waiting in group {
            batches.push(waiting.batch);
            records.push(waiting.record);
            replies.push(waiting.reply);
        }
        let started = self.shared.clock.monotonic();
        let written = self.wal.append(&records);
        let spent = self.shared.clock.monotonic().saturating_sub(started);
        metrics::gauge!("watchkeeper_store_sync_seconds_sum").increment(spent.as_secs_f64());
        metrics::counter!("watchkeeper_store_sync_seconds_count").increment(1);
        match written {
            Ok((wal, bytes)) => {
                count(&batches, bytes);
                self.show(batches, wal);
                answer(replies, || Ok(()));
            }
            Err(error) => {
                tracing::error!(%error, source = ?error.source, "a group of batches is not durable");
                metrics::counter!("watchkeeper_store_append_failed_total").increment(replies.len() as u64);
                let error = Arc::new(error);
                answer(replies, || Err(refusal(&error)));
            }
        }
    }

    /// Before the disk or the memory is really full.
    fn reason_to_refuse(&self) -> Option<String> {
        let settings = &self.shared.settings;
        let memtable_bytes = self.shared.tables.read().active.bytes;
        if memtable_bytes > settings.memtable_bytes_max() {
            return Some(format!("{memtable_bytes} bytes wait to be written out (`flush_bytes`)"));
        }
        let free = match self.shared.disk.free_bytes(&settings.dir) {
            Ok(free) => free,
            Err(error) => {
                // The write itself will tell what is wrong.
                tracing::warn!(%error, "free space is not known");
                return None;
            }
        };
        let reserve = settings.disk_reserve_bytes;
        (free < reserve).then(|| format!("{free} bytes are free, `disk_reserve_bytes` keeps {reserve}"))
    }

    /// All rows of the group become visible together.
    fn show(&self, batches: Vec<Batch>, wal: u64) {
        let now = self.shared.clock.monotonic();
        let mut tables = self.shared.tables.write();
        batches.into_iter().for_each(|batch| tables.active.insert(batch, wal, now));
        if tables.active.bytes >= self.shared.settings.flush_bytes {
            self.shared.flush_is_due.notify_one();
        }
    }

    /// Moves the memtable aside, together with the end of the WAL file.
    fn freeze(&mut self) -> Arc<Frozen> {
        let wal_last = self.wal.rotate();
        let mut tables = self.shared.tables.write();
        if let Some(frozen) = &tables.view.frozen {
            return frozen.clone();
        }
        let memtable = std::mem::take(&mut tables.active);
        let count = memtable.covered.len() as u64;
        let first_segment = self.shared.next_segment.fetch_add(count, Ordering::AcqRel);
        let frozen = Arc::new(Frozen { memtable, wal_last, first_segment });
        let mut view = View::clone(&tables.view);
        view.frozen = Some(frozen.clone());
        tables.view = Arc::new(view);
        frozen
    }
}

fn answer(
    replies: Vec<oneshot::Sender<Result<(), AppendError>>>,
    result: impl Fn() -> Result<(), AppendError>,
) {
    for reply in replies {
        // A sender that did not wait for its answer needs none.
        let _ = reply.send(result());
    }
}

fn refusal(error: &Arc<DiskError>) -> AppendError {
    if error.is_full() {
        AppendError::Full(format!("{error}: {}", error.source))
    } else {
        AppendError::NotDurable(Box::new(error.clone()))
    }
}

fn count(batches: &[Batch], bytes: u64) {
    let samples: usize = batches.iter().map(Batch::sample_count).sum();
    let logs: usize = batches.iter().map(|batch| batch.logs.len()).sum();
    metrics::counter!("watchkeeper_store_append_batches_total").increment(batches.len() as u64);
    metrics::counter!("watchkeeper_store_append_samples_total").increment(samples as u64);
    metrics::counter!("watchkeeper_store_append_logs_total").increment(logs as u64);
    metrics::counter!("watchkeeper_store_wal_bytes_total").increment(bytes);
}
