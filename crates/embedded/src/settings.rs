//! What the store is told, what it is given, and why it may not open.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use disk::{Disk, DiskError, LockError};
use runtime::SharedClock;

use crate::segment::SegmentError;
use crate::wal::WalError;

#[derive(Clone, Debug)]
pub struct EmbeddedSettings {
    pub dir: PathBuf,
    /// The memtable is written out when it is larger.
    pub flush_bytes: usize,
    /// The memtable is written out when its oldest row has waited longer.
    pub flush_age: Duration,
    /// With less room than this left on the disk, nothing is accepted.
    pub disk_reserve_bytes: u64,
}

impl EmbeddedSettings {
    /// The defaults: 32 MiB keep the process small; two hours bound the time of replay;
    /// 256 MiB are room enough for a flush and a merge to finish when the disk fills up.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            flush_bytes: 32 << 20,
            flush_age: Duration::from_secs(2 * 60 * 60),
            disk_reserve_bytes: 256 << 20,
        }
    }

    /// When flushing fails, the memtable may grow to this before batches are refused.
    pub(crate) fn memtable_bytes_max(&self) -> usize {
        self.flush_bytes.saturating_mul(4)
    }
}

#[derive(Clone, Debug)]
pub struct EmbeddedParts {
    pub disk: Arc<dyn Disk>,
    pub clock: SharedClock,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("failed to open the segment `{path}`")]
    Segment {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("`{path}` was written by a newer version (format {version})")]
    Version { path: PathBuf, version: u32 },
    #[error("`{0}` was written by a version that this program does not know")]
    WalVersion(PathBuf),
    #[error("failed to start the thread that writes the WAL")]
    Thread(#[source] std::io::Error),
}

impl From<WalError> for OpenError {
    fn from(error: WalError) -> Self {
        match error {
            WalError::Disk(error) => OpenError::Disk(error),
            WalError::Version(path) => OpenError::WalVersion(path),
        }
    }
}

impl OpenError {
    pub(crate) fn segment(path: PathBuf, error: SegmentError) -> Self {
        match error {
            SegmentError::Version(version) => OpenError::Version { path, version },
            source => OpenError::Segment { path, source: Box::new(source) },
        }
    }
}
