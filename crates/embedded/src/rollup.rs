//! Samples of days that are over, in outline: the tables `samples_5m` and `samples_1h`.
//!
//! A rollup is a table like the others: a folder for each day, with the parts of an index
//! and one segment, whose rows are buckets ([`storage::Bucket`] says what is in one, the
//! pages are drawn in `rows::rollups`).
//!
//! ```text
//! data/
//!   samples/2026-11-23/000041.seg      the samples, by stream
//!   samples/2026-11-23/000040.idx      the labels of the streams
//!   samples_5m/2026-11-23/000055.idx   a copy of them, with the same numbers of streams
//!   samples_5m/2026-11-23/000056.seg   buckets of the same streams, in the same order
//!   samples_1h/2026-11-23/...
//! ```
//!
//! The labels are copied because a rollup outlives its samples: their folder goes with the
//! labels in it. They take a small part of what the buckets take.
//!
//! **What it was built from** stands in its footer, as for every segment: the WAL files of
//! all the rows in it. Samples that come later are in later WAL files, be they in memory or
//! in a segment, before and after a crash; so a look at footers tells whether a rollup
//! still says what the samples say ([`standing`]). When it does not, queries go to the
//! samples, and upkeep builds it again under a higher number; it covers the WAL files of
//! the one before, which therefore goes, if need be at the next opening.
//!
//! **Erased samples** leave a rollup in the same way, while there are samples to build it
//! from: a tombstone means the rollups too, and is there until they are built anew. When
//! only the rollup is left, each bucket that the tombstone touches goes, at once for
//! readers and with the next merge from the disk.
//!
//! **Late samples** for a day of which the samples were dropped do not enter the rollup,
//! because the first and the last of a bucket and the steps between are not known any more;
//! they are seen where the rollup has no bucket, until retention drops them again.
//!
//! A rollup is built stream by stream in one pass over the segments of the day, all
//! resolutions at once: memory holds a page of each segment and of each rollup. The steps
//! of counters over midnight are left out of it, so that no day depends on another, and
//! added when days are read together.

mod build;
mod standing;

use std::sync::Arc;

use storage::{Resolution, UpkeepError};

use crate::files::FileError;
use crate::flush::failed;
use crate::merge;
use crate::rows::{FiveMinuteRows, HourRows};
use crate::segment::Segment;
use crate::shared::{DayFiles, Shared, Tables};
use crate::table::{Day, Table};
use crate::{retention, rollup::build::build};

pub use standing::{Facts, Standing, standing};

/// After so many samples a round of upkeep ends: a flush may be due. Some seconds.
const ROUND_SAMPLES_MAX: u64 = 8_000_000;

/// One round: erasures in rollups without samples, then rollups of days that are over,
/// the oldest first. What is left waits for the next round. The caller holds the upkeep
/// lock.
pub fn roll_up_due(shared: &Shared) -> Result<(), UpkeepError> {
    remove_empty_days(shared)?;
    let today = Day::of(shared.clock.now());
    let mut samples_read = 0;
    let days: Vec<(Table, Day)> = shared.view().days.keys().copied().collect();
    for (table, day) in days {
        let failed = |error| failed(&format!("roll up samples of {}", day.folder()), error);
        match table {
            Table::Rollup(resolution) => erase_orphan(shared, resolution, day).map_err(failed)?,
            Table::Samples if day < today && samples_read < ROUND_SAMPLES_MAX => {
                samples_read += roll_up_day(shared, day).map_err(failed)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Builds what the day lacks. Returns how many samples that took.
fn roll_up_day(shared: &Shared, day: Day) -> Result<u64, FileError> {
    let tables = shared.snapshot();
    let mut lacking = Vec::new();
    for resolution in shared.settings.rollups.iter().copied() {
        if is_lacking(shared, &tables, resolution, day)? {
            lacking.push(resolution);
        }
    }
    // Rows that are still in memory would make it stale at once.
    if lacking.is_empty() || has_samples_in_memory(&tables, day) {
        return Ok(0);
    }
    build(shared, &tables.view, day, &lacking)
}

fn is_lacking(shared: &Shared, tables: &Tables, resolution: Resolution, day: Day) -> Result<bool, FileError> {
    let view = &tables.view;
    let Some(files) = view.days.get(&(Table::Rollup(resolution), day)) else { return Ok(true) };
    let mut has_erased = false;
    for segment in &files.segments {
        has_erased |= merge::has_erased_rows(shared, &view.tombstones, files, segment)?;
        // What is damaged is built anew as well; the file goes to quarantine.
        has_erased |= segment.file().is_damaged();
    }
    Ok(matches!(standing(&facts(tables, files, day, has_erased)), Standing::Missing | Standing::Stale))
}

/// Leaves erased buckets out of a rollup that cannot be built from samples any more.
fn erase_orphan(shared: &Shared, resolution: Resolution, day: Day) -> Result<(), FileError> {
    let tables = shared.snapshot();
    let Some(files) = tables.view.days.get(&(Table::Rollup(resolution), day)) else { return Ok(()) };
    if standing(&facts(&tables, files, day, true)) != Standing::Orphaned {
        return Ok(());
    }
    match resolution {
        Resolution::FiveMinutes => merge::merge_day::<FiveMinuteRows>(shared, day, true),
        Resolution::OneHour => merge::merge_day::<HourRows>(shared, day, true),
    }
}

/// A rollup that lost its last row goes as a whole: should there be samples again, the
/// numbers of their streams may be others than in the labels that it has left.
fn remove_empty_days(shared: &Shared) -> Result<(), UpkeepError> {
    let view = shared.view();
    let is_empty =
        |(table, files): (Table, &DayFiles)| matches!(table, Table::Rollup(_)) && files.segments.is_empty();
    let days = view.days.iter().filter(|((table, _), files)| is_empty((*table, files)));
    let days: Vec<(Table, Day)> = days.map(|(day, _)| *day).collect();
    if days.is_empty() {
        return Ok(());
    }
    shared.forget_days(&days);
    retention::remove_days(shared, &days)
}

/// What a rollup's standing follows from.
pub fn facts(tables: &Tables, rollup: &DayFiles, day: Day, has_erased: bool) -> Facts {
    let samples = tables.view.days.get(&(Table::Samples, day)).map_or(&[][..], |files| &files.segments);
    let wal_of = |segments: &[Arc<Segment>]| segments.iter().map(|segment| segment.footer().wal).collect();
    Facts {
        rollup: wal_of(&rollup.segments),
        samples: wal_of(samples),
        has_samples_in_memory: has_samples_in_memory(tables, day),
        has_erased,
    }
}

fn has_samples_in_memory(tables: &Tables, day: Day) -> bool {
    let frozen = tables.view.frozen.iter().map(|frozen| &frozen.memtable);
    frozen.chain([&tables.active]).any(|memtable| memtable.covered().contains(&(Table::Samples, day)))
}
