//! The embedded store from outside: what it promises, and what it survives.

#![allow(clippy::unwrap_used)]

mod contract;
mod crash;
mod model_test;
mod stand;
