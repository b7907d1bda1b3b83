//! Copies of a data directory: taken, verified, restored.
//!
//! [`take`] needs neither the lock nor the help of a running store; the order in which it
//! goes is what makes the copy consistent (`snapshot`). [`seal`] writes the [`Manifest`],
//! last of all: a directory without one is no backup. [`verify`] holds files against it and
//! reads all of them, [`restore`] copies them into an empty directory. The format is in
//! docs/formats/backup.md.
//!
//! What else the directory of a backup holds (the control plane's database) is sealed,
//! verified and restored with it.

mod manifest;
mod restore;
mod snapshot;
mod verify;

use std::path::PathBuf;

use disk::{DiskError, LockError};

use crate::inspect::InspectError;

pub use manifest::{About, Manifest, ManifestFile, seal};
pub(crate) use restore::is_half_restored;
pub use restore::restore;
pub use snapshot::take;
pub use verify::{Verified, verify};

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("`{0}` is not empty; nothing in it was touched")]
    NotEmpty(PathBuf),
    #[error("`{0}` is not a backup: it has no manifest")]
    NoManifest(PathBuf),
    #[error("the manifest of `{dir}` is not what was written: {reason}")]
    DamagedManifest { dir: PathBuf, reason: String },
    #[error("`{0}` was made by a newer version, in a format that this one does not know")]
    Newer(PathBuf),
    #[error("`{0}` is not what the manifest says; what was restored so far is worthless")]
    Changed(PathBuf),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
}
