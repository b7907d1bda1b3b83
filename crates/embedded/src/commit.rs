//! The thread that makes batches durable: many at once, one record, one sync.
//!
//! It owns the WAL and the numbers of streams. A group is whatever waits when the last
//! sync is done, so that a slow disk makes groups larger and not the queue longer. Only
//! after the sync the rows enter the memtable and the senders are answered; after an error
//! they enter nothing.

mod pressure;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use disk::DiskError;
use index::Builder;
use model::{Batch, LabelSet};
use storage::{AppendError, Appended};
use tokio::sync::{mpsc, oneshot};

use crate::intake::{Group, Intake};
use crate::memtable::Memtable;
use crate::rows::{ExemplarRows, HistogramRows, LogRows, SampleRows, SpanRows};
use crate::shared::{Frozen, Shared};
use crate::table::{Day, Table};
use crate::wal::WalWriter;

/// Batches that may wait for the thread; more wait in their senders.
pub const QUEUE_MAX: usize = 256;
const GROUP_BYTES_MAX: usize = 8 << 20;

pub enum Request {
    Append(Waiting),
    /// Freezes the memtable together with the end of the WAL file.
    Rotate(oneshot::Sender<Arc<Frozen>>),
    /// Takes whole days out of sight, with the rows that came for them meanwhile: from
    /// then on their streams are numbered anew.
    Forget(Vec<(Table, Day)>, Newcomers, oneshot::Sender<Vec<(Table, Day)>>),
}

/// What becomes of rows that came for a day after the memtable was flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newcomers {
    /// The day was to go with everything in it.
    GoToo,
    /// The day stays for their sake.
    KeepTheDay,
}

type Reply = oneshot::Sender<Result<Appended, AppendError>>;

pub struct Waiting {
    pub batch: Batch,
    /// Roughly what it takes, counted by its sender.
    pub bytes: usize,
    pub reply: Reply,
}

pub struct Committer {
    shared: Arc<Shared>,
    wal: WalWriter,
    intake: Intake,
    requests: mpsc::Receiver<Request>,
}

