//! The write-ahead log: what was acknowledged and is in no segment yet.
//!
//! [`WalWriter`] appends batches to the newest file and makes them durable; [`replay`]
//! reads all files when the store is opened. The bytes are drawn in docs/formats/wal.md.

mod format;
mod replay;
mod writer;

pub use format::file_number;
pub use replay::{Replayed, WalError, replay};
pub use writer::{WalWriter, encode_record};
