//! Acknowledged rows that are in no segment yet, and the labels of streams that are in no
//! part of an index yet.
//!
//! One memtable takes rows until it is frozen, is then written out, and goes. Each table
//! and day has its own lock: the commit thread holds it while it adds a group of batches,
//! readers while they copy a few streams ([`READ_STREAMS`]), so neither waits long for the
//! other, whatever a query asks for.

mod chunks;
mod events;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use index::{Builder, Index};
use model::TimeRange;
use parking_lot::{Mutex, RwLock};

pub use chunks::SampleChunks;
pub use events::Events;

use crate::rows::{ExemplarRows, HistogramRows, LogRows, Rows, SampleRows, SpanRows, StreamKey, of_table};
use crate::table::{Day, Table};

/// Streams that a reader copies before it lets a writer in: some microseconds.
pub const READ_STREAMS: usize = 256;

/// The WAL files that rows came from, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WalRange {
    pub first: u64,
    pub last: u64,
}

impl WalRange {
    pub fn contains(self, wal: u64) -> bool {
        self.first <= wal && wal <= self.last
    }

    pub fn covers(self, other: WalRange) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    pub fn union(self, other: WalRange) -> WalRange {
        WalRange { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// Rows that a table keeps in memory, by the dense number of their stream in its day.
pub trait RowsInMemory: Rows {
    type Memory: Memory<Self> + Default + Send + Sync;

    fn days(memtable: &Memtable) -> &Days<Self>;
}

/// How a table keeps its rows in memory.
pub trait Memory<R> {
    fn row_count(&self) -> usize;
    fn memory_bytes(&self) -> usize;
    /// Streams that have rows, in their order in segments.
    fn keys(&self) -> Vec<StreamKey>;
    /// In order of time.
    fn read(&self, stream: u32, range: TimeRange) -> R;
    fn has_rows(&self, stream: u32, range: TimeRange) -> bool;
}

/// One table's days. The outer lock is held to find or add a day.
pub type Days<R> = RwLock<BTreeMap<Day, Arc<RwLock<MemDay<R>>>>>;

/// One table and day in memory.
pub struct MemDay<R: RowsInMemory> {
    /// Streams that came after the last flush. Those before it are in parts.
    pub labels: Builder,
    pub rows: R::Memory,
    /// Written by the commit thread with the rows.
    pub wal: WalRange,
    /// What was counted into [`Memtable::bytes`] so far.
    counted_bytes: usize,
}

#[derive(Default)]
pub struct Memtable {
    samples: Days<SampleRows>,
    logs: Days<LogRows>,
    spans: Days<SpanRows>,
    histograms: Days<HistogramRows>,
    exemplars: Days<ExemplarRows>,
    /// Roughly what all of it takes.
    bytes: AtomicUsize,
    /// On the monotonic clock, when the first row came.
    since: Mutex<Option<Duration>>,
}

impl Memtable {
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn since(&self) -> Option<Duration> {
        *self.since.lock()
    }

    pub fn mark_started(&self, now: Duration) {
        self.since.lock().get_or_insert(now);
    }

    /// For the commit thread: adds rows and the labels of new streams to a day, of which
    /// the first `base` streams are in parts.
    pub fn write<R: RowsInMemory>(
        &self,
        day: Day,
        base: u32,
        wal: u64,
        add: impl FnOnce(&mut Builder, &mut R::Memory),
    ) {
        let found = R::days(self).read().get(&day).cloned();
        let cell = found.unwrap_or_else(|| {
            let wal = WalRange { first: wal, last: wal };
            let fresh =
                MemDay { labels: Builder::new(base), rows: R::Memory::default(), wal, counted_bytes: 0 };
            R::days(self).write().entry(day).or_insert_with(|| Arc::new(RwLock::new(fresh))).clone()
        });
        let mut cell = cell.write();
        let MemDay { labels, rows, .. } = &mut *cell;
        add(labels, rows);
        cell.wal = cell.wal.union(WalRange { first: wal, last: wal });
        let bytes = cell.labels.memory_bytes() + cell.rows.memory_bytes();
        self.bytes.fetch_add(bytes.saturating_sub(cell.counted_bytes), Ordering::Relaxed);
        cell.counted_bytes = bytes;
    }

    /// The days of a table that overlap the range.
    pub fn days_of<R: RowsInMemory>(&self, range: TimeRange) -> Vec<(Day, Arc<RwLock<MemDay<R>>>)> {
        let days = R::days(self).read();
        let overlapping = days.iter().filter(|(day, _)| day.times().overlaps(range));
        overlapping.map(|(day, cell)| (*day, cell.clone())).collect()
    }

    pub fn forget_day(&self, (table, day): (Table, Day)) {
        of_table!(table, R => self.forget::<R>(day), rollup(_) => {});
    }

    fn forget<R: RowsInMemory>(&self, day: Day) {
        if let Some(cell) = R::days(self).write().remove(&day) {
            self.bytes.fetch_sub(cell.read().counted_bytes, Ordering::Relaxed);
        }
    }

    pub fn row_count(&self, table: Table) -> usize {
        of_table!(table, R => row_count(R::days(self)), rollup(_) => 0)
    }

    /// The newest WAL file that each table and day has rows of.
    pub fn last_wals(&self) -> Vec<((Table, Day), u64)> {
        let of = |table| of_table!(table, R => last_wals(R::days(self)), rollup(_) => Vec::new());
        Table::APPENDED.into_iter().flat_map(of).collect()
    }

    /// Every table and day with rows.
    pub fn covered(&self) -> Vec<(Table, Day)> {
        let days = |table| -> Vec<Day> {
            of_table!(table, R => R::days(self).read().keys().copied().collect(), rollup(_) => Vec::new())
        };
        let of = |table| days(table).into_iter().map(move |day| (table, day));
        Table::APPENDED.into_iter().flat_map(of).collect()
    }

    /// How many streams there are in the days that it has rows of.
    pub fn stream_count(&self) -> u64 {
        // Streams are numbered through, so the end of the numbers is how many there are.
        fn known<R: RowsInMemory>(days: &Days<R>) -> u64 {
            days.read().values().map(|cell| u64::from(cell.read().labels.ids().end)).sum()
        }
        let of = |table| of_table!(table, R => known(R::days(self)), rollup(_) => 0);
        Table::APPENDED.into_iter().map(of).sum()
    }
}

fn last_wals<R: RowsInMemory>(days: &Days<R>) -> Vec<((Table, Day), u64)> {
    days.read().iter().map(|(day, cell)| ((R::TABLE, *day), cell.read().wal.last)).collect()
}

fn row_count<R: RowsInMemory>(days: &Days<R>) -> usize {
    days.read().values().map(|cell| cell.read().rows.row_count()).sum()
}

impl RowsInMemory for SampleRows {
    type Memory = SampleChunks;

    fn days(memtable: &Memtable) -> &Days<Self> {
        &memtable.samples
    }
}

impl RowsInMemory for LogRows {
    type Memory = Events<LogRows>;

    fn days(memtable: &Memtable) -> &Days<Self> {
        &memtable.logs
    }
}

impl RowsInMemory for SpanRows {
    type Memory = Events<SpanRows>;

    fn days(memtable: &Memtable) -> &Days<Self> {
        &memtable.spans
    }
}

impl RowsInMemory for HistogramRows {
    type Memory = Events<HistogramRows>;

    fn days(memtable: &Memtable) -> &Days<Self> {
        &memtable.histograms
    }
}

impl RowsInMemory for ExemplarRows {
    type Memory = Events<ExemplarRows>;

    fn days(memtable: &Memtable) -> &Days<Self> {
        &memtable.exemplars
    }
}

impl Memory<SampleRows> for SampleChunks {
    fn row_count(&self) -> usize {
        self.row_count()
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes()
    }

    fn keys(&self) -> Vec<StreamKey> {
        let mut keys: Vec<StreamKey> = self.keys().collect();
        keys.sort_unstable();
        keys
    }

    fn read(&self, stream: u32, range: TimeRange) -> SampleRows {
        self.read(stream, range)
    }

    fn has_rows(&self, stream: u32, range: TimeRange) -> bool {
        self.has_rows(stream, range)
    }
}
