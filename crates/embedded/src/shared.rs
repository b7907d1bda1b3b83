//! What writers, readers and upkeep share, and how readers get a snapshot of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use disk::Disk;
use model::{LabelSet, Matcher, TimeRange};
use parking_lot::{Mutex, RwLock};
use runtime::SharedClock;
use tokio::sync::Notify;

use crate::memtable::{Memtable, Streams, WalRange};
use crate::segment::{IndexCache, Segment, SegmentError};
use crate::settings::{EmbeddedParts, EmbeddedSettings};
use crate::table::{Day, Row, Table};

pub struct Shared {
    pub disk: Arc<dyn Disk>,
    pub clock: SharedClock,
    pub settings: EmbeddedSettings,
    /// Written by the commit thread (rows), by flush and merge (views). Readers hold it
    /// while they copy what they select from memory, and never while they read a file.
    pub tables: RwLock<Tables>,
    /// Held by flush, merge and retention: one of them at a time changes the view.
    pub upkeep: Mutex<()>,
    pub indexes: IndexCache,
    pub next_segment: AtomicU64,
    /// WAL files up to this number are removed.
    pub removed_wal: AtomicU64,
    /// WAL files of which not everything could be read. Filled by replay.
    pub damaged_wal: Mutex<BTreeSet<u64>>,
    pub is_closed: AtomicBool,
    /// Rung when the memtable is large enough to be flushed.
    pub flush_is_due: Notify,
}

pub struct Tables {
    pub active: Memtable,
    pub view: Arc<View>,
}

/// Everything that does not change any more.
#[derive(Clone, Default)]
pub struct View {
    /// Being written out. Its rows are newer than those of all segments.
    pub frozen: Option<Arc<Frozen>>,
    /// Segments of each table and day, older rows first.
    pub days: BTreeMap<(Table, Day), Vec<Arc<Segment>>>,
}

/// A memtable that takes no more rows.
pub struct Frozen {
    pub memtable: Memtable,
    /// All its rows are in WAL files up to this number.
    pub wal_last: u64,
    /// Numbers of the segments to write, so that a second attempt replaces the first.
    pub first_segment: u64,
}

/// What a query reads.
pub struct Snapshot<R> {
    /// Selected from the active memtable, in order of arrival.
    pub active: Vec<(LabelSet, Vec<R>)>,
    pub view: Arc<View>,
}

impl Tables {
    pub fn of<R: TableRow>(&self) -> &Streams<R> {
        R::streams(&self.active)
    }
}

/// A row that knows its table in a memtable.
pub trait TableRow: Row {
    fn streams(memtable: &Memtable) -> &Streams<Self>;
}

impl TableRow for model::Sample {
    fn streams(memtable: &Memtable) -> &Streams<Self> {
        &memtable.samples
    }
}

impl TableRow for crate::table::LogRow {
    fn streams(memtable: &Memtable) -> &Streams<Self> {
        &memtable.logs
    }
}

