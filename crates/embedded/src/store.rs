//! The store as the rest of the program sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use disk::DirLock;
use index::Index;
use model::{Batch, LabelSet, LogRecord, Matcher, Series, Span, TimeRange, Timestamp};
use parking_lot::Mutex;
use runtime::{Shutdown, TaskError};
use storage::{
    AppendError, Appended, Appender, DayError, DayReader, DaySink, DroppedDay, Erasure, LogQuery, LogReader,
    QueryError, QueryLimits, Resolution, Retention, RetentionPlan, RollupSeries, SampleReader, Signal,
    SpanQuery, SpanReader, TableUsage, Upkeep, UpkeepError, Usage,
};
use tokio::sync::{mpsc, oneshot};

use crate::commit::{Committer, QUEUE_MAX, Request, Waiting, batch_bytes};
use crate::erasure::{self, Tombstone};
use crate::flush::failed;
use crate::intake::{Intake, Limits};
use crate::memtable::{Memtable, RowsInMemory};
use crate::rows::{LogRows, SampleRows, SpanRows};
use crate::settings::{EmbeddedParts, EmbeddedSettings, OpenError};
use crate::shared::{Shared, Tables};
use crate::table::{Day, Table};
use crate::wal::WalWriter;
use crate::{backup, catalogue, flush, merge, query, retention};

/// How often upkeep looks whether something is due. Sizes are noticed at once; this is
/// for ages, and for trying again after a failure.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What one batch may take, roughly. Senders of more send several.
const BATCH_BYTES_MAX: usize = 32 << 20;

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
        // What was acknowledged under other limits stays.
        let mut intake = Intake::new(Limits::none());
        let replayed = catalogue::replay_wal(&shared, &mut intake)?;
        intake.set_limits(shared.settings.limits.clone());
        let next_wal = replayed.files.last().map_or(0, |last| last + 1).max(found.next_wal);
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

/// Takes days out of sight, then their folders.
fn drop_days(
    shared: &Shared,
    requests: &mpsc::Sender<Request>,
    days: &[(Table, Day)],
) -> Result<(), UpkeepError> {
    if days.is_empty() {
        // An earlier attempt may have left folders.
        return retention::remove_days(shared, &[]);
    }
    flush::remove_written_wal(shared)
        .map_err(|error| failed("remove the WAL before days are dropped", error))?;
    let (reply, forgotten) = oneshot::channel();
    requests.blocking_send(Request::Forget(days.to_vec(), reply)).map_err(|_| UpkeepError::Closed)?;
    forgotten.blocking_recv().map_err(|_| UpkeepError::Closed)?;
    retention::remove_days(shared, days)
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

#[async_trait]
impl Appender for Embedded {
    async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        let requests = self.requests().ok_or(AppendError::Closed)?;
        if batch.is_empty() {
            return Ok(Appended::default());
        }
        let bytes = batch_bytes(&batch);
        if bytes > BATCH_BYTES_MAX {
            let reason = format!("it takes about {bytes} bytes, at most {BATCH_BYTES_MAX} are possible");
            return Err(AppendError::Refused(reason));
        }
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { batch, bytes, reply };
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
        self.query(move |shared| query::select(shared, &matchers, range, limits)).await
    }

    async fn select_rollup(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        resolution: Resolution,
        limits: QueryLimits,
    ) -> Result<Vec<RollupSeries>, QueryError> {
        let matchers = matchers.to_vec();
        self.query(move |shared| query::select_rollup(shared, &matchers, range, resolution, limits)).await
    }

    async fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<LabelSet>, QueryError> {
        let matchers = matchers.to_vec();
        self.query(move |shared| query::series(shared, &matchers, range, limits)).await
    }

    async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, QueryError> {
        let matchers = matchers.to_vec();
        self.query(move |shared| query::label_names(shared, &matchers, range)).await
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let (name, matchers) = (name.to_owned(), matchers.to_vec());
        self.query(move |shared| query::label_values(shared, &name, &matchers, range)).await
    }
}

#[async_trait]
impl LogReader for Embedded {
    async fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRecord>, QueryError> {
        let query = query.clone();
        self.query(move |shared| query::search_logs(shared, &query)).await
    }
}

#[async_trait]
impl SpanReader for Embedded {
    async fn search_spans(&self, query: &SpanQuery) -> Result<Vec<Span>, QueryError> {
        let query = query.clone();
        self.query(move |shared| query::search_spans(shared, &query)).await
    }
}

