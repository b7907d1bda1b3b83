//! Files that never change once they have their name: segments and parts of the index.
//!
//! [`FileWriter`] writes one from top to bottom under a temporary name; [`StoredFile`] is
//! one that exists, and sees to its own end when nobody reads it any more. Everything in
//! them is in checksummed frames; the [`Footer`] says what the file is. The bytes are
//! drawn in docs/formats/segment.md.

mod cache;
mod footer;
mod stored;
mod writer;

use columns::Corrupt;
use disk::DiskError;

pub use cache::Cache;
#[cfg(feature = "fuzzing")]
pub use footer::{FOOTER_BYTES, HEAD};
pub use footer::{Footer, Kind};
pub use stored::{Fate, Place, StoredFile};
pub use writer::{FileWriter, Span};

/// The checksums of frames in these files need no secret: frames are found by the footer
/// and the directory, and never searched for.
const SALT: u32 = 0;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    #[error("the file has format version {0}, which this program does not know")]
    Version(u32),
}

impl FileError {
    /// The file will not become readable by waiting.
    pub fn is_damage(&self) -> bool {
        match self {
            FileError::Disk(error) => error.is_medium_fault(),
            FileError::Corrupt(_) => true,
            FileError::Version(_) => false,
        }
    }
}
