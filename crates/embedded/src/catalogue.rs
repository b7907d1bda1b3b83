//! What is in the directory when it is opened.
//!
//! There is no manifest: a file is there or it is not, and says itself which WAL files its
//! rows came from, or which streams it has the labels of. What was interrupted (a file
//! that was being written, a merge, the removal of a day) is finished or undone here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, TEMPORARY};
use model::Batch;
use storage::UpkeepError;

use crate::batch::retain_rows;
use crate::commit::show_rows;
use crate::erasure;
use crate::files::{Fate, FileError, Footer};
use crate::intake::{Group, Intake};
use crate::labels::LabelPart;
use crate::retention::{DROPPED, remove_folder};
use crate::segment::Segment;
use crate::settings::OpenError;
use crate::shared::{DayFiles, Frozen, LABELS, SEGMENT, Shared, View, file_number, report_quarantine};
use crate::table::{Day, Table, is_day_folder};
use crate::wal::{self, Replayed, WalError, replay};

/// What was found, ready to be read.
#[derive(Default)]
pub struct Catalogue {
    pub view: View,
    /// Greater than all numbers of files, also in quarantine: nothing there is overwritten.
    pub next_number: u64,
    /// Greater than all numbers of WAL files in segments and in quarantine.
    pub next_wal: u64,
}

pub fn make_folders(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    let tables = Table::ALL.map(Table::as_str);
    for name in ["wal", "quarantine", erasure::FOLDER].into_iter().chain(tables) {
        disk.create_dir(&dir.join(name))?;
    }
    Ok(())
}

/// What is seen here has to stay: WAL files are removed because of it, and numbers given
/// again. A process that was killed may have left names that are not durable, so every
/// folder is synced before it is read.
pub fn read(shared: &Shared) -> Result<Catalogue, OpenError> {
    let settled = [shared.wal_dir(), shared.quarantine_dir(), erasure::dir(shared)];
    settled.iter().try_for_each(|dir| shared.disk.sync_dir(dir))?;
    let mut found = Catalogue { next_number: 1, next_wal: 1, ..Catalogue::default() };
    for entry in shared.disk.list(&shared.quarantine_dir())? {
        let name = entry.name.rsplit('-').next().unwrap_or_default();
        let number = file_number(name, SEGMENT).or_else(|| file_number(name, LABELS));
        found.take_number(number.unwrap_or(0));
        found.next_wal = found.next_wal.max(wal::file_number(name).map_or(0, |number| number + 1));
    }
    let tombstones = erasure::read_dir(&*shared.disk, &erasure::dir(shared));
    found.view.tombstones = tombstones.map_err(|(path, error)| OpenError::file(path, error))?;
    let numbers: Vec<u64> = found.view.tombstones.iter().map(|tombstone| tombstone.number).collect();
    numbers.into_iter().for_each(|number| found.take_number(number));
    // Files that come later must not be taken for those that a tombstone means.
    let named = found.view.tombstones.iter().map(|tombstone| tombstone.wal_last + 1).max();
    found.next_wal = found.next_wal.max(named.unwrap_or(0));
    for table in Table::ALL {
        let dir = shared.table_dir(table);
        shared.disk.sync_dir(&dir)?;
        for entry in shared.disk.list(&dir)? {
            let path = dir.join(&entry.name);
            if entry.is_dir && entry.name.ends_with(DROPPED) {
                remove_folder(&*shared.disk, &path)?;
            } else if entry.is_dir && is_day_folder(&entry.name) {
                read_day(shared, table, &entry.name, &path, &mut found)?;
            }
        }
    }
    Ok(found)
}

impl Catalogue {
    fn take_number(&mut self, number: u64) {
        self.next_number = self.next_number.max(number + 1);
    }
}

fn read_day(
    shared: &Shared,
    table: Table,
    folder: &str,
    dir: &Path,
    found: &mut Catalogue,
) -> Result<(), OpenError> {
    let mut files = DayFiles::default();
    let mut day = None;
    shared.disk.sync_dir(dir)?;
    for entry in shared.disk.list(dir)? {
        let path = dir.join(&entry.name);
        if entry.name.ends_with(TEMPORARY) {
            shared.disk.remove(&path)?;
        }
        if let Some(number) = file_number(&entry.name, SEGMENT) {
            found.take_number(number);
            let place = shared.place(table, folder, number, SEGMENT);
            let opened = Segment::open(shared.disk.clone(), place.clone());
            let opened =
                opened.and_then(|segment| at_home(segment.footer(), table, folder).map(|()| segment));
            files.segments.extend(or_quarantine(shared, &path, &place.quarantine, opened)?.map(Arc::new));
        }
        if let Some(number) = file_number(&entry.name, LABELS) {
            found.take_number(number);
            let place = shared.place(table, folder, number, LABELS);
            let opened = LabelPart::open(shared.disk.clone(), place.clone());
            let opened = opened.and_then(|part| at_home(part.footer(), table, folder).map(|()| part));
            files.parts.extend(or_quarantine(shared, &path, &place.quarantine, opened)?.map(Arc::new));
        }
    }
    day = day.or(files.segments.first().map(|segment| segment.footer().day));
    day = day.or(files.parts.first().map(|part| part.footer().day));
    let Some(day) = day else { return Ok(()) };
    let (parts, segments) = files.settle();
    parts.iter().for_each(|part| part.file().decide(Fate::IsRemoved));
    segments.iter().for_each(|segment| segment.file().decide(Fate::IsRemoved));
    let wal_last = files.segments.iter().map(|segment| segment.footer().wal.last).max().unwrap_or(0);
    found.next_wal = found.next_wal.max(wal_last + 1);
    found.view.days.insert((table, day), files);
    Ok(())
}

