//! From the memtable to segments.
//!
//! The memtable is frozen together with the end of a WAL file; each of its tables and
//! days becomes one segment; then all of them are shown at once in its place, and the WAL
//! files go. A crash in between leaves segments that say which WAL files they hold, so
//! that replay leaves out exactly those rows. A failed flush is repeated with the same
//! numbers, so that it replaces what it has written.

use std::sync::Arc;

use disk::DiskError;
use model::Sample;
use storage::UpkeepError;

use crate::catalogue::remove_wal;
use crate::memtable::WalRange;
use crate::segment::{BlockRow, Segment, SegmentError, SegmentWriter};
use crate::shared::{Frozen, Shared, TableRow, in_order};
use crate::table::{Day, LogRow, Table};

/// Writes out what was frozen. The caller holds the upkeep lock.
pub fn write_out(shared: &Shared, frozen: &Frozen) -> Result<(), UpkeepError> {
    let mut segments = Vec::new();
    for (number, ((table, day), wal)) in (frozen.first_segment..).zip(&frozen.memtable.covered) {
        let written = match table {
            Table::Samples => write_day::<Sample>(shared, frozen, *day, *wal, number),
            Table::Logs => write_day::<LogRow>(shared, frozen, *day, *wal, number),
        };
        let segment = written.map_err(|error| UpkeepError::Failed {
            what: format!("write {} of {} to a segment", table.as_str(), day.folder()),
            source: Box::new(error),
        })?;
        segments.push(Arc::new(segment));
    }
    metrics::counter!("watchkeeper_store_segments_written_total").increment(segments.len() as u64);
    shared.change_view(|view| {
        view.frozen = None;
        for segment in segments {
            let day = view.days.entry((segment.footer.table, segment.footer.day)).or_default();
            let mut all = std::mem::take(day);
            all.push(segment);
            *day = in_order(all).0;
        }
    });
    // Should this fail, replay knows what it has to leave out, and the next flush tries again.
    if let Err(error) = remove_wal(shared, frozen.wal_last) {
        tracing::warn!(%error, "WAL files that are no longer needed could not be removed");
    }
    Ok(())
}

fn write_day<R: BlockRow + TableRow>(
    shared: &Shared,
    frozen: &Frozen,
    day: Day,
    wal: WalRange,
    number: u64,
) -> Result<Segment, SegmentError> {
    let path = shared.segment_path(R::TABLE, day, number);
    if let Some(dir) = path.parent() {
        shared.disk.create_dir(dir)?;
    }
    let mut writer = SegmentWriter::<R>::create(&*shared.disk, &path, day, wal)?;
    for (labels, rows) in R::streams(&frozen.memtable).of_day(day) {
        writer.push(labels, rows)?;
    }
    writer.finish()?;
    shared.open_segment(R::TABLE, day, number)
}

/// For upkeep: whether the memtable is due.
pub fn is_due(shared: &Shared) -> bool {
    let tables = shared.tables.read();
    let age = tables.active.since.map(|since| shared.clock.monotonic().saturating_sub(since));
    tables.view.frozen.is_some()
        || tables.active.bytes >= shared.settings.flush_bytes
        || age.is_some_and(|age| age >= shared.settings.flush_age)
}

pub fn failed(what: &str, error: DiskError) -> UpkeepError {
    UpkeepError::Failed { what: what.to_owned(), source: Box::new(error) }
}
