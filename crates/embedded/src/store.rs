//! The store as the rest of the program sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use disk::DirLock;
use model::{Batch, LabelSet, LogRecord, Matcher, Series, TimeRange, Timestamp};
use parking_lot::Mutex;
use runtime::{Shutdown, TaskError};
use storage::{
    AppendError, Appender, LogQuery, LogReader, QueryError, QueryLimits, SampleReader, TableUsage, Upkeep,
    UpkeepError, Usage,
};
use tokio::sync::{mpsc, oneshot};

use crate::commit::{Committer, QUEUE_MAX, Request, Waiting};
use crate::settings::{EmbeddedParts, EmbeddedSettings, OpenError};
use crate::shared::{Shared, Tables};
use crate::table::Table;
use crate::wal::{WalWriter, encode_record};
use crate::{catalogue, flush, merge, retention, search, select};

/// How often upkeep looks whether something is due. Sizes are noticed at once; this is
/// for ages, and for trying again after a failure.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Samples and logs in a directory that it alone uses.
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
        catalogue::make_folders(&*parts.disk, &settings.dir)?;
        let started = parts.clock.monotonic();
        let shared = Shared::new(settings, parts);
        let found = catalogue::read(&shared)?;
        let (memtable, replayed) = catalogue::replay_into(&shared, &found.view)?;
        let next_wal = replayed.files.last().map_or(0, |last| last + 1).max(found.next_wal);
        let seconds = shared.clock.monotonic().saturating_sub(started).as_secs_f64();
        metrics::counter!("watchkeeper_store_replayed_batches_total").increment(replayed.batches);
        metrics::gauge!("watchkeeper_store_replay_seconds").set(seconds);
        tracing::info!(
            files = replayed.files.len(),
            batches = replayed.batches,
            bytes = replayed.bytes,
            torn_tails = replayed.torn_tails,
            damaged = replayed.damaged.len(),
            seconds,
            "opened the store"
        );
        *shared.damaged_wal.lock() = replayed.damaged;
        shared.next_segment.store(found.next_segment, Ordering::Release);
        *shared.tables.write() = Tables { active: memtable, view: Arc::new(found.view) };
        let shared = Arc::new(shared);
        let (requests, receiver) = mpsc::channel(QUEUE_MAX);
        let wal = WalWriter::new(shared.disk.clone(), shared.wal_dir(), next_wal);
        let committer = Committer::new(shared.clone(), wal, receiver);
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

    /// One round of upkeep: a flush if it is due, then merges of crowded days.
    pub async fn keep_up(&self) -> Result<(), UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        self.upkeep(move |shared| {
            if flush::is_due(shared) {
                flush_now(shared, &requests)?;
            }
            merge::merge_crowded(shared)
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
    let left_over = shared.tables.read().view.frozen.clone();
    if let Some(frozen) = left_over {
        flush::write_out(shared, &frozen)?;
    }
    let (reply, frozen) = oneshot::channel();
    requests.blocking_send(Request::Rotate(reply)).map_err(|_| UpkeepError::Closed)?;
    let frozen = frozen.blocking_recv().map_err(|_| UpkeepError::Closed)?;
    flush::write_out(shared, &frozen)
}

#[async_trait]
impl Appender for Embedded {
    async fn append(&self, batch: Batch) -> Result<(), AppendError> {
        let requests = self.requests().ok_or(AppendError::Closed)?;
        if batch.is_empty() {
            return Ok(());
        }
        let record =
            encode_record(&batch).map_err(|too_large| AppendError::Refused(too_large.to_string()))?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { batch, record, reply };
        requests.send(Request::Append(waiting)).await.map_err(|_| AppendError::Closed)?;
        answer.await.map_err(|_| AppendError::Closed)?
    }
}

#[async_trait]
impl SampleReader for Embedded {
    async fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<Series>, QueryError> {
        let matchers = matchers.to_vec();
        self.query(move |shared| select::select(shared, &matchers, range, limits)).await
    }

    async fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<LabelSet>, QueryError> {
        let matchers = matchers.to_vec();
        let found = self.query(move |shared| select::series(shared, &matchers, range, limits)).await?;
        Ok(found.into_iter().collect())
    }

    async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, QueryError> {
        let series = self.series(matchers, range, QueryLimits::default()).await?;
        let names = series.iter().flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned()));
        Ok(in_order_once(names))
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let series = self.series(matchers, range, QueryLimits::default()).await?;
        Ok(in_order_once(series.iter().filter_map(|labels| labels.get(name).map(str::to_owned))))
    }
}

fn in_order_once(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[async_trait]
impl LogReader for Embedded {
    async fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRecord>, QueryError> {
        let query = query.clone();
        self.query(move |shared| search::search(shared, &query)).await
    }
}

#[async_trait]
impl Upkeep for Embedded {
    async fn drop_before(&self, cutoff: Timestamp) -> Result<u64, UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        self.upkeep(move |shared| {
            let holds_old = retention::memory_holds(shared, cutoff);
            let flushed = if holds_old { flush_now(shared, &requests) } else { Ok(()) };
            // On a full disk, dropping days is what makes the next flush succeed.
            let count = retention::drop_days(shared, cutoff)?;
            flushed.map(|()| count)
        })
        .await
    }

    async fn flush(&self) -> Result<(), UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        self.upkeep(move |shared| flush_now(shared, &requests)).await
    }

    async fn usage(&self) -> Result<Usage, UpkeepError> {
        self.upkeep(|shared| {
            let wal = shared.disk.list(&shared.wal_dir()).map_err(|e| flush::failed("measure the WAL", e))?;
            let tables = shared.tables.read();
            Ok(Usage {
                tables: Table::ALL.into_iter().map(|table| table_usage(&tables, table)).collect(),
                wal_bytes: wal.iter().map(|entry| entry.bytes).sum(),
                active_streams: tables.active.stream_count() as u64,
            })
        })
        .await
    }

    async fn close(&self) -> Result<(), UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        // Whether this succeeds or not, what it would write is in the WAL.
        let flushed = self.upkeep(move |shared| flush_now(shared, &requests)).await;
        let Some(door) = self.door.lock().take() else { return Err(UpkeepError::Closed) };
        let shared = self.shared.clone();
        let ended = tokio::task::spawn_blocking(move || door.close(&shared)).await;
        ended.map_err(|error| UpkeepError::Failed {
            what: "end the commit thread".to_owned(),
            source: Box::new(error),
        })?;
        flushed
    }
}

fn table_usage(tables: &Tables, table: Table) -> TableUsage {
    let of_table = tables.view.days.iter().filter(|((other, _), _)| *other == table);
    let segments = of_table.clone().flat_map(|(_, segments)| segments);
    let (rows, bytes) = segments
        .fold((0, 0), |(rows, bytes), segment| (rows + segment.footer.rows, bytes + segment.file_bytes));
    let frozen = tables.view.frozen.as_ref().map(|frozen| &frozen.memtable);
    let in_memory: usize = [Some(&tables.active), frozen]
        .into_iter()
        .flatten()
        .map(|memtable| match table {
            Table::Samples => memtable.samples.row_count(),
            Table::Logs => memtable.logs.row_count(),
        })
        .sum();
    TableUsage { table: table.as_str(), rows: rows + in_memory as u64, bytes, days: of_table.count() as u64 }
}

impl Door {
    /// Lets the commit thread finish what waits, waits for upkeep, and gives the
    /// directory free.
    fn close(self, shared: &Shared) {
        drop(self.requests);
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
