//! From the memtable to files.
//!
//! The memtable is frozen together with the end of a WAL file. For each of its tables and
//! days, the labels of new streams become a part of the index and the rows become a
//! segment, in this order; then all of them are shown at once in its place, and the WAL
//! files go. A crash in between leaves segments that say which WAL files they hold, so
//! that replay leaves out exactly those rows, and parts of streams without rows, which
//! harm nobody. A failed flush is repeated with the same numbers, so that it replaces what
//! it has written.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use disk::DiskError;
use index::Index;
use model::TimeRange;
use storage::UpkeepError;

use crate::files::FileError;
use crate::labels::{self, LabelPart};
use crate::memtable::{Memory, RowsInMemory};
use crate::retention;
use crate::rows::of_table;
use crate::segment::{Segment, SegmentWriter};
use crate::shared::{Frozen, Shared};
use crate::table::{Day, Table};
use crate::wal::file_number;

/// Files of one table and day that a flush has written.
struct Written {
    day: (Table, Day),
    part: Option<Arc<LabelPart>>,
    segment: Option<Arc<Segment>>,
}

/// Writes out what was frozen, and removes its WAL. The caller holds the upkeep lock.
pub fn write_out(shared: &Shared, frozen: &Frozen) -> Result<(), UpkeepError> {
    write_segments(shared, frozen)?;
    // Should this fail, replay knows what it has to leave out, and the next flush tries again.
    if let Err(error) = remove_written_wal(shared) {
        tracing::warn!(%error, "WAL files that are no longer needed could not be removed");
    }
    Ok(())
}

/// Writes out what was frozen.
pub fn write_segments(shared: &Shared, frozen: &Frozen) -> Result<(), UpkeepError> {
    let mut all = Vec::new();
    for ((table, day), number) in frozen.files.iter().copied() {
        let written =
            of_table!(table, R => write_day::<R>(shared, frozen, day, number), rollup(_) => continue);
        all.push(written.map_err(|error| UpkeepError::Failed {
            what: format!("write {} of {} to a segment", table.as_str(), day.folder()),
            source: Box::new(error),
        })?);
    }
    metrics::counter!("watchkeeper_store_segments_written_total").increment(all.len() as u64);
    shared.change_view(|view| {
        view.frozen = None;
        for Written { day, part, segment } in all {
            let files = view.days.entry(day).or_default();
            files.parts.extend(part);
            files.segments.extend(segment);
            files.settle();
        }
        view.days.retain(|_, files| !files.is_empty());
    });
    shared.written_wal.store(frozen.wal_last, Ordering::Release);
    shared.flushed_wal.store(frozen.wal_last, Ordering::Release);
    Ok(())
}

fn write_day<R: RowsInMemory>(
    shared: &Shared,
    frozen: &Frozen,
    day: Day,
    number: u64,
) -> Result<Written, FileError> {
    let mut written = Written { day: (R::TABLE, day), part: None, segment: None };
    let Some((_, cell)) = frozen.memtable.days_of::<R>(day.times()).pop() else { return Ok(written) };
    let cell = cell.read();
    let disk = &*shared.disk;
    retention::finish_drop(shared, R::TABLE, day)?;
    shared.disk.create_dir(&shared.table_dir(R::TABLE).join(day.folder()))?;
    if !cell.labels.is_empty() {
        let place = shared.part_place(R::TABLE, day, number);
        labels::write(disk, &place.path, R::TABLE, day, cell.labels.ids(), &cell.labels.encode())?;
        written.part = Some(Arc::new(LabelPart::open(shared.disk.clone(), place)?));
    }
    let place = shared.segment_place(R::TABLE, day, number + 1);
    let mut writer = SegmentWriter::<R>::create(disk, &place.path, day, cell.wal)?;
    for key in cell.rows.keys() {
        writer.push(key, cell.rows.read(key.stream(), TimeRange::ALL))?;
    }
    if writer.finish()? {
        written.segment = Some(Arc::new(Segment::open(shared.disk.clone(), place)?));
    }
    Ok(written)
}

/// For upkeep: whether the memtable is due.
pub fn is_due(shared: &Shared) -> bool {
    let tables = shared.snapshot();
    let age = tables.active.since().map(|since| shared.clock.monotonic().saturating_sub(since));
    tables.view.frozen.is_some()
        || tables.active.bytes() >= shared.settings.flush_bytes
        || age.is_some_and(|age| age >= shared.settings.flush_age)
}

/// Removes WAL files of which all rows that could be read are in segments. Files with
/// damage go to quarantine instead, which takes no room on a full disk. Older files go
/// first: later ones know where those end that were given up.
pub fn remove_written_wal(shared: &Shared) -> Result<(), DiskError> {
    let last = shared.written_wal.load(Ordering::Acquire);
    if shared.removed_wal.load(Ordering::Acquire) >= last {
        return Ok(());
    }
    let dir = shared.wal_dir();
    for entry in shared.disk.list(&dir)? {
        let Some(number) = file_number(&entry.name).filter(|number| *number <= last) else { continue };
        let path = dir.join(&entry.name);
        if shared.damaged_wal.lock().contains(&number) {
            let kept = shared.quarantine_dir().join(format!("wal-{}", entry.name));
            shared.disk.rename(&path, &kept)?;
        } else {
            shared.disk.remove(&path)?;
        }
    }
    shared.disk.sync_dir(&dir)?;
    shared.removed_wal.store(last, Ordering::Release);
    Ok(())
}

pub fn failed(what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> UpkeepError {
    UpkeepError::Failed { what: what.to_owned(), source: error.into() }
}
