//! What writers, readers and upkeep share, and how readers get a snapshot of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use disk::{Disk, DiskError};
use index::{Index, Part};
use model::Timestamp;
use parking_lot::{Mutex, RwLock};
use runtime::SharedClock;
use tokio::sync::Notify;

use crate::clock_judge::{ClockJudge, Judged};
use crate::erasure::Tombstone;
use crate::files::{Cache, Fate, FileError, Place, StoredFile};
use crate::intake::{Numbers, Offenders};
use crate::labels::{LabelPart, PartCache};
use crate::memtable::{Memtable, RowsInMemory};
use crate::rows::of_table;
use crate::segment::{Directory, DirectoryCache, Segment};
use crate::settings::{EmbeddedParts, EmbeddedSettings};
use crate::table::{Day, Table};

pub struct Shared {
    pub disk: Arc<dyn Disk>,
    pub clock: SharedClock,
    pub settings: EmbeddedSettings,
    /// Held to take or to change a pointer, never while anything is read or written.
    tables: RwLock<Tables>,
    /// Held by flush, merge, retention and erasure: one of them at a time changes the view.
    pub upkeep: Mutex<()>,
    pub directories: DirectoryCache,
    pub parts: PartCache,
    pub next_number: AtomicU64,
    /// WAL files up to this number have no row that is not in a segment.
    pub written_wal: AtomicU64,
    /// WAL files up to this number have all their rows in segments.
    pub flushed_wal: AtomicU64,
    /// WAL files up to this number are removed.
    pub removed_wal: AtomicU64,
    /// Days that are out of sight and of which the folder could not be removed. Held by
    /// upkeep.
    pub undropped: Mutex<BTreeSet<(Table, Day)>>,
    /// WAL files of which not everything could be read. Filled by replay.
    pub damaged_wal: Mutex<BTreeSet<u64>>,
    pub is_closed: AtomicBool,
    /// Upkeep should come to its end: somebody waits for the store to close.
    pub is_closing: AtomicBool,
    /// Who passes limits.
    pub offenders: Arc<Mutex<Offenders>>,
    clock_judge: Mutex<ClockJudge>,
    /// Rung when the memtable is large enough to be flushed.
    pub flush_is_due: Notify,
}

/// What a query reads: rows in memory, and everything that does not change any more.
#[derive(Clone, Default)]
pub struct Tables {
    pub active: Arc<Memtable>,
    pub view: Arc<View>,
}

#[derive(Clone, Default)]
pub struct View {
    /// Being written out. Its rows are newer than those of all segments.
    pub frozen: Option<Arc<Frozen>>,
    pub days: BTreeMap<(Table, Day), DayFiles>,
    pub tombstones: Vec<Arc<Tombstone>>,
}

/// The files of one table and day.
#[derive(Clone, Default)]
pub struct DayFiles {
    /// In order of their streams' numbers.
    pub parts: Vec<Arc<LabelPart>>,
    /// Older rows first.
    pub segments: Vec<Arc<Segment>>,
}

/// A memtable that takes no more rows.
pub struct Frozen {
    pub memtable: Arc<Memtable>,
    /// All its rows are in WAL files up to this number.
    pub wal_last: u64,
    /// What it held when it was frozen, and the number of the first of two files to write
    /// for each, so that a second attempt replaces the first.
    pub files: Vec<((Table, Day), u64)>,
}

impl Shared {
    pub fn new(settings: EmbeddedSettings, parts: EmbeddedParts) -> Self {
        let cache_bytes = settings.cache_bytes / 2;
        Self {
            disk: parts.disk,
            clock: parts.clock,
            settings,
            tables: RwLock::default(),
            upkeep: Mutex::new(()),
            directories: Cache::new(cache_bytes, Directory::memory_bytes),
            parts: Cache::new(cache_bytes, Part::memory_bytes),
            next_number: AtomicU64::new(1),
            written_wal: AtomicU64::new(0),
            flushed_wal: AtomicU64::new(0),
            removed_wal: AtomicU64::new(0),
            undropped: Mutex::default(),
            damaged_wal: Mutex::default(),
            is_closed: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            offenders: Arc::default(),
            clock_judge: Mutex::default(),
            flush_is_due: Notify::new(),
        }
    }

    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Reads the time that an earlier run has believed, or takes that of the newest rows.
    pub fn recall_clock(&self) -> Result<(), DiskError> {
        let newest = self.view().days.keys().map(|(_, day)| day.times().end).max();
        let recalled = ClockJudge::recall(&*self.disk, &self.settings.dir)?.or(newest);
        *self.clock_judge.lock() = ClockJudge::new(recalled, self.clock.monotonic());
        Ok(())
    }

