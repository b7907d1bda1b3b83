//! A disk that is only looked at.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::{AppendFile, DirLock, Disk, DiskError, Entry, LockError, ReadFile};

/// Shows another disk and never changes it. What would tidy up (remove, rename, truncate,
/// make a folder) is taken for done, so that code that opens a directory can be used to see
/// whether it would open; a new file is refused. Everybody gets the lock.
#[derive(Clone, Debug)]
pub struct UntouchedDisk {
    shown: Arc<dyn Disk>,
    /// Folders that were asked for and are not there: they are empty.
    imagined: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl UntouchedDisk {
    pub fn new(shown: Arc<dyn Disk>) -> Self {
        Self { shown, imagined: Arc::default() }
    }

    fn is_imagined(&self, dir: &Path) -> bool {
        self.imagined.lock().is_ok_and(|imagined| imagined.contains(dir))
    }
}

fn refused<T>(what: &'static str, path: &Path) -> Result<T, DiskError> {
    Err(DiskError::new(what, path, io::ErrorKind::ReadOnlyFilesystem.into()))
}

impl Disk for UntouchedDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>, DiskError> {
        refused("create", path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>, DiskError> {
        self.shown.open(path)
    }

    fn truncate(&self, _: &Path, _: u64) -> Result<(), DiskError> {
        Ok(())
    }

    fn rename(&self, _: &Path, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }

    fn link(&self, from: &Path, _: &Path) -> Result<(), DiskError> {
        refused("link", from)
    }

    fn remove(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>, DiskError> {
        match self.shown.list(dir) {
            Err(error) if error.is_missing() && self.is_imagined(dir) => Ok(Vec::new()),
            listed => listed,
        }
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        if let Ok(mut imagined) = self.imagined.lock() {
            imagined.insert(dir.to_owned());
        }
        Ok(())
    }

    fn remove_dir(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, DiskError> {
        self.shown.free_bytes(dir)
    }

    fn lock(&self, _: &Path) -> Result<DirLock, LockError> {
        Ok(DirLock::holding(()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sim::SimDisk;
    use crate::{read_all, write_atomically};

    #[test]
    fn nothing_that_is_done_to_it_is_done() {
        let (dir, path) = (Path::new("/d"), Path::new("/d/f"));
        let shown = SimDisk::new(1);
        shown.create_dir(dir).unwrap();
        write_atomically(&shown, path, b"text").unwrap();
        let steps = shown.steps();
        let disk = UntouchedDisk::new(Arc::new(shown.clone()));
        disk.truncate(path, 1).unwrap();
        disk.remove(path).unwrap();
        disk.rename(dir, Path::new("/e")).unwrap();
        assert!(disk.list(Path::new("/e")).unwrap_err().is_missing());
        disk.create_dir(Path::new("/e")).unwrap();
        assert_eq!(disk.list(Path::new("/e")).unwrap(), []);
        assert!(disk.create(path).is_err() && disk.link(path, Path::new("/d/g")).is_err());
        assert_eq!(read_all(&disk, path).unwrap(), b"text");
        assert_eq!(shown.steps(), steps);
    }
}
