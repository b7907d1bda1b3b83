//! What is in the directory when it is opened.
//!
//! There is no manifest: a segment is there or it is not, and says itself which WAL files
//! its rows came from. What was interrupted (a file that was being written, a merge, the
//! removal of a day) is finished or undone here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, TEMPORARY};
use model::Batch;

use crate::memtable::Memtable;
use crate::retention::{DROPPED, remove_folder};
use crate::segment::Fate;
use crate::settings::OpenError;
use crate::shared::{
    Shared, View, in_order, quarantine_dir, report_quarantine, segment_name, segment_number,
};
use crate::table::{Day, Table};
use crate::wal::{Replayed, file_number, replay};

/// What was found, ready to be read.
pub struct Catalogue {
    pub view: View,
    /// Greater than all numbers of segments, also in quarantine: nothing there is overwritten.
    pub next_segment: u64,
    /// Greater than all numbers of WAL files in segments and in quarantine.
    pub next_wal: u64,
}

pub fn make_folders(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    for name in ["wal", Table::Samples.as_str(), Table::Logs.as_str(), "quarantine"] {
        disk.create_dir(&dir.join(name))?;
    }
    Ok(())
}

pub fn read(shared: &Shared) -> Result<Catalogue, OpenError> {
    let mut found = Catalogue { view: View::default(), next_segment: 1, next_wal: 1 };
    for entry in shared.disk.list(&quarantine_dir(&shared.settings))? {
        let name = entry.name.rsplit('-').next().unwrap_or_default();
        let after = |number: Option<u64>| number.map_or(0, |number| number + 1);
        found.next_segment = found.next_segment.max(after(segment_number(name)));
        found.next_wal = found.next_wal.max(after(file_number(name)));
    }
    for table in Table::ALL {
        let dir = shared.table_dir(table);
        for entry in shared.disk.list(&dir)? {
            let path = dir.join(&entry.name);
            if entry.is_dir && entry.name.ends_with(DROPPED) {
                remove_folder(&*shared.disk, &path)?;
            } else if entry.is_dir {
                read_day(shared, table, &path, &mut found)?;
            }
        }
    }
    Ok(found)
}

fn read_day(shared: &Shared, table: Table, dir: &Path, found: &mut Catalogue) -> Result<(), OpenError> {
    let folder = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut segments = Vec::new();
    for entry in shared.disk.list(dir)? {
        let path = dir.join(&entry.name);
        if entry.name.ends_with(TEMPORARY) {
            shared.disk.remove(&path)?;
        }
        let Some(number) = segment_number(&entry.name) else { continue };
        found.next_segment = found.next_segment.max(number + 1);
        segments.extend(open_segment(shared, table, &folder, path, number)?.map(Arc::new));
    }
    let Some(day) = segments.first().map(|segment| segment.footer.day) else { return Ok(()) };
    let (kept, replaced) = in_order(segments);
    replaced.iter().for_each(|segment| segment.decide(Fate::IsRemoved));
    let wal_last = kept.iter().map(|segment| segment.footer.wal.last).max().unwrap_or(0);
    found.next_wal = found.next_wal.max(wal_last + 1);
    found.view.days.insert((table, day), kept);
    Ok(())
}

/// `None` when it went to quarantine.
fn open_segment(
    shared: &Shared,
    table: Table,
    folder: &str,
    path: PathBuf,
    number: u64,
) -> Result<Option<crate::segment::Segment>, OpenError> {
    let quarantine = shared.quarantine_path(table, folder, &segment_name(number));
    let opened = crate::segment::Segment::open(shared.disk.clone(), &path, number, quarantine.clone());
    let opened = opened.and_then(|segment| {
        let is_at_home = segment.footer.table == table && segment.footer.day.folder() == folder;
        let stray = crate::encoding::Corrupt("a segment of another table or day");
        if is_at_home { Ok(segment) } else { Err(stray.into()) }
    });
    match opened {
        Ok(segment) => Ok(Some(segment)),
        Err(error) if error.is_damage() => {
            report_quarantine(&path, &error);
            shared.disk.rename(&path, &quarantine)?;
            Ok(None)
        }
        Err(error) => Err(OpenError::segment(path, error)),
    }
}

/// Replays the WAL into a memtable, without the rows that are in segments already.
pub fn replay_into(shared: &Shared, view: &View) -> Result<(Memtable, Replayed), OpenError> {
    let mut memtable = Memtable::default();
    let now = shared.clock.monotonic();
    let replayed = replay(&*shared.disk, &shared.wal_dir(), |mut batch, wal| {
        retain_unwritten(&mut batch, view, wal);
        if !batch.is_empty() {
            memtable.insert(batch, wal, now);
        }
    })?;
    Ok((memtable, replayed))
}

fn retain_unwritten(batch: &mut Batch, view: &View, wal: u64) {
    let is_unwritten = |table: Table, day: Day| {
        let segments = view.days.get(&(table, day)).map_or(&[][..], Vec::as_slice);
        !segments.iter().any(|segment| segment.footer.wal.contains(wal))
    };
    for series in &mut batch.series {
        series.samples.retain(|sample| is_unwritten(Table::Samples, Day::of(sample.at)));
    }
    batch.series.retain(|series| !series.samples.is_empty());
    batch.logs.retain(|record| is_unwritten(Table::Logs, Day::of(record.at)));
}

/// Removes WAL files up to `last`: all rows that could be read from them are in segments.
/// Files with damage go to quarantine instead, which takes no room on a full disk.
pub fn remove_wal(shared: &Shared, last: u64) -> Result<(), DiskError> {
    let dir = shared.wal_dir();
    for entry in shared.disk.list(&dir)? {
        let Some(number) = file_number(&entry.name).filter(|number| *number <= last) else { continue };
        let path = dir.join(&entry.name);
        if shared.damaged_wal.lock().contains(&number) {
            let kept = quarantine_dir(&shared.settings).join(format!("wal-{}", entry.name));
            shared.disk.rename(&path, &kept)?;
        } else {
            shared.disk.remove(&path)?;
        }
    }
    shared.disk.sync_dir(&dir)?;
    shared.removed_wal.store(last, std::sync::atomic::Ordering::Release);
    Ok(())
}
