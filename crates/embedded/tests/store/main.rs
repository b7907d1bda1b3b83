//! The embedded store from outside: what it promises, and what it survives.

#![allow(clippy::unwrap_used)]

mod backup;
mod busy;
mod contract;
mod crash;
mod damage;
mod full;
mod golden;
mod inspect;
mod kill;
mod model_test;
mod refusals;
mod restore;
mod stand;
mod upkeep;