    /// What ages are counted to; the judge keeps it in mind.
    pub fn judge_clock(&self, now: Timestamp) -> Judged {
        self.clock_judge.lock().judge(now, self.clock.monotonic(), self.settings.clock_jump_max)
    }

    /// Notes what was believed, for the next run. Without the note the newest rows say it.
    pub fn note_clock(&self) {
        if let Err(error) = self.clock_judge.lock().keep(&*self.disk, &self.settings.dir) {
            tracing::warn!(%error, "the time of the retention could not be noted");
        }
    }

    /// As [`Shared::judge_clock`], for somebody who only looks.
    pub fn preview_clock(&self, now: Timestamp) -> Judged {
        let mut judge = self.clock_judge.lock().clone();
        judge.judge(now, self.clock.monotonic(), self.settings.clock_jump_max)
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub fn snapshot(&self) -> Tables {
        self.tables.read().clone()
    }

    pub fn view(&self) -> Arc<View> {
        self.tables.read().view.clone()
    }

    /// Changes the view by a copy; snapshots keep the one they have.
    pub fn change_view<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        let mut tables = self.tables.write();
        let mut view = View::clone(&tables.view);
        let changed = change(&mut view);
        tables.view = Arc::new(view);
        changed
    }

    /// Moves the active memtable aside, unless one is still waiting to be written out.
    pub fn freeze(&self, wal_last: u64) -> Arc<Frozen> {
        let mut tables = self.tables.write();
        if let Some(frozen) = &tables.view.frozen {
            return frozen.clone();
        }
        let memtable = std::mem::take(&mut tables.active);
        // A file of labels and one of rows for each.
        let days = memtable.covered();
        let first_number = self.reserve_numbers(2 * days.len() as u64);
        let files = days.into_iter().zip((first_number..).step_by(2)).collect();
        let frozen = Arc::new(Frozen { memtable, wal_last, files });
        let mut view = View::clone(&tables.view);
        view.frozen = Some(frozen.clone());
        tables.view = Arc::new(view);
        frozen
    }

    /// Takes whole days out of the view and out of memory. Their folders are still there.
    pub fn forget_days(&self, days: &[(Table, Day)]) {
        let mut tables = self.tables.write();
        let mut view = View::clone(&tables.view);
        for day in days {
            let files = view.days.remove(day).unwrap_or_default();
            files.segments.iter().for_each(|segment| segment.file().decide(Fate::IsGone));
            files.parts.iter().for_each(|part| part.file().decide(Fate::IsGone));
            tables.active.forget_day(*day);
            view.frozen.iter().for_each(|frozen| frozen.memtable.forget_day(*day));
        }
        tables.view = Arc::new(view);
    }

    pub fn reserve_numbers(&self, count: u64) -> u64 {
        self.next_number.fetch_add(count, Ordering::AcqRel)
    }

    /// The numbers of the streams of a day, from parts and from frozen memory. Parts that
    /// cannot be read go to quarantine: their streams get new numbers.
    pub fn load_numbers(&self, table: Table, day: Day) -> Result<Numbers, FileError> {
        let view = self.view();
        let mut numbers = Numbers::default();
        if let Some(files) = view.days.get(&(table, day)) {
            for part in &files.parts {
                numbers.reserve(part.footer().end_stream);
                let mut read = || -> Result<(), FileError> {
                    let labels = part.read(&self.parts)?;
                    let mut all = roaring::RoaringBitmap::new();
                    all.insert_range(labels.ids());
                    labels.visit_labels(&all, &mut |stream, labels| numbers.load(stream, &labels))?;
                    Ok(())
                };
                read().or_else(|error| self.judge_part(part, error))?;
            }
            for segment in &files.segments {
                numbers.reserve(segment.footer().end_stream);
            }
        }
        if let Some(frozen) = &view.frozen {
            of_table!(table, R => load_frozen::<R>(&frozen.memtable, day, &mut numbers), rollup(_) => {});
        }
        Ok(numbers)
    }

    pub fn table_dir(&self, table: Table) -> PathBuf {
        self.settings.dir.join(table.as_str())
    }

    pub fn wal_dir(&self) -> PathBuf {
        self.settings.dir.join("wal")
    }

    pub fn quarantine_dir(&self) -> PathBuf {
        self.settings.dir.join("quarantine")
    }

    pub fn segment_place(&self, table: Table, day: Day, number: u64) -> Place {
        self.place(table, &day.folder(), number, SEGMENT)
    }

