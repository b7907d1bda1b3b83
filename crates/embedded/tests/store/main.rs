//! The embedded store from outside: what it promises, and what it survives.

#![allow(clippy::unwrap_used)]

mod contract;
mod crash;
mod damage;
mod full;
mod golden;
mod kill;
mod model_test;
mod refusals;
mod rollups;
mod stand;
mod upkeep;
