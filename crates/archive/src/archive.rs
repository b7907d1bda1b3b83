//! Retention that drops no day before it is archived.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use disk::Disk;
use model::Timestamp;
use storage::{DayError, DroppedDay, Retention, RetentionPlan, Signal, Store, UpkeepError};

use crate::condition::Condition;
use crate::day_file::DayFile;
use crate::notes::{Notes, day_name};
use crate::pipe::{Piece, Pieces, pipe};
use crate::target::Target;
use crate::{ArchiveError, Folder, Place, S3};

/// More files than this of one day are not made; a day gets a second one only when rows
/// came after it was dropped.
const FILES_MAX: u32 = 1000;

#[derive(Debug)]
pub struct Archive {
    target: Arc<dyn Target>,
    notes: Notes,
    condition: Condition,
    is_behind: AtomicBool,
}

#[derive(Clone, Debug)]
pub struct ArchiveParts {
    pub disk: Arc<dyn Disk>,
    /// A folder for notes that nobody else uses.
    pub notes: PathBuf,
}

impl Archive {
    pub fn new(place: &Place, parts: ArchiveParts) -> Result<Self, ArchiveError> {
        let target: Arc<dyn Target> = match place {
            Place::Folder(dir) => Arc::new(Folder::new(parts.disk.clone(), dir)),
            Place::S3(settings) => Arc::new(S3::new(settings)?),
        };
        Ok(Self::with_target(target, parts))
    }

    pub fn with_target(target: Arc<dyn Target>, parts: ArchiveParts) -> Self {
        let notes = Notes::new(parts.disk, parts.notes);
        Self { target, notes, condition: Condition::default(), is_behind: AtomicBool::new(false) }
    }

    /// Whether days that should have gone were kept at the last time.
    pub fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// As [`storage::Upkeep::retain`], but a day only goes once it is archived as it is.
    /// Returns what went. Days that could not be archived are kept for the next time.
    ///
    /// Streams that a rule takes out of days that stay are not archived.
    pub async fn retain(
        &self,
        store: &dyn Store,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<RetentionPlan, UpkeepError> {
        let mut done = RetentionPlan::default();
        if !retention.rules.is_empty() {
            let rules = Retention { rules: retention.rules.clone(), ..Retention::default() };
            done.thinned = store.retain(&rules, now).await?.thinned;
        }
        let whole_days = Retention { rules: Vec::new(), ..retention.clone() };
        let planned = store.plan_retention(&whole_days, now).await?.days;
        if let Err(error) = self.forget_stale_notes(store, now).await {
            tracing::warn!(%error, "notes of archived days could not be tidied");
        }
        for day in &planned {
            match self.archive_and_drop(store, day).await {
                Ok(dropped) => done.days.extend(dropped),
                Err(error) => {
                    self.condition.failed(day.signal.as_str(), &day_name(day.day), &error);
                    if error.is_of_target() {
                        break;
                    }
                }
            }
        }
        let waiting = planned.len() - done.days.len();
        metrics::gauge!("watchkeeper_archive_waiting_days").set(waiting as f64);
        self.is_behind.store(waiting > 0, Ordering::Relaxed);
        if waiting == 0 {
            self.condition.works();
        }
        Ok(done)
    }

    /// Nothing is dropped when rows came while the file was written: the next attempt
    /// writes it again with them.
    async fn archive_and_drop(
        &self,
        store: &dyn Store,
        day: &DroppedDay,
    ) -> Result<Option<DroppedDay>, ArchiveError> {
        let name = self.name_of(day).await?;
        self.archive(store, day, &name).await?;
        let dropped = store.drop_days(std::slice::from_ref(day)).await.map_err(ArchiveError::Drop)?.pop();
        if dropped.is_some() {
            self.notes.remove(day.signal, day.day).await?;
        }
        Ok(dropped)
    }

    /// The file that the day is on its way to: the one in its note, or a new one.
    async fn name_of(&self, day: &DroppedDay) -> Result<String, ArchiveError> {
        if let Some(name) = self.notes.read(day.signal, day.day).await? {
            return Ok(name);
        }
        let mut name = file_name(day, 1);
        for number in 2..=FILES_MAX {
            if !self.target.has(&name).await? {
                break;
            }
            name = file_name(day, number);
        }
        self.notes.put(day.signal, day.day, &name).await?;
        Ok(name)
    }

    /// Reads, encodes and stores at the same time. A day without rows gets no file.
    async fn archive(&self, store: &dyn Store, day: &DroppedDay, name: &str) -> Result<(), ArchiveError> {
        let (pipe, pieces) = pipe();
        let file = DayFile::new(day.signal, day.day, pipe)
            .map_err(|error| ArchiveError::Read(DayError::Sink(Box::new(error))))?;
        let (read, stored) =
            tokio::join!(store.read_day(day.signal, day.day, Box::new(file)), self.store(name, pieces));
        // When storing fails, reading ends because nobody takes the rows; when reading fails,
        // storing ends because the rows do.
        let bytes = match (read, stored) {
            (Err(error), Ok(_) | Err(ArchiveError::Unfinished)) => return Err(ArchiveError::Read(error)),
            (_, stored) => stored?,
        };
        if let Some(bytes) = bytes {
            count(day.signal, bytes);
            tracing::info!(signal = day.signal.as_str(), file = name, bytes, "archived a day");
        }
        Ok(())
    }

    async fn store(&self, name: &str, mut pieces: Pieces) -> Result<Option<u64>, ArchiveError> {
        match pieces.recv().await.ok_or(ArchiveError::Unfinished)? {
            Piece::Bytes(first) => self.target.put(name, first, pieces).await.map(Some),
            Piece::End => Ok(None),
        }
    }

    /// A crash between the drop of a day and the end of its note leaves the note.
    async fn forget_stale_notes(&self, store: &dyn Store, now: Timestamp) -> Result<(), ArchiveError> {
        let all = Retention {
            ages: Signal::ALL.map(|signal| (signal, Duration::ZERO)).to_vec(),
            ..Retention::default()
        };
        let past = store.plan_retention(&all, now).await.map_err(ArchiveError::Drop)?.days;
        let days: Vec<(Signal, Timestamp)> = past.iter().map(|day| (day.signal, day.day)).collect();
        self.notes.keep_only(&days).await
    }
}

/// `logs/2026-11-23.parquet`, and `logs/2026-11-23.2.parquet` beside it.
fn file_name(day: &DroppedDay, number: u32) -> String {
    let (signal, date) = (day.signal.as_str(), day_name(day.day));
    match number {
        1 => format!("{signal}/{date}.parquet"),
        _ => format!("{signal}/{date}.{number}.parquet"),
    }
}

fn count(signal: Signal, bytes: u64) {
    metrics::counter!("watchkeeper_archive_days_total", "signal" => signal.as_str()).increment(1);
    metrics::counter!("watchkeeper_archive_bytes_total", "signal" => signal.as_str()).increment(bytes);
}