impl Committer {
    pub fn new(
        shared: Arc<Shared>,
        wal: WalWriter,
        intake: Intake,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        Self { shared, wal, intake, requests }
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
                Request::Forget(mut days, newcomers, reply) => {
                    if newcomers == Newcomers::KeepTheDay {
                        let active = self.shared.snapshot().active.covered();
                        days.retain(|day| !active.contains(day));
                    }
                    self.shared.forget_days(&days);
                    self.intake.close(&days);
                    let _ = reply.send(days);
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
        let mut bytes = first.bytes;
        let mut group = vec![first];
        while bytes < GROUP_BYTES_MAX && group.len() < QUEUE_MAX {
            match self.requests.try_recv() {
                Ok(Request::Append(waiting)) => {
                    bytes += waiting.bytes;
                    group.push(waiting);
                }
                Ok(other) => return (group, Some(other)),
                Err(_) => break,
            }
        }
        (group, None)
    }

    fn commit(&mut self, waiting: Vec<Waiting>) {
        let (group, replies) = self.place(waiting);
        if group.is_empty() {
            return answer(replies, None);
        }
        self.wal.forget_cuts(self.shared.removed_wal.load(Ordering::Acquire));
        let started = self.shared.clock.monotonic();
        let written = self.wal.append(&group, &mut self.intake);
        let spent = self.shared.clock.monotonic().saturating_sub(started);
        metrics::gauge!("watchkeeper_store_sync_seconds_sum").increment(spent.as_secs_f64());
        metrics::counter!("watchkeeper_store_sync_seconds_count").increment(1);
        match written {
            Ok((wal, bytes)) => {
                count(&group, replies.len(), bytes);
                self.show(group, wal);
                answer(replies, None);
            }
            Err(error) => {
                tracing::error!(%error, source = ?error.source, "a group of batches is not durable");
                metrics::counter!("watchkeeper_store_append_failed_total").increment(replies.len() as u64);
                self.intake.undo(&group);
                answer(replies, Some(Arc::new(error)));
            }
        }
    }

    /// Numbers the rows of the batches that are accepted; the others are answered.
    fn place(&mut self, waiting: Vec<Waiting>) -> (Group, Vec<(Reply, Appended)>) {
        let pressure = pressure::measure(&self.shared);
        let mut group = Group::default();
        let mut replies = Vec::with_capacity(waiting.len());
        for Waiting { batch, reply, .. } in waiting {
            // Its sender has given up and may send it again.
            if reply.is_closed() {
                continue;
            }
            if let Some(reason) = pressure.reason_to_refuse(&batch) {
                metrics::counter!("watchkeeper_store_append_refused_total").increment(1);
                // A sender that did not wait for its answer needs none; so below.
                let _ = reply.send(Err(AppendError::Full(reason)));
                continue;
            }
            let mut load = |table, day| self.shared.load_numbers(table, day);
            match self.intake.place(batch, &mut group, &mut load) {
                Ok(appended) => replies.push((reply, appended)),
                Err(error) => {
                    tracing::error!(%error, "the labels of a day could not be read");
                    let _ = reply.send(Err(AppendError::NotDurable(Box::new(error))));
                }
            }
        }
        (group, replies)
    }

    fn show(&self, group: Group, wal: u64) {
        let memtable = self.shared.snapshot().active;
        show_rows(&memtable, group, wal);
        memtable.mark_started(self.shared.clock.monotonic());
        if memtable.bytes() >= self.shared.settings.flush_bytes {
            self.shared.flush_is_due.notify_one();
        }
    }

    /// Moves the memtable aside, together with the end of the WAL file.
    fn freeze(&mut self) -> Arc<Frozen> {
        let is_waiting = self.shared.view().frozen.is_some();
        let frozen = self.shared.freeze(self.wal.rotate());
        if !is_waiting {
            self.intake.freeze(&frozen.memtable.covered());
        }
        frozen
    }
}

/// Adds rows to the memtable, day by day.
pub fn show_rows(memtable: &Memtable, group: Group, wal: u64) {
    for (day, part) in group.samples {
        memtable.write::<SampleRows>(day, part.base, wal, |labels, rows| {
            add_labels(labels, part.fresh);
            for (stream, series) in part.rows {
                rows.extend(stream, &series.labels, series.rows);
            }
        });
    }
    for (day, part) in group.histograms {
        memtable.write::<HistogramRows>(day, part.base, wal, |labels, rows| {
            add_labels(labels, part.fresh);
            part.rows.into_iter().for_each(|(stream, series)| rows.push(stream, HistogramRows(series.rows)));
        });
    }
    for (day, part) in group.exemplars {
        memtable.write::<ExemplarRows>(day, part.base, wal, |labels, rows| {
            add_labels(labels, part.fresh);
            part.rows.into_iter().for_each(|(stream, series)| rows.push(stream, ExemplarRows(series.rows)));
        });
    }
    for (day, part) in group.logs {
        memtable.write::<LogRows>(day, part.base, wal, |labels, rows| {
            add_labels(labels, part.fresh);
            for_each_run(part.rows, |stream, records| rows.push(stream, LogRows(records)));
        });
    }
    for (day, part) in group.spans {
        memtable.write::<SpanRows>(day, part.base, wal, |labels, rows| {
            add_labels(labels, part.fresh);
            for_each_run(part.rows, |stream, spans| rows.push(stream, SpanRows(spans)));
        });
    }
}

/// Hands over neighbouring rows of one stream together.
fn for_each_run<T>(rows: Vec<(u32, T)>, mut take: impl FnMut(u32, Vec<T>)) {
    let mut run: Option<(u32, Vec<T>)> = None;
    for (stream, row) in rows {
        match &mut run {
            Some((of, waiting)) if *of == stream => waiting.push(row),
            _ => {
                if let Some((of, waiting)) = run.replace((stream, vec![row])) {
                    take(of, waiting);
                }
            }
        }
    }
    if let Some((of, waiting)) = run {
        take(of, waiting);
    }
}

fn add_labels(labels: &mut Builder, fresh: Vec<LabelSet>) {
    for fresh in fresh {
        labels.push(fresh);
    }
}

/// Every sender learns what became of its own batch.
fn answer(replies: Vec<(Reply, Appended)>, error: Option<Arc<DiskError>>) {
    for (reply, appended) in replies {
        let _ = reply.send(error.as_ref().map_or(Ok(appended), |error| Err(refusal(error))));
    }
}

fn refusal(error: &Arc<DiskError>) -> AppendError {
    if error.is_full() {
        AppendError::Full(format!("{error}: {}", error.source))
    } else {
        AppendError::NotDurable(Box::new(error.clone()))
    }
}

fn count(group: &Group, batches: usize, bytes: u64) {
    let rows = |table| group.row_count(table) as u64;
    metrics::counter!("watchkeeper_store_append_batches_total").increment(batches as u64);
    metrics::counter!("watchkeeper_store_append_samples_total").increment(rows(Table::Samples));
    metrics::counter!("watchkeeper_store_append_logs_total").increment(rows(Table::Logs));
    metrics::counter!("watchkeeper_store_append_spans_total").increment(rows(Table::Spans));
    metrics::counter!("watchkeeper_store_append_histograms_total").increment(rows(Table::Histograms));
    metrics::counter!("watchkeeper_store_append_exemplars_total").increment(rows(Table::Exemplars));
    metrics::counter!("watchkeeper_store_wal_bytes_total").increment(bytes);
}
