//! The front door: turns what is seen into batches and hands them to the store.
//!
//! [`host`] samples this machine and this process; [`scrape`] asks exporters, whose pages
//! [`exposition`] reads; [`remote_write`] reads what a Prometheus sends, [`otlp`] what
//! OpenTelemetry's clients do, agents among them. What sources say of their metrics is kept in [`metadata`].
//!
//! A batch of this host that the store cannot take now waits in a bounded backlog and is sent
//! again. A scrape is not: the next one is newer. What has to be dropped is counted by name.
//!
//! This crate does not judge: thresholds, alerts and agents are unknown to it.

mod backlog;
mod buckets;
pub mod exposition;
pub mod host;
pub mod metadata;
pub mod otlp;
pub mod remote_write;
pub mod scrape;
