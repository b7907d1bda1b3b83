//! A folder of this machine.
//!
//! Written through [`Disk`], as all our files are: that makes a file durable under its name
//! or leaves it without one, and lets tests lie about it. `object_store` has a backend for
//! folders too, which does neither.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use disk::{AppendFile, Disk, DiskError, TEMPORARY};

use super::Target;
use crate::ArchiveError;
use crate::notes::blocking;
use crate::pipe::{Piece, Pieces};

#[derive(Debug)]
pub struct Folder {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Folder {
    pub fn new(disk: Arc<dyn Disk>, dir: impl Into<PathBuf>) -> Self {
        Self { disk, dir: dir.into() }
    }
}

#[async_trait]
impl Target for Folder {
    async fn has(&self, name: &str) -> Result<bool, ArchiveError> {
        let (disk, path) = (self.disk.clone(), self.dir.join(name));
        blocking(move || match disk.open(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    /// Each piece by itself, so that nothing goes on when nobody waits any more. What is
    /// left of an attempt that ended has a temporary name, and is replaced by the next.
    async fn put(&self, name: &str, first: Bytes, mut rest: Pieces) -> Result<u64, ArchiveError> {
        let path = self.dir.join(name);
        let mut temporary = path.clone().into_os_string();
        temporary.push(TEMPORARY);
        let temporary = PathBuf::from(temporary);
        let mut writing = self.begin(&temporary).await?;
        let mut next = Piece::Bytes(first);
        while let Piece::Bytes(bytes) = next {
            writing = writing.append(bytes).await?;
            next = rest.recv().await.ok_or(ArchiveError::Unfinished)?;
        }
        let (disk, sent) = (self.disk.clone(), writing.bytes);
        let found = blocking(move || finish(&*disk, writing.file, &temporary, &path)).await?;
        if found == sent {
            Ok(sent)
        } else {
            Err(ArchiveError::NotWhole { name: name.to_owned(), sent, found })
        }
    }
}

impl Folder {
    async fn begin(&self, temporary: &Path) -> Result<Writing, ArchiveError> {
        let (disk, temporary) = (self.disk.clone(), temporary.to_owned());
        blocking(move || {
            disk.create_dir(temporary.parent().unwrap_or(Path::new(".")))?;
            Ok(Writing { file: disk.create(&temporary)?, bytes: 0 })
        })
        .await
    }
}

struct Writing {
    file: Box<dyn AppendFile>,
    bytes: u64,
}

impl Writing {
    async fn append(mut self, bytes: Bytes) -> Result<Self, ArchiveError> {
        blocking(move || {
            self.file.append(&bytes)?;
            self.bytes += bytes.len() as u64;
            Ok(self)
        })
        .await
    }
}

/// Returns how large the file is, as the disk says.
fn finish(
    disk: &dyn Disk,
    mut file: Box<dyn AppendFile>,
    temporary: &Path,
    path: &Path,
) -> Result<u64, DiskError> {
    file.sync()?;
    let found = disk.open(temporary)?.size()?;
    disk.rename(temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    Ok(found)
}
