//! What the store is told, what it is given, and why it may not open.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use disk::{Disk, DiskError, LockError};
use runtime::SharedClock;
use storage::Resolution;

use crate::files::FileError;
use crate::intake::Limits;
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
    /// Decoded labels and directories that are kept for the next query.
    pub cache_bytes: usize,
    /// A batch that is not durable after this long is answered with an error.
    pub append_timeout: Duration,
    /// What merges write at most, on average, while nothing waits for them.
    pub merge_bytes_per_second: u64,
    /// When the clock is further ahead of what it should show, days are not dropped for
    /// their age until it has stayed there for a day.
    pub clock_jump_max: Duration,
    pub limits: Limits,
    /// In which outlines samples of days that are over are kept beside them.
    pub rollups: Vec<Resolution>,
}

impl EmbeddedSettings {
    /// The defaults: 48 MiB keep the process small; two hours bound the time of replay;
    /// 256 MiB are room enough for a flush and a merge to finish when the disk fills up. Of
    /// samples that come every 30 seconds, buckets of an hour take a quarter of the bytes
    /// of the samples, buckets of five minutes as many as they. Ten seconds are as long as
    /// OpenTelemetry's exporters wait. 192 MiB hold the directories of a day with half a
    /// million series; with fewer, little of it is used. 64 MiB/s leave most of any disk to others. A clock
    /// that is set by hand or by a network is not two days off.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            flush_bytes: 48 << 20,
            flush_age: Duration::from_secs(2 * 60 * 60),
            disk_reserve_bytes: 256 << 20,
            cache_bytes: 192 << 20,
            append_timeout: Duration::from_secs(10),
            merge_bytes_per_second: 64 << 20,
            clock_jump_max: Duration::from_secs(2 * 24 * 60 * 60),
            limits: Limits::default(),
            rollups: vec![Resolution::OneHour],
        }
    }

    /// When flushing fails, the memtable may grow to this before everything is refused.
    pub(crate) fn memtable_bytes_max(&self) -> usize {
        self.flush_bytes.saturating_mul(3)
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
    #[error("failed to open `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "`{path}` has format version {version}, this program reads version 2; if it was written \
         before the first release, move the data directory away and start with a new one"
    )]
    Version { path: PathBuf, version: u32 },
    #[error("`{0}` was written by a version that this program does not know")]
    WalVersion(PathBuf),
    #[error("failed to read the labels of a day that the WAL has rows of")]
    Labels(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(
        "a backup was being restored into `{0}` and did not come to its end; empty the directory and restore \
         again"
    )]
    HalfRestored(PathBuf),
    #[error("failed to write out what was replayed")]
    Flush(#[source] storage::UpkeepError),
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

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        OpenError::Labels(Box::new(error))
    }
}

impl OpenError {
    pub(crate) fn file(path: PathBuf, error: FileError) -> Self {
        match error {
            FileError::Version(version) => OpenError::Version { path, version },
            source => OpenError::File { path, source: Box::new(source) },
        }
    }
}
