//! The recovery against a scripted fleet, on a clock that obeys.
#![allow(clippy::unwrap_used)]

mod bound;
mod durable;
mod guards;
mod stories;
pub(crate) mod world;
