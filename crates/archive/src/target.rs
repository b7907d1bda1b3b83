//! Where files go.

mod folder;
mod s3;

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

pub use folder::Folder;
pub use s3::S3;

use crate::ArchiveError;
use crate::pipe::Pieces;

#[async_trait]
pub trait Target: Send + Sync + Debug {
    /// Whether a whole file of this name is there.
    async fn has(&self, name: &str) -> Result<bool, ArchiveError>;

    /// Stores a file under a name such as `logs/2026-11-23.parquet`: wholly, in the place of
    /// one that is there, or not at all. Returns when it is durable, with its size.
    async fn put(&self, name: &str, first: Bytes, rest: Pieces) -> Result<u64, ArchiveError>;
}
