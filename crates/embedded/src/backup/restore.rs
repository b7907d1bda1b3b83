//! From a backup to a data directory.

use std::path::Path;

use disk::{Disk, DiskError, LOCK_FILE, copy, write_atomically};

use super::BackupError;
use super::manifest::{Manifest, digest};

/// Is there until everything is: a store does not open a directory with it.
const UNFINISHED: &str = "RESTORE-UNFINISHED";

pub fn is_half_restored(disk: &dyn Disk, dir: &Path) -> Result<bool, DiskError> {
    match disk.open(&dir.join(UNFINISHED)) {
        Err(error) if error.is_missing() => Ok(false),
        opened => opened.map(|_| true),
    }
}

/// Copies all files of the manifest, each held against its checksum. The directory must be
/// empty, and nobody may be using it.
pub fn restore(disk: &dyn Disk, from: &Path, to: &Path) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(disk, from)?;
    disk.create_dir(to)?;
    let _only = disk.lock(to)?;
    if disk.list(to)?.iter().any(|entry| entry.name != LOCK_FILE) {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    write_atomically(disk, &to.join(UNFINISHED), b"")?;
    for listed in &manifest.files {
        let target = to.join(&listed.file);
        let folder = target.parent().unwrap_or(to);
        disk.create_dir(folder)?;
        copy(disk, &from.join(&listed.file), &target)?;
        let (bytes, sha256) = digest(disk, &target)?;
        if (bytes, &sha256) != (listed.bytes, &listed.sha256) {
            return Err(BackupError::Changed(target));
        }
        disk.sync_dir(folder)?;
    }
    disk.remove(&to.join(UNFINISHED))?;
    disk.sync_dir(to)?;
    Ok(manifest)
}
