//! The store from its opening to its end: the commit thread, upkeep, and who holds the
//! directory. What the rest of the program asks of it is in [`seam`].

mod seam;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use disk::DirLock;
use parking_lot::Mutex;
use runtime::{Shutdown, TaskError};
use storage::{Erasure, QueryError, UpkeepError};
use tokio::sync::{mpsc, oneshot};

use crate::commit::{Committer, Newcomers, QUEUE_MAX, Request};
use crate::erasure::{self, Tombstone};
use crate::flush::failed;
use crate::intake::{Intake, Limits};
use crate::settings::{EmbeddedParts, EmbeddedSettings, OpenError};
use crate::shared::Shared;
use crate::table::{Day, Table};
use crate::wal::WalWriter;
use crate::{backup, catalogue, flush, merge, retention};

/// How often upkeep looks whether something is due. Sizes are noticed at once; this is
/// for ages, and for trying again after a failure.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Samples, logs and spans in a directory that it alone uses.
pub struct Embedded {
    shared: Arc<Shared>,
    /// Gone when the store is closed.
    door: Mutex<Option<Door>>,
}

/// What ends with the store: the way to the commit thread, the thread, the lock.
struct Door {
    requests: mpsc::Sender<Request>,
    committer: JoinHandle<()>,
    lock: DirLock,
}

impl Embedded {
    /// Opens or creates the store. Blocks for as long as the replay of the WAL takes.
    pub fn open(settings: EmbeddedSettings, parts: EmbeddedParts) -> Result<Arc<Self>, OpenError> {
        parts.disk.create_dir(&settings.dir)?;
        let lock = parts.disk.lock(&settings.dir)?;
        if backup::is_half_restored(&*parts.disk, &settings.dir)? {
            return Err(OpenError::HalfRestored(settings.dir));
        }
        catalogue::make_folders(&*parts.disk, &settings.dir)?;
        let started = parts.clock.monotonic();
        let shared = Shared::new(settings, parts);
        let found = catalogue::read(&shared)?;
        shared.next_number.store(found.next_number, Ordering::Release);
        shared.change_view(|view| *view = found.view);
        shared.recall_clock()?;
        // What was acknowledged under other limits stays.
        let mut intake = Intake::new(Limits::none(), shared.offenders.clone());
        let (replayed, next_wal) =
            catalogue::replay_wal(&shared, &mut intake, found.next_wal, &flush::write_segments)?;
        intake.set_limits(shared.settings.limits.clone());
        let seconds = shared.clock.monotonic().saturating_sub(started).as_secs_f64();
        metrics::counter!("watchkeeper_store_replayed_records_total").increment(replayed.records);
        metrics::gauge!("watchkeeper_store_replay_seconds").set(seconds);
        tracing::info!(
            files = replayed.files.len(),
            records = replayed.records,
            bytes = replayed.bytes,
            torn_tails = replayed.torn_tails,
            damaged = replayed.damaged.len(),
            seconds,
            "opened the store"
        );
        *shared.damaged_wal.lock() = replayed.damaged;
        let shared = Arc::new(shared);
        let (requests, receiver) = mpsc::channel(QUEUE_MAX);
        let wal = WalWriter::new(shared.disk.clone(), shared.wal_dir(), next_wal);
        let committer = Committer::new(shared.clone(), wal, intake, receiver);
        let committer = std::thread::Builder::new()
            .name("store-commit".to_owned())
            .spawn(move || committer.run())
            .map_err(OpenError::Thread)?;
        Ok(Arc::new(Self { shared, door: Mutex::new(Some(Door { requests, committer, lock })) }))
    }

