//! Drops whole days.
//!
//! A folder is renamed first, so that a crash on the way leaves either the whole day or
//! none of it; the next opening removes what is left.

use std::path::Path;

use disk::{Disk, DiskError};
use model::Timestamp;
use storage::UpkeepError;

use crate::flush::failed;
use crate::segment::Fate;
use crate::shared::Shared;
use crate::table::{Day, Table};

/// At the end of the name of a folder that is being removed.
pub const DROPPED: &str = ".dropped";

/// Whether there are rows in memory of days that are to be dropped.
pub fn memory_holds(shared: &Shared, cutoff: Timestamp) -> bool {
    let first_kept = Day::of(cutoff);
    let tables = shared.tables.read();
    let frozen = tables.view.frozen.as_ref().map(|frozen| &frozen.memtable);
    let mut memtables = [Some(&tables.active), frozen].into_iter().flatten();
    memtables.any(|memtable| memtable.covered.keys().any(|(_, day)| *day < first_kept))
}

/// Drops every day before that of `cutoff`. The caller holds the upkeep lock and has
/// flushed, so that no such rows are in memory. Returns how many folders went.
pub fn drop_days(shared: &Shared, cutoff: Timestamp) -> Result<u64, UpkeepError> {
    let first_kept = Day::of(cutoff);
    shared.change_view(|view| {
        let (dropped, kept) =
            std::mem::take(&mut view.days).into_iter().partition(|((_, day), _)| *day < first_kept);
        view.days = kept;
        let dropped: std::collections::BTreeMap<_, Vec<_>> = dropped;
        dropped.values().flatten().for_each(|segment| segment.decide(Fate::IsGone));
    });
    let mut count = 0;
    for table in Table::ALL {
        count += drop_folders(shared, table, &first_kept.folder())
            .map_err(|error| failed(&format!("drop old days of {}", table.as_str()), error))?;
    }
    metrics::counter!("watchkeeper_store_days_dropped_total").increment(count);
    Ok(count)
}

fn drop_folders(shared: &Shared, table: Table, first_kept: &str) -> Result<u64, DiskError> {
    let disk = &*shared.disk;
    let dir = shared.table_dir(table);
    let mut dropped = Vec::new();
    for entry in disk.list(&dir)? {
        if !entry.is_dir || !is_day(&entry.name) || *entry.name >= *first_kept {
            continue;
        }
        let target = dir.join(format!("{}{DROPPED}", entry.name));
        // Left over from an attempt that failed.
        if disk.list(&target).is_ok() {
            remove_folder(disk, &target)?;
        }
        disk.rename(&dir.join(&entry.name), &target)?;
        dropped.push(target);
    }
    disk.sync_dir(&dir)?;
    for target in &dropped {
        remove_folder(disk, target)?;
    }
    Ok(dropped.len() as u64)
}

/// Whether it is a folder of ours: `2026-11-23`.
fn is_day(name: &str) -> bool {
    let is_dash = |index: usize| index == 4 || index == 7;
    name.len() == 10
        && name.bytes().enumerate().all(
            |(index, byte)| {
                if is_dash(index) { byte == b'-' } else { byte.is_ascii_digit() }
            },
        )
}

pub fn remove_folder(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    for entry in disk.list(dir)? {
        disk.remove(&dir.join(&entry.name))?;
    }
    disk.remove_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_folders_are_dropped() {
        assert!(is_day("2026-11-23"));
        assert!(
            ["2026-11-2", "lost+found", "2026_11_23", "1-backup-x", "2026-11-23.dropped"]
                .iter()
                .all(|name| !is_day(name))
        );
    }
}
