//! What a disk could not do, and with which file.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[error("failed to {what} `{path}`")]
pub struct DiskError {
    pub what: &'static str,
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl DiskError {
    pub fn new(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self { what, path: path.to_owned(), source }
    }

    /// No room: trying again later can succeed.
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// The medium could not give back what it was given, as opposed to a lack of
    /// permission or of descriptors, which says nothing about the file.
    pub fn is_medium_fault(&self) -> bool {
        let is_short = self.source.kind() == io::ErrorKind::UnexpectedEof;
        is_short || self.source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
    }
}
