//! Whole files: read at once, replaced at once.

use std::path::{Path, PathBuf};

use crate::{Disk, DiskError, ReadFile};

/// What a file is called until it is complete. One that is found was never finished.
pub const TEMPORARY: &str = ".tmp";

/// Replaces `path`: after a crash at any point it holds the old bytes or the new ones.
pub fn write_atomically(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    let temporary = PathBuf::from(temporary);
    let mut file = disk.create(&temporary)?;
    file.append(bytes)?;
    file.sync()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))
}

pub fn read_all(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, DiskError> {
    let file = disk.open(path)?;
    let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or(usize::MAX)];
    read_twice(&*file, 0, &mut bytes)?;
    Ok(bytes)
}

/// Reads once more if the medium does not answer: a fault of a moment must not take a file
/// out of service.
pub fn read_twice(file: &dyn ReadFile, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
    match file.read_at(offset, buffer) {
        Err(error) if error.is_medium_fault() => file.read_at(offset, buffer),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::RealDisk;
    use crate::sim::SimDisk;

    #[test]
    fn a_file_is_replaced_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("note");
        write_atomically(&RealDisk, &path, b"old").unwrap();
        write_atomically(&RealDisk, &path, b"new").unwrap();
        assert_eq!(read_all(&RealDisk, &path).unwrap(), b"new");
        assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn after_a_crash_at_any_step_the_file_is_old_or_new() {
        let path = Path::new("/d/note");
        for seed in 0..50 {
            for step in 1..8 {
                let disk = SimDisk::new(seed);
                disk.create_dir(Path::new("/d")).unwrap();
                write_atomically(&disk, path, b"the old text").unwrap();
                disk.crash_after(step);
                let done = write_atomically(&disk, path, b"a newer text").is_ok();
                let found = read_all(&disk.reboot(), path).unwrap();
                assert!(found == b"a newer text" || (!done && found == b"the old text"), "{seed} {step}");
            }
        }
    }
}
