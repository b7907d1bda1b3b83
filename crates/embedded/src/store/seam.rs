//! The traits of the seam, each call handed to the module that does it.

use std::time::Duration;

use async_trait::async_trait;
use model::{
    Batch, ExemplarSeries, HistogramSeries, LabelSet, LogRecord, Matcher, Series, Span, TimeRange, Timestamp,
};
use storage::{
    AppendError, Appended, Appender, DayError, DayReader, DaySink, DroppedDay, Erasure, LogQuery, LogReader,
    QueryError, QueryLimits, Resolution, Retention, RetentionPlan, RollupSeries, SampleReader, Signal,
    SpanQuery, SpanReader, TableUsage, Upkeep, UpkeepError, Usage,
};
use tokio::sync::oneshot;

use super::{Embedded, drop_days, flush_now, put_tombstone};
use crate::batch::batch_bytes;
use crate::commit::{Newcomers, Request, Waiting};
use crate::flush::failed;
use crate::shared::Tables;
use crate::table::{Day, Table};
use crate::{query, retention};

/// How many are named to people.
const OFFENDERS_SHOWN: usize = 20;

/// What one batch may take, roughly. Senders of more send several.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// Whether the batch will be durable after all is not known.
#[derive(Debug, thiserror::Error)]
#[error("the disk has not taken it within {0:?} (`storage.append_timeout`)")]
struct TooSlow(Duration);

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
        let appending = async {
            requests.send(Request::Append(waiting)).await.map_err(|_| AppendError::Closed)?;
            answer.await.map_err(|_| AppendError::Closed)?
        };
        let patience = self.shared.settings.append_timeout;
        tokio::select! {
            biased;
            appended = appending => appended,
            () = self.shared.clock.sleep(patience) => {
                metrics::counter!("watchkeeper_store_append_timeouts_total").increment(1);
                Err(AppendError::NotDurable(Box::new(TooSlow(patience))))
            }
        }
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

    async fn select_histograms(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<HistogramSeries>, QueryError> {
        let matchers = matchers.to_vec();
        self.query(move |shared| query::select_histograms(shared, &matchers, range, limits)).await
    }

    async fn select_exemplars(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<ExemplarSeries>, QueryError> {
        let matchers = matchers.to_vec();
        self.query(move |shared| query::select_exemplars(shared, &matchers, range, limits)).await
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
            let clock = shared.judge_clock(now);
            if retention::memory_holds_days_before(shared, Day::of(clock.now)) {
                flush_now(shared, &requests)?;
            }
            retention::plan(shared, &policy, clock).map_err(|error| failed("plan the retention", error))
        })
        .await
    }

    async fn retain(&self, retention: &Retention, now: Timestamp) -> Result<RetentionPlan, UpkeepError> {
        let requests = self.requests().ok_or(UpkeepError::Closed)?;
        let policy = retention.clone();
        self.upkeep(move |shared| {
            let clock = shared.judge_clock(now);
            let holds_old = retention::memory_holds_days_before(shared, Day::of(clock.now));
            let flushed = if holds_old { flush_now(shared, &requests) } else { Ok(()) };
            let plan = retention::plan(shared, &policy, clock);
            let plan = plan.map_err(|error| failed("plan the retention", error))?;
            // Replay must not bring back what is dropped. On a full disk it may have to:
            // dropping days is what makes the next flush succeed.
            let is_clean = plan.days.is_empty() || flushed.is_err();
            let flushed = if is_clean { flushed } else { flush_now(shared, &requests) };
            drop_days(shared, &requests, &retention::days_dropped(&plan), Newcomers::GoToo)?;
            flushed?;
            for thinned in &plan.thinned {
                let matchers = policy.rules[thinned.rule].stream.clone();
                let erasure = retention::erasure_of(thinned.signal, Day::of(thinned.day), matchers);
                put_tombstone(shared, &erasure)?;
            }
            shared.note_clock();
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
            let mut unchanged = retention::unchanged(shared, planned);
            let days: Vec<(Table, Day)> = unchanged.iter().map(retention::of).collect();
            let dropped = drop_days(shared, &requests, &days, Newcomers::KeepTheDay)?;
            unchanged.retain(|planned| dropped.contains(&retention::of(planned)));
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
        self.look(|shared| {
            let wal = shared.disk.list(&shared.wal_dir()).map_err(|e| failed("measure the WAL", e))?;
            let tables = shared.snapshot();
            Ok(Usage {
                tables: Table::ALL.into_iter().map(|table| table_usage(&tables, table)).collect(),
                wal_bytes: wal.iter().map(|entry| entry.bytes).sum(),
                active_streams: tables.active.stream_count(),
                offenders: shared.offenders.lock().worst(OFFENDERS_SHOWN),
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