impl Shared {
    pub fn new(settings: EmbeddedSettings, parts: EmbeddedParts) -> Self {
        Self {
            disk: parts.disk,
            clock: parts.clock,
            settings,
            tables: RwLock::new(Tables { active: Memtable::default(), view: Arc::default() }),
            upkeep: Mutex::new(()),
            indexes: IndexCache::default(),
            next_segment: AtomicU64::new(1),
            removed_wal: AtomicU64::new(0),
            damaged_wal: Mutex::default(),
            is_closed: AtomicBool::new(false),
            flush_is_due: Notify::new(),
        }
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Whole batches: a batch that is partly in the snapshot is wholly in it.
    pub fn snapshot<R: TableRow>(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        keep: impl Fn(&R) -> bool,
    ) -> Snapshot<R> {
        let tables = self.tables.read();
        Snapshot { active: tables.of::<R>().select(matchers, range, keep), view: tables.view.clone() }
    }

    /// Changes the view by a copy; snapshots keep the one they have.
    pub fn change_view(&self, change: impl FnOnce(&mut View)) {
        let mut tables = self.tables.write();
        let mut view = View::clone(&tables.view);
        change(&mut view);
        tables.view = Arc::new(view);
    }

    pub fn table_dir(&self, table: Table) -> PathBuf {
        self.settings.dir.join(table.as_str())
    }

    pub fn wal_dir(&self) -> PathBuf {
        self.settings.dir.join("wal")
    }

    pub fn segment_path(&self, table: Table, day: Day, number: u64) -> PathBuf {
        self.table_dir(table).join(day.folder()).join(segment_name(number))
    }

    pub fn open_segment(&self, table: Table, day: Day, number: u64) -> Result<Segment, SegmentError> {
        let quarantine = self.quarantine_path(table, &day.folder(), &segment_name(number));
        Segment::open(self.disk.clone(), &self.segment_path(table, day, number), number, quarantine)
    }

    pub fn quarantine_path(&self, table: Table, day: &str, name: &str) -> PathBuf {
        quarantine_dir(&self.settings).join(format!("{}-{day}-{name}", table.as_str()))
    }

    /// What to do when a segment's index could not be read. Damage takes the file out of
    /// service, and the query goes on; a day that was dropped meanwhile is nobody's loss.
    pub fn judge(&self, segment: &Arc<Segment>, error: SegmentError) -> Result<(), SegmentError> {
        let was_dropped =
            matches!(&error, SegmentError::Disk(error) if error.is_missing()) && segment.is_gone();
        if was_dropped {
            return Ok(());
        }
        if !error.is_damage() {
            return Err(error);
        }
        let key = (segment.footer.table, segment.footer.day);
        let mut was_there = false;
        self.change_view(|view| {
            if let Some(segments) = view.days.get_mut(&key) {
                let before = segments.len();
                segments.retain(|other| other.number != segment.number);
                was_there = segments.len() < before;
            }
            view.days.retain(|_, segments| !segments.is_empty());
        });
        if was_there {
            report_quarantine(&segment.path, &error);
            if let Err(error) = self.disk.rename(&segment.path, segment.quarantine_path()) {
                tracing::error!(%error, "a damaged segment could not be moved to quarantine");
            }
        }
        Ok(())
    }
}

pub fn quarantine_dir(settings: &EmbeddedSettings) -> PathBuf {
    settings.dir.join("quarantine")
}

pub fn report_quarantine(path: &std::path::Path, error: &SegmentError) {
    let segment = path.display();
    tracing::error!(%segment, %error, "a segment cannot be read and goes to quarantine");
    metrics::counter!("watchkeeper_store_damaged_total", "what" => "segment").increment(1);
}

pub fn segment_name(number: u64) -> String {
    format!("{number:06}.seg")
}

pub fn segment_number(name: &str) -> Option<u64> {
    name.strip_suffix(".seg")?.parse().ok()
}

/// Of the segments of one day, older rows first, without those that a merge replaced: a
/// merged segment covers the WAL files of all it was made from, others share none.
pub fn in_order(mut segments: Vec<Arc<Segment>>) -> (Vec<Arc<Segment>>, Vec<Arc<Segment>>) {
    segments.sort_by_key(|segment| (segment.footer.wal.last, segment.number));
    let is_replaced = |segment: &Arc<Segment>| {
        let mut others = segments.iter();
        others.any(|other| other.number > segment.number && covers(other, segment))
    };
    let replaced: Vec<bool> = segments.iter().map(is_replaced).collect();
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for (segment, is_replaced) in segments.into_iter().zip(replaced) {
        if is_replaced { gone.push(segment) } else { kept.push(segment) }
    }
    (kept, gone)
}

fn covers(merged: &Segment, part: &Segment) -> bool {
    let (merged, part): (WalRange, WalRange) = (merged.footer.wal, part.footer.wal);
    merged.covers(part)
}
