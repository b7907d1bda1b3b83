//! The embedded store from outside: what it promises, and what it survives.

#![allow(clippy::unwrap_used)]

mod backup;
mod busy;
mod contract;
mod copies;
mod crash;
mod damage;
mod faults;
mod full;
mod golden;
mod inspect;
mod kill;
mod ledger;
mod lives;
mod metrics;
mod model_test;
mod mutations;
mod refusals;
mod restore;
mod rollups;
mod seeds;
mod slow;
mod stand;
mod symptoms;
mod upkeep;
