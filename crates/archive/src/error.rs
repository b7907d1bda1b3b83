//! Why a day could not be archived. It is kept, and tried again.

use disk::DiskError;
use storage::{DayError, UpkeepError};

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("failed to read the rows of the day")]
    Read(#[source] DayError),
    #[error("failed to write the archive")]
    Disk(#[from] DiskError),
    #[error("failed to {what} in the bucket")]
    S3 {
        what: &'static str,
        #[source]
        source: object_store::Error,
    },
    #[error("the client for S3 could not be made")]
    Client(#[source] object_store::Error),
    #[error("`{name}` was written with {sent} bytes and is there with {found}")]
    NotWhole { name: String, sent: u64, found: u64 },
    #[error("`{name}` is not the file that was written: its etag is another one")]
    NotOurs { name: String },
    #[error("the rows ended before the day did")]
    Unfinished,
    #[error("failed to drop the archived day")]
    Drop(#[source] UpkeepError),
    #[error("a thread of the archive has panicked")]
    Panicked,
}

impl ArchiveError {
    /// Whether the next day would meet the same.
    pub fn is_of_target(&self) -> bool {
        !matches!(self, ArchiveError::Read(_) | ArchiveError::Unfinished)
    }
}
