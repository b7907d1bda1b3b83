//! The files of a data directory in which a store may be at work, as of one moment.
//!
//! Three steps, in an order that matters:
//!
//! 1. tombstones: what was erased before stays hidden, whether or not it is rewritten
//!    meanwhile;
//! 2. the WAL: it has every acknowledged row that is in no segment, and a part of a file
//!    from its beginning is a file whose end is torn;
//! 3. segments and labels, a day after the other.
//!
//! A row that was acknowledged before the second step is in the WAL that was copied, or had
//! left it for a segment, which is then found in the third step: itself, or a merged one in
//! its place. If it is in both, replay leaves it out, because the segment names the WAL
//! file. Were segments taken first, a flush in between would take rows from the WAL that
//! are in no segment of the copy.
//!
//! Each folder is copied as it was at one moment ([`visit_files`]), and what was copied of
//! an earlier moment is removed: a day that is dropped and begins anew numbers its streams
//! anew, so that its old files would not fit the new ones; a WAL file that goes while others
//! are copied may have rows that are erased by now.

use std::collections::BTreeSet;
use std::path::Path;

use disk::{Disk, DiskError, copy, link_or_copy};

use super::BackupError;
use crate::inspect::expect_data_directory;
use crate::inspect::steady::visit_files;
use crate::shared::is_day_file;
use crate::table::{Table, is_day_folder};
use crate::{catalogue, erasure, wal};

/// Copies the files of the store in `from` to `to`, which must be empty or not be there.
/// Everything that was acknowledged before the call is in the copy, each row once; of what
/// is acknowledged during the call, some may be.
pub fn take(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), BackupError> {
    expect_data_directory(disk, from)?;
    expect_empty(disk, to)?;
    catalogue::make_folders(disk, to)?;
    let copied = |from: &Path, to: &Path| copy(disk, from, to).map(drop);
    let is_tombstone = |name: &str| erasure::file_number(name).is_some();
    take_folder(disk, &from.join(erasure::FOLDER), &to.join(erasure::FOLDER), is_tombstone, copied)?;
    let is_wal = |name: &str| wal::file_number(name).is_some();
    take_folder(disk, &from.join("wal"), &to.join("wal"), is_wal, copied)?;
    for table in Table::ALL.map(Table::as_str) {
        // Listed after the WAL was copied: the rows of days that begin later are in it.
        for entry in disk.list(&from.join(table))? {
            if entry.is_dir && is_day_folder(&entry.name) {
                let day = Path::new(table).join(&entry.name);
                take_day(disk, &from.join(&day), &to.join(&day))?;
            }
        }
        disk.sync_dir(&to.join(table))?;
    }
    Ok(disk.sync_dir(to)?)
}

fn expect_empty(disk: &dyn Disk, dir: &Path) -> Result<(), BackupError> {
    match disk.list(dir) {
        Ok(entries) if entries.is_empty() => Ok(()),
        Ok(_) => Err(BackupError::NotEmpty(dir.to_owned())),
        Err(error) if error.is_missing() => Ok(disk.create_dir(dir)?),
        Err(error) => Err(error.into()),
    }
}

fn take_day(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), DiskError> {
    disk.create_dir(to)?;
    let linked = |from: &Path, to: &Path| link_or_copy(disk, from, to);
    match take_folder(disk, from, to, is_day_file, linked)? {
        // It was dropped meanwhile.
        0 => disk.remove_dir(to),
        _ => Ok(()),
    }
}

/// Returns how many files there are in the end.
fn take_folder(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
    is_wanted: impl Fn(&str) -> bool,
    take: impl Fn(&Path, &Path) -> Result<(), DiskError>,
) -> Result<usize, DiskError> {
    let mut taken = BTreeSet::new();
    let names = visit_files(disk, from, is_wanted, |name, path| {
        take(path, &to.join(name))?;
        taken.insert(name.to_owned());
        Ok(())
    })?;
    taken.difference(&names).try_for_each(|name| disk.remove(&to.join(name)))?;
    disk.sync_dir(to)?;
    Ok(names.len())
}
