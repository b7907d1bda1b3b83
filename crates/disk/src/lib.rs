//! Durable file mechanisms without a domain.
//!
//! [`Disk`] is the one way to files: [`RealDisk`] is the machine's, `sim::SimDisk`
//! (feature `sim`) forgets, tears and lies like a real one on a bad day. [`frame`] wraps
//! payloads so that damage is noticed and says where; [`write_atomically`] replaces a
//! file wholly or not at all; [`DirLock`] lets one process own a directory; an
//! [`UntouchedDisk`] is looked at by those who would otherwise tidy up.
//!
//! Everything is synchronous; asynchronous callers go through a blocking thread. Nothing
//! here knows what the bytes mean.

#![expect(clippy::disallowed_methods, reason = "this is the crate through which all others reach files")]

mod atomic;
mod copy;
mod error;
mod files;
pub mod frame;
mod lock;
mod real;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod untouched;

pub use atomic::{TEMPORARY, read_all, read_twice, write_atomically};
pub use copy::{copy, link_or_copy, read_pieces};
pub use error::DiskError;
pub use files::{AppendFile, Disk, Entry, ReadFile};
pub use lock::{DirLock, LOCK_FILE, LockError};
pub use real::RealDisk;
pub use untouched::UntouchedDisk;
