//! The machine's own files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::{AppendFile, DirLock, Disk, DiskError, Entry, LockError, ReadFile};

#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>, DiskError> {
        let file = File::create(path).map_err(|e| DiskError::new("create", path, e))?;
        Ok(Box::new(RealFile { file, path: path.to_owned() }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>, DiskError> {
        let file = File::open(path).map_err(|e| DiskError::new("open", path, e))?;
        Ok(Box::new(RealFile { file, path: path.to_owned() }))
    }

    fn truncate(&self, path: &Path, len: u64) -> Result<(), DiskError> {
        let cut = || {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(len)?;
            file.sync_all()
        };
        cut().map_err(|e| DiskError::new("truncate", path, e))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        fs::rename(from, to).map_err(|e| DiskError::new("rename", from, e))
    }

    fn link(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        fs::hard_link(from, to).map_err(|e| DiskError::new("link", from, e))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_file(path).map_err(|e| DiskError::new("remove", path, e))
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>, DiskError> {
        entries(dir).map_err(|e| DiskError::new("list", dir, e))
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.create_dir(parent)?;
        }
        match fs::create_dir(dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                return Err(DiskError::new("create the folder", dir, e));
            }
            _ => {}
        }
        self.sync_dir(parent.unwrap_or(Path::new(".")))
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        fs::remove_dir(dir).map_err(|e| DiskError::new("remove the folder", dir, e))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| DiskError::new("sync the folder", dir, e))
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, DiskError> {
        let found = rustix::fs::statvfs(dir).map_err(|e| DiskError::new("measure", dir, e.into()))?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn lock(&self, dir: &Path) -> Result<DirLock, LockError> {
        DirLock::acquire(dir)
    }
}

/// A folder in which something goes at every look is looked at so often. Whoever works in it
/// then fails, and can try again.
const LOOKS_MAX: u32 = 100;

fn entries(dir: &Path) -> io::Result<Vec<Entry>> {
    for _ in 0..LOOKS_MAX {
        if let Some(entries) = look(dir)? {
            return Ok(entries);
        }
    }
    Err(io::Error::other("it keeps changing while it is read"))
}

/// `None` when something went while the folder was read: what came in its place may have
/// been missed.
fn look(dir: &Path) -> io::Result<Option<Vec<Entry>>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        // Whoever keeps files here names them in ASCII; others' names only have to be shown.
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push(Entry { name, is_dir: metadata.is_dir(), bytes: metadata.len() });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Some(entries))
}

struct RealFile {
    file: File,
    path: PathBuf,
}

impl AppendFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.write_all(bytes).map_err(|e| DiskError::new("write", &self.path, e))
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(|e| DiskError::new("sync", &self.path, e))
    }
}

impl ReadFile for RealFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.file.read_exact_at(buffer, offset).map_err(|e| DiskError::new("read", &self.path, e))
    }

    fn size(&self) -> Result<u64, DiskError> {
        let metadata = self.file.metadata().map_err(|e| DiskError::new("measure", &self.path, e))?;
        Ok(metadata.len())
    }
}
