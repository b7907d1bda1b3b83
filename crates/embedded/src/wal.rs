//! The write-ahead log: acknowledged batches that are in no segment yet.
//!
//! [`WalWriter`] appends groups of batches to the newest file and makes them durable;
//! [`replay`] reads all files when the store is opened. The bytes are drawn in
//! docs/formats/wal.md.

mod events;
mod format;
mod metrics;
mod record;
mod replay;
mod writer;

pub use events::{put_attributes, read_attributes};
#[cfg(feature = "fuzzing")]
pub use format::{HEADER_BYTES, header};
pub use format::{file_name, file_number};

pub use replay::{Replayed, WalError, replay};
pub use writer::WalWriter;