#[async_trait]
impl DayReader for Embedded {
    async fn read_day(
        &self,
        signal: Signal,
        day: Timestamp,
        mut sink: Box<dyn DaySink>,
    ) -> Result<(), DayError> {
        self.query(move |shared| Ok(query::read_day(shared, signal, Day::of(day), &mut *sink))).await?
    }
}

#[async_trait]
impl Upkeep for Embedded {
    async fn plan_retention(
        &self,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<RetentionPlan, UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        let policy = retention.clone();
        self.upkeep(move |shared| {
            if retention::memory_holds_days_before(shared, Day::of(now)) {
                flush_now(shared, &requests)?;
            }
            retention::plan(shared, &policy, now).map_err(|error| failed("plan the retention", error))
        })
        .await
    }

    async fn retain(&self, retention: &Retention, now: Timestamp) -> Result<RetentionPlan, UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        let policy = retention.clone();
        self.upkeep(move |shared| {
            let holds_old = retention::memory_holds_days_before(shared, Day::of(now));
            let flushed = if holds_old { flush_now(shared, &requests) } else { Ok(()) };
            let plan = retention::plan(shared, &policy, now);
            let plan = plan.map_err(|error| failed("plan the retention", error))?;
            // Replay must not bring back what is dropped. On a full disk it may have to:
            // dropping days is what makes the next flush succeed.
            let is_clean = plan.days.is_empty() || flushed.is_err();
            let flushed = if is_clean { flushed } else { flush_now(shared, &requests) };
            drop_days(shared, &requests, &retention::days_dropped(&plan))?;
            flushed?;
            for thinned in &plan.thinned {
                let matchers = policy.rules[thinned.rule].stream.clone();
                let erasure = retention::erasure_of(thinned.signal, Day::of(thinned.day), matchers);
                put_tombstone(shared, &erasure)?;
            }
            Ok(plan)
        })
        .await
    }

    async fn drop_days(&self, planned: &[DroppedDay]) -> Result<Vec<DroppedDay>, UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        let planned = planned.to_vec();
        self.upkeep(move |shared| {
            if retention::memory_holds_any(shared, &planned) {
                flush_now(shared, &requests)?;
            }
            let unchanged = retention::unchanged(shared, planned);
            let days: Vec<(Table, Day)> = unchanged.iter().map(retention::of).collect();
            drop_days(shared, &requests, &days)?;
            Ok(unchanged)
        })
        .await
    }

    async fn erase(&self, erasure: &Erasure) -> Result<(), UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        let erasure = erasure.clone();
        self.upkeep(move |shared| {
            flush_now(shared, &requests)?;
            put_tombstone(shared, &erasure)
        })
        .await
    }

    async fn flush(&self) -> Result<(), UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        self.upkeep(move |shared| flush_now(shared, &requests)).await
    }

    async fn usage(&self) -> Result<Usage, UpkeepError> {
        self.upkeep(|shared| {
            let wal = shared.disk.list(&shared.wal_dir()).map_err(|e| failed("measure the WAL", e))?;
            let tables = shared.snapshot();
            Ok(Usage {
                tables: Table::ALL.into_iter().map(|table| table_usage(&tables, table)).collect(),
                wal_bytes: wal.iter().map(|entry| entry.bytes).sum(),
                active_streams: active_streams(&tables.active),
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
    let days = || tables.view.days.iter().filter(|((other, _), _)| *other == table).map(|(_, files)| files);
    let segments = || days().flat_map(|files| &files.segments);
    let labels: u64 = days().flat_map(|files| &files.parts).map(|part| part.file().bytes).sum();
    let frozen = tables.view.frozen.iter().map(|frozen| &frozen.memtable);
    let in_memory: usize = frozen.chain([&tables.active]).map(|memtable| memtable.row_count(table)).sum();
    TableUsage {
        table: table.as_str(),
        rows: segments().map(|segment| segment.footer().rows).sum::<u64>() + in_memory as u64,
        bytes: segments().map(|segment| segment.file().bytes).sum::<u64>() + labels,
        days: days().count() as u64,
    }
}

fn active_streams(memtable: &Memtable) -> u64 {
    fn known<R: RowsInMemory>(memtable: &Memtable) -> u64 {
        // Streams are numbered through, so the end of the numbers is how many there are.
        let days = memtable.days_of::<R>(TimeRange::ALL);
        days.iter().map(|(_, cell)| u64::from(cell.read().labels.ids().end)).sum()
    }
    known::<SampleRows>(memtable) + known::<LogRows>(memtable) + known::<SpanRows>(memtable)
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