    /// Flushes and merges when it is due, until the shutdown begins. What fails is
    /// reported and tried again.
    pub async fn run(self: Arc<Self>, shutdown: Shutdown) -> Result<(), TaskError> {
        loop {
            let interval = self.shared.clock.sleep(UPKEEP_INTERVAL);
            let due = async {
                tokio::select! {
                    () = interval => {}
                    () = self.shared.flush_is_due.notified() => {}
                }
            };
            if shutdown.or(due).await.is_none() || self.shared.is_closed() {
                return Ok(());
            }
            if let Err(error) = self.keep_up().await {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, source, "upkeep of the store failed and is tried again");
                metrics::counter!("watchkeeper_store_upkeep_failed_total").increment(1);
                if shutdown.or(self.shared.clock.sleep(UPKEEP_INTERVAL)).await.is_none() {
                    return Ok(());
                }
            }
        }
    }

    /// One round of upkeep: a flush if it is due, then merges of crowded days and erasures.
    pub async fn keep_up(&self) -> Result<(), UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        self.upkeep(move |shared| {
            if flush::is_due(shared) {
                flush_now(shared, &requests)?;
            }
            merge::merge_due(shared)
        })
        .await
    }

    fn requests(&self) -> Option<mpsc::Sender<Request>> {
        self.door.lock().as_ref().map(|door| door.requests.clone())
    }

    /// On a thread that may block, as the only upkeep at that time.
    async fn upkeep<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, UpkeepError> + Send + 'static,
    ) -> Result<T, UpkeepError> {
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _only = shared.upkeep.lock();
            if shared.is_closed() { Err(UpkeepError::Closed) } else { work(&shared) }
        });
        done.await.map_err(|error| UpkeepError::Failed {
            what: "finish upkeep".to_owned(),
            source: Box::new(error),
        })?
    }

    /// On a thread that may block, beside whatever upkeep goes on.
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, UpkeepError> + Send + 'static,
    ) -> Result<T, UpkeepError> {
        if self.shared.is_closed() {
            return Err(UpkeepError::Closed);
        }
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| failed("look at the store", error))?
    }

    async fn query<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        if self.shared.is_closed() {
            return Err(QueryError::Closed);
        }
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| QueryError::Unreadable(Box::new(error)))?
    }
}

/// Freezes the memtable and writes it out; first what an earlier attempt left frozen.
fn flush_now(shared: &Shared, requests: &mpsc::Sender<Request>) -> Result<(), UpkeepError> {
    let left_over = shared.view().frozen.clone();
    if let Some(frozen) = left_over {
        flush::write_out(shared, &frozen)?;
    }
    let (reply, frozen) = oneshot::channel();
    requests.blocking_send(Request::Rotate(reply)).map_err(|_| UpkeepError::Closed)?;
    let frozen = frozen.blocking_recv().map_err(|_| UpkeepError::Closed)?;
    flush::write_out(shared, &frozen)
}

/// Takes days out of sight, then their folders. Returns which.
fn drop_days(
    shared: &Shared,
    requests: &mpsc::Sender<Request>,
    days: &[(Table, Day)],
    newcomers: Newcomers,
) -> Result<Vec<(Table, Day)>, UpkeepError> {
    if days.is_empty() {
        // An earlier attempt may have left folders.
        retention::remove_days(shared, &[])?;
        return Ok(Vec::new());
    }
    flush::remove_written_wal(shared)
        .map_err(|error| failed("remove the WAL before days are dropped", error))?;
    let (reply, forgotten) = oneshot::channel();
    let forget = Request::Forget(days.to_vec(), newcomers, reply);
    requests.blocking_send(forget).map_err(|_| UpkeepError::Closed)?;
    let forgotten = forgotten.blocking_recv().map_err(|_| UpkeepError::Closed)?;
    retention::remove_days(shared, &forgotten)?;
    Ok(forgotten)
}

/// Hides the rows from now on. The caller has flushed, so that all of them are in segments.
fn put_tombstone(shared: &Shared, erasure: &Erasure) -> Result<(), UpkeepError> {
    let wal_last = shared.flushed_wal.load(Ordering::Acquire);
    let tombstone = Arc::new(Tombstone::new(shared.reserve_numbers(1), wal_last, erasure));
    erasure::write(&*shared.disk, &erasure::dir(shared), &tombstone)
        .map_err(|error| failed("note what is to be erased", error))?;
    shared.change_view(|view| view.tombstones.push(tombstone));
    Ok(())
}

impl Door {
    /// Lets the commit thread finish what waits, waits for upkeep, and gives the
    /// directory free.
    fn close(self, shared: &Shared) {
        drop(self.requests);
        shared.is_closing.store(true, Ordering::Release);
        if self.committer.join().is_err() {
            tracing::error!("the commit thread has panicked");
        }
        let _last = shared.upkeep.lock();
        shared.is_closed.store(true, Ordering::Release);
        drop(self.lock);
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(door) = self.door.lock().take() {
            door.close(&self.shared);
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({})", self.shared.settings.dir.display())
    }
}
