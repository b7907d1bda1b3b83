//! Recordings of real servers, replayed through the world on a virtual clock.

#![allow(clippy::unwrap_used)]

mod every;
mod exact;
mod replay;
mod synthetic;
