//! The front door: turns what is seen into batches and hands them to the store.
//!
//! [`host`] samples this machine and this process. A batch that the store cannot take now
//! waits in a bounded backlog and is sent again; what has to be dropped is counted by name.
//!
//! This crate does not judge: thresholds, alerts and agents are unknown to it.

mod backlog;
pub mod exposition;
pub mod host;
pub mod metadata;
