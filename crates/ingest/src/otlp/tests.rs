//! Requests as senders make them, and what is in the store afterwards.

#![allow(clippy::unwrap_used)]

mod noise;
mod points;
mod recordings;
mod records;
mod secrets;
mod stand;
