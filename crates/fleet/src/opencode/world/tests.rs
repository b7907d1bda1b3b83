//! Recordings of real servers, replayed through the world on a virtual clock.

#![allow(clippy::unwrap_used)]
#![expect(clippy::disallowed_methods, reason = "recordings are files outside of the project")]

mod every;
mod exact;
mod replay;
mod since;
mod synthetic;