pub fn at_home(footer: &Footer, table: Table, folder: &str) -> Result<(), FileError> {
    let is_at_home = footer.table == table && footer.day.folder() == folder;
    if is_at_home { Ok(()) } else { Err(columns::Corrupt("a file of another table or day").into()) }
}

/// `None` when the file went to quarantine.
fn or_quarantine<T>(
    shared: &Shared,
    path: &Path,
    quarantine: &Path,
    opened: Result<T, FileError>,
) -> Result<Option<T>, OpenError> {
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.is_damage() => {
            report_quarantine(path, &error);
            shared.disk.rename(path, quarantine)?;
            Ok(None)
        }
        Err(error) => Err(OpenError::file(PathBuf::from(path), error)),
    }
}

/// Replays the WAL into the active memtable, without the rows that are in segments already.
/// Returns what was replayed, and the number of the next WAL file. `write_out` takes what
/// has to leave the memtable on the way; no WAL file may go yet.
pub fn replay_wal(
    shared: &Shared,
    intake: &mut Intake,
    next_wal: u64,
    write_out: WriteOut<'_>,
) -> Result<(Replayed, u64), OpenError> {
    let now = shared.clock.monotonic();
    let mut last_wal = 0;
    let replayed = replay(&*shared.disk, &shared.wal_dir(), |mut batch, wal| {
        if wal != last_wal {
            write_out_before(shared, intake, wal, write_out)?;
            last_wal = wal;
        }
        let tables = shared.snapshot();
        retain_unwritten(&mut batch, &tables.view, wal);
        erasure::retain_visible(&mut batch, &tables.view.tombstones, wal);
        if batch.is_empty() {
            return Ok(());
        }
        let mut group = Group::default();
        let mut load = |table, day| shared.load_numbers(table, day);
        // What was acknowledged under other limits stays.
        intake.place(batch, &mut group, &mut load).map_err(ReplayError::Labels)?;
        show_rows(&tables.active, group, wal);
        tables.active.mark_started(now);
        Ok(())
    });
    let replayed = replayed.map_err(ReplayError::into_open_error)?;
    let next_wal = replayed.files.last().map_or(0, |last| last + 1).max(next_wal);
    write_out_before(shared, intake, next_wal, write_out).map_err(ReplayError::into_open_error)?;
    Ok((replayed, next_wal))
}

/// Writes out what was replayed before rows of the WAL file `next` come, if a segment lies
/// in between. That happens when a damaged segment left others behind it: in one file with
/// later rows, the replayed ones would seem to cover all that came between.
fn write_out_before(
    shared: &Shared,
    intake: &mut Intake,
    next: u64,
    write_out: WriteOut<'_>,
) -> Result<(), ReplayError> {
    let tables = shared.snapshot();
    let has_neighbour = |(day, last): &((Table, Day), u64)| {
        let files = tables.view.days.get(day);
        files.is_some_and(|files| files.segments.iter().any(|segment| segment.footer().wal.first > *last))
    };
    if !tables.active.last_wals().iter().any(has_neighbour) {
        return Ok(());
    }
    let frozen = shared.freeze(next - 1);
    intake.freeze(&frozen.memtable.covered());
    write_out(shared, &frozen).map_err(ReplayError::Flush)
}

type WriteOut<'a> = &'a dyn Fn(&Shared, &Frozen) -> Result<(), UpkeepError>;

enum ReplayError {
    Wal(WalError),
    Labels(FileError),
    Flush(UpkeepError),
}

impl ReplayError {
    fn into_open_error(self) -> OpenError {
        match self {
            ReplayError::Wal(error) => error.into(),
            ReplayError::Labels(error) => error.into(),
            ReplayError::Flush(error) => OpenError::Flush(error),
        }
    }
}

impl From<WalError> for ReplayError {
    fn from(error: WalError) -> Self {
        ReplayError::Wal(error)
    }
}

fn retain_unwritten(batch: &mut Batch, view: &View, wal: u64) {
    let is_unwritten = |table: Table, day: Day| {
        let segments = view.days.get(&(table, day)).map_or(&[][..], |files| &files.segments);
        !segments.iter().any(|segment| segment.footer().wal.contains(wal))
    };
    retain_rows(batch, |row| is_unwritten(row.table, Day::of(row.at)));
}
