//! The embedded store from outside: what it promises, and what it survives.

#![allow(clippy::unwrap_used)]

mod contract;
mod copies;
mod crash;
mod damage;
mod faults;
mod full;
mod golden;
mod kill;
mod ledger;
mod lives;
mod model_test;
mod refusals;
mod rollups;
mod seeds;
mod stand;
mod symptoms;
mod upkeep;
