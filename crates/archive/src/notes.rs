//! Which days are on their way to which files.
//!
//! A note is put down before a file is written and taken away after the day was dropped.
//! While it is there, another attempt at the day writes the same file again; a day without
//! one that has a file already is a day that was dropped and got late rows, and gets a
//! second file beside the first.

use std::path::PathBuf;
use std::sync::Arc;

use disk::{Disk, DiskError, read_all, write_atomically};
use model::Timestamp;
use storage::Signal;

use crate::ArchiveError;

#[derive(Clone, Debug)]
pub struct Notes {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Notes {
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self { disk, dir }
    }

    /// The name of the file that the day is on its way to.
    pub async fn read(&self, signal: Signal, day: Timestamp) -> Result<Option<String>, ArchiveError> {
        let (disk, path) = (self.disk.clone(), self.path(signal, day));
        blocking(move || match read_all(&*disk, &path) {
            Ok(name) => Ok(Some(String::from_utf8_lossy(&name).into_owned())),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    pub async fn put(&self, signal: Signal, day: Timestamp, name: &str) -> Result<(), ArchiveError> {
        let (disk, dir, path) = (self.disk.clone(), self.dir.clone(), self.path(signal, day));
        let name = name.to_owned();
        blocking(move || {
            disk.create_dir(&dir)?;
            write_atomically(&*disk, &path, name.as_bytes())
        })
        .await
    }

    pub async fn remove(&self, signal: Signal, day: Timestamp) -> Result<(), ArchiveError> {
        let (disk, dir, path) = (self.disk.clone(), self.dir.clone(), self.path(signal, day));
        blocking(move || {
            disk.remove(&path)?;
            disk.sync_dir(&dir)
        })
        .await
    }

    /// Takes away the notes of days that are not among `days`: they were dropped, and only
    /// their notes were not taken away any more.
    pub async fn keep_only(&self, days: &[(Signal, Timestamp)]) -> Result<(), ArchiveError> {
        let (disk, dir) = (self.disk.clone(), self.dir.clone());
        let kept: Vec<String> = days.iter().map(|(signal, day)| note_name(*signal, *day)).collect();
        blocking(move || {
            let entries = match disk.list(&dir) {
                Ok(entries) => entries,
                Err(error) if error.is_missing() => return Ok(()),
                Err(error) => return Err(error),
            };
            let gone = entries.iter().filter(|entry| !kept.contains(&entry.name));
            gone.map(|entry| &entry.name).try_for_each(|name| disk.remove(&dir.join(name)))
        })
        .await
    }

    fn path(&self, signal: Signal, day: Timestamp) -> PathBuf {
        self.dir.join(note_name(signal, day))
    }
}

fn note_name(signal: Signal, day: Timestamp) -> String {
    format!("{}-{}", signal.as_str(), day_name(day))
}

/// `2026-11-23`.
pub fn day_name(day: Timestamp) -> String {
    day.to_rfc3339()[..10].to_owned()
}

/// Work with files, on a thread that may block.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DiskError> + Send + 'static,
) -> Result<T, ArchiveError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| ArchiveError::Panicked)??)
}