    pub fn part_place(&self, table: Table, day: Day, number: u64) -> Place {
        self.place(table, &day.folder(), number, LABELS)
    }

    pub fn place(&self, table: Table, day: &str, number: u64, ending: &str) -> Place {
        let name = format!("{number:06}{ending}");
        let path = self.table_dir(table).join(day).join(&name);
        Place {
            path,
            quarantine: self.quarantine_dir().join(format!("{}-{day}-{name}", table.as_str())),
            number,
        }
    }

    /// What to do when a segment could not be read. Damage takes the file out of service,
    /// and the query goes on; a day that was dropped meanwhile is nobody's loss.
    pub fn judge_segment(&self, segment: &Arc<Segment>, error: FileError) -> Result<(), FileError> {
        self.judge(segment.file(), error, |files| {
            let before = files.segments.len();
            files.segments.retain(|other| other.number() != segment.number());
            files.segments.len() < before
        })
    }

    /// As for segments. Rows of the streams stay, and come back with the part.
    pub fn judge_part(&self, part: &Arc<LabelPart>, error: FileError) -> Result<(), FileError> {
        self.judge(part.file(), error, |files| {
            let before = files.parts.len();
            files.parts.retain(|other| other.number() != part.number());
            files.parts.len() < before
        })
    }

    fn judge(
        &self,
        file: &StoredFile,
        error: FileError,
        take_out: impl FnOnce(&mut DayFiles) -> bool,
    ) -> Result<(), FileError> {
        let was_dropped = matches!(&error, FileError::Disk(error) if error.is_missing()) && file.is_gone();
        if was_dropped {
            return Ok(());
        }
        if !error.is_damage() {
            return Err(error);
        }
        let day = (file.footer.table, file.footer.day);
        let was_there = self.change_view(|view| view.days.get_mut(&day).is_some_and(take_out));
        if was_there {
            report_quarantine(&file.place.path, &error);
            if let Err(error) = self.disk.rename(&file.place.path, &file.place.quarantine) {
                tracing::error!(%error, "a damaged file could not be moved to quarantine");
            }
        }
        Ok(())
    }
}

fn load_frozen<R: RowsInMemory>(memtable: &Memtable, day: Day, numbers: &mut Numbers) {
    for (_, cell) in memtable.days_of::<R>(day.times()) {
        let cell = cell.read();
        numbers.reserve(cell.labels.ids().end);
        for stream in cell.labels.ids() {
            if let Some(labels) = cell.labels.label_set(stream) {
                numbers.load(stream, labels);
            }
        }
    }
}

pub const SEGMENT: &str = ".seg";
pub const LABELS: &str = ".idx";

/// The number in the name of a file with this ending.
pub fn file_number(name: &str, ending: &str) -> Option<u64> {
    name.strip_suffix(ending)?.parse().ok()
}

/// Whether it is the name of a file that belongs into a day's folder.
pub fn is_day_file(name: &str) -> bool {
    file_number(name, SEGMENT).is_some() || file_number(name, LABELS).is_some()
}

pub fn report_quarantine(path: &Path, error: &FileError) {
    let file = path.display();
    tracing::error!(%file, %error, "a file cannot be read and goes to quarantine");
    metrics::counter!("watchkeeper_store_damaged_total", "what" => "file").increment(1);
}

impl DayFiles {
    /// Brings files into their order. Returns those that others replace: a merged segment
    /// covers the WAL files of all it was made from, a merged part their streams.
    pub fn settle(&mut self) -> (Vec<Arc<LabelPart>>, Vec<Arc<Segment>>) {
        self.parts.sort_by_key(|part| (part.footer().first_stream, part.number()));
        self.segments.sort_by_key(|segment| (segment.footer().wal.last, segment.number()));
        let parts = self.parts.clone();
        let segments = self.segments.clone();
        let is_kept_part = |part: &Arc<LabelPart>| {
            !parts.iter().any(|other| other.number() > part.number() && other.covers(part))
        };
        let is_kept_segment = |segment: &Arc<Segment>| {
            let covers = |other: &Segment| other.footer().wal.covers(segment.footer().wal);
            !segments.iter().any(|other| other.number() > segment.number() && covers(other))
        };
        self.parts.retain(is_kept_part);
        self.segments.retain(is_kept_segment);
        let gone_parts = parts.iter().filter(|part| !is_kept_part(part)).cloned().collect();
        let gone_segments = segments.iter().filter(|segment| !is_kept_segment(segment)).cloned().collect();
        (gone_parts, gone_segments)
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.segments.is_empty()
    }
}
