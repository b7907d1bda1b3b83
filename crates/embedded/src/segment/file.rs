//! A segment that exists.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, ReadFile, frame};
use model::TimeRange;
use parking_lot::Mutex;

use super::cache::IndexCache;
use super::footer::Footer;
use super::index::{BlockEntry, Index};
use super::{BlockRow, SALT};
use crate::encoding::{Corrupt, unpack};

#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    #[error(transparent)]
    Disk(DiskError),
    #[error(transparent)]
    Corrupt(Corrupt),
    #[error("the segment has format version {0}, which this program does not know")]
    Version(u32),
}

impl SegmentError {
    /// The file will not become readable by waiting.
    pub fn is_damage(&self) -> bool {
        match self {
            SegmentError::Disk(error) => error.is_medium_fault(),
            SegmentError::Corrupt(_) => true,
            SegmentError::Version(_) => false,
        }
    }
}

/// What becomes of the file when nobody reads it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stays,
    /// Its rows are in another segment now.
    IsRemoved,
    /// Its day was dropped; whoever removed the folder sees to the file.
    IsGone,
}

pub struct Segment {
    disk: Arc<dyn Disk>,
    pub path: PathBuf,
    pub number: u64,
    pub footer: Footer,
    pub file_bytes: u64,
    /// Where the file goes instead of being removed, if some of it could not be read.
    quarantine: PathBuf,
    fate: Mutex<Fate>,
    /// Offsets of blocks that could not be read; each was reported once.
    damaged: Mutex<BTreeSet<u64>>,
}

impl Segment {
    pub fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        number: u64,
        quarantine: PathBuf,
    ) -> Result<Self, SegmentError> {
        let (footer, file_bytes) = Footer::read(&*disk.open(path)?)?;
        Ok(Self {
            disk,
            path: path.to_owned(),
            number,
            footer,
            file_bytes,
            quarantine,
            fate: Mutex::new(Fate::Stays),
            damaged: Mutex::default(),
        })
    }

    pub fn times(&self) -> TimeRange {
        TimeRange::new(self.footer.first_at, self.footer.last_at)
    }

    pub fn decide(&self, fate: Fate) {
        *self.fate.lock() = fate;
    }

    pub fn is_gone(&self) -> bool {
        *self.fate.lock() == Fate::IsGone
    }

    pub fn is_damaged(&self) -> bool {
        !self.damaged.lock().is_empty()
    }

    pub fn quarantine_path(&self) -> &Path {
        &self.quarantine
    }

    pub fn open_file(&self) -> Result<Box<dyn ReadFile>, SegmentError> {
        Ok(self.disk.open(&self.path)?)
    }

    pub fn index(&self, file: &dyn ReadFile, cache: &IndexCache) -> Result<Arc<Index>, SegmentError> {
        if let Some(index) = cache.get(self.number) {
            return Ok(index);
        }
        let raw = read_frame(file, self.footer.index_offset, self.footer.index_bytes, "a segment's index")?;
        let index = Arc::new(Index::decode(&raw)?);
        cache.put(self.number, index.clone());
        Ok(index)
    }

    /// The rows of one block. Of a block that cannot be read there are none: that is
    /// reported once and counted, and the file goes to quarantine when it is replaced.
    pub fn block<R: BlockRow>(
        &self,
        file: &dyn ReadFile,
        block: &BlockEntry,
    ) -> Result<Option<Vec<R>>, SegmentError> {
        let rows = (block.rows.end - block.rows.start) as usize;
        let read = || -> Result<Vec<R>, SegmentError> {
            let raw = read_frame(file, block.offset, block.bytes, "a block")?;
            Ok(R::decode(&raw, rows)?)
        };
        match read() {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if error.is_damage() => {
                self.report_damage(block, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn report_damage(&self, block: &BlockEntry, error: &SegmentError) {
        if self.damaged.lock().insert(block.offset) {
            let (segment, offset) = (self.path.display(), block.offset);
            tracing::error!(%segment, offset, %error, "a block is damaged; queries go on without it");
            metrics::counter!("watchkeeper_store_damaged_total", "what" => "block").increment(1);
        }
    }
}

fn read_frame(
    file: &dyn ReadFile,
    offset: u64,
    bytes: u64,
    what: &'static str,
) -> Result<Vec<u8>, SegmentError> {
    let longest = (frame::PAYLOAD_BYTES_MAX + frame::HEADER_BYTES) as u64;
    if bytes > longest {
        return Err(Corrupt(what).into());
    }
    let mut framed = vec![0; bytes as usize];
    file.read_at(offset, &mut framed)?;
    let payload = frame::read(&framed, SALT).map_err(|_| Corrupt(what))?;
    Ok(unpack(payload, what)?)
}

impl Drop for Segment {
    fn drop(&mut self) {
        if *self.fate.lock() != Fate::IsRemoved {
            return;
        }
        let removed = if self.is_damaged() {
            self.disk.rename(&self.path, &self.quarantine)
        } else {
            self.disk.remove(&self.path)
        };
        // The next opening finds it and tries again.
        if let Err(error) = removed {
            tracing::warn!(%error, "a merged segment could not be removed");
        }
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({})", self.path.display())
    }
}
