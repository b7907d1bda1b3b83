//! The embedded store: samples and logs in files of this machine.
//!
//! [`Embedded`] is the entry point and implements [`storage::Store`]. A batch is written
//! to the WAL (`wal`) by one thread that syncs once for all that wait (`commit`), and is
//! then visible in the memtable. When that is large or old, each of its days becomes a
//! segment (`flush`, `segment`); segments of one day are merged when they become many
//! (`merge`), and whole days are dropped (`retention`). Readers (`select`, `search`) take
//! a snapshot (`shared`) and keep nobody waiting while they read files.
//!
//! This crate does not know how telemetry arrives, what it means, or how it is asked for.

mod batch;
mod catalogue;
mod commit;
mod encoding;
mod flush;
mod gather;
mod memtable;
mod merge;
mod retention;
mod search;
mod segment;
mod select;
mod settings;
mod shared;
mod store;
mod table;
mod wal;

pub use settings::{EmbeddedParts, EmbeddedSettings, OpenError};
pub use store::Embedded;
