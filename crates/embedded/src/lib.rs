//! The embedded store: metrics, logs and spans in files of this machine.
//!
//! [`Embedded`] is the entry point and implements [`storage::Store`]. A batch gets dense
//! numbers for its streams (`intake`), is written to the WAL (`wal`) by one thread that
//! syncs once for all that wait (`commit`), and is then visible in the memtable
//! (`memtable`). When that is large or old, each of its days becomes a segment and the
//! labels of new streams a part of the day's index (`flush`, `segment`, `labels`, both kept
//! in `files`). Segments of one day are merged when they become many (`merge`), samples of
//! days that are over are rolled up (`rollup`), whole days are dropped (`retention`), rows
//! are hidden and then left out (`erasure`). Readers (`query`) take a snapshot (`shared`)
//! and keep nobody waiting while they read files; a free core helps them to decode pages
//! (`parallel`). What differs between the tables is in `rows`.
//!
//! Beside the store, and without its lock: [`backup`] takes, verifies and restores copies of
//! its directory, [`inspect`] says what is in it and whether all of that can be read.
//!
//! This crate does not know how telemetry arrives, what it means, or how it is asked for.

pub mod backup;
mod batch;
mod catalogue;
mod clock_judge;
mod commit;
mod erasure;
mod files;
mod flush;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod inspect;
mod intake;
mod labels;
mod memtable;
mod merge;
mod parallel;
mod query;
mod retention;
mod rollup;
mod rows;
mod segment;
mod settings;
mod shared;
mod store;
mod table;
mod wal;

pub use intake::Limits;
pub use settings::{EmbeddedParts, EmbeddedSettings, OpenError};
pub use store::Embedded;
