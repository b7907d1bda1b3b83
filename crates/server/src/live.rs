//! The live stream: every change, to every page that is open.
//!
//! [`Hub`] numbers the changes, keeps the newest in a bounded ring and hands each to all
//! clients. [`run`] listens to the engines and fills the hub. [`client`] is one connection:
//! it resumes after `Last-Event-ID` from the ring, or begins with a snapshot.

mod client;
mod feed;
mod hub;
mod snapshot;

pub(crate) use client::open;
pub(crate) use feed::run;
pub(crate) use hub::Hub;
