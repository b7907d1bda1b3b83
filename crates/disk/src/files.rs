//! The seam between those who keep files and what really happens to them.

use std::fmt::Debug;
use std::path::Path;

use crate::{DirLock, DiskError, LockError};

/// A file system. A change of names (create, rename, remove) is only certain to survive
/// a power cut after [`sync_dir`](Disk::sync_dir) of the folder it happened in; bytes only
/// after [`AppendFile::sync`].
pub trait Disk: Send + Sync + Debug {
    /// A new, empty file. One of the same name is emptied.
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>, DiskError>;

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>, DiskError>;

    /// Cuts a file and makes the cut durable.
    fn truncate(&self, path: &Path, len: u64) -> Result<(), DiskError>;

    /// A file or folder; a file of the new name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;

    /// A second name for a file, which shares its bytes. Not every pair of folders allows
    /// that: those of different file systems do not.
    fn link(&self, from: &Path, to: &Path) -> Result<(), DiskError>;

    fn remove(&self, path: &Path) -> Result<(), DiskError>;

    /// What is in a folder, in order of names: all of it was there at one moment.
    fn list(&self, dir: &Path) -> Result<Vec<Entry>, DiskError>;

    /// Makes a folder and those above it, durably. One that is there already is fine.
    fn create_dir(&self, dir: &Path) -> Result<(), DiskError>;

    /// The folder must be empty.
    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError>;

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError>;

    /// What an ordinary user may still write.
    fn free_bytes(&self, dir: &Path) -> Result<u64, DiskError>;

    /// Makes this process the only one that works in `dir`.
    fn lock(&self, dir: &Path) -> Result<DirLock, LockError>;
}

/// A file that grows. After a failed call its end is unknown: write to another one.
pub trait AppendFile: Send {
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError>;

    /// Returns after everything appended is on the medium.
    fn sync(&mut self) -> Result<(), DiskError>;
}

pub trait ReadFile: Send + Sync {
    /// Fills `buffer` from `offset`; a file that ends before is an error.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError>;

    fn size(&self) -> Result<u64, DiskError>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_dir: bool,
    pub bytes: u64,
}
