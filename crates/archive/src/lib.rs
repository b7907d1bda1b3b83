//! The archive: days on their way out of the store, as Parquet files for others to read.
//!
//! [`Archive`] retains in the place of the store: it asks for the plan, makes one file of
//! each signal and day that goes (`day_file`), and has the store drop the day when the file
//! is whole at its [`Target`] (a folder or a bucket in S3). Rows flow through a short pipe
//! from the thread that reads them to the target, so memory holds a part of a day. A note
//! on our own disk (`notes`) says which file a day is on its way to, so that a repeated
//! attempt replaces its own file and never an older one.
//!
//! This crate does not know where rows come from or how long they are kept.

mod archive;
mod condition;
mod day_file;
mod error;
mod notes;
mod pipe;
mod settings;
mod target;

pub use archive::{Archive, ArchiveParts};
pub use error::ArchiveError;
pub use pipe::{Piece, Pieces};
pub use settings::{Place, S3Settings};
pub use target::{Folder, S3, Target};
