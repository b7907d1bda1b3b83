//! Tests of rule files, as `promtool test rules` has them.
//!
//! `file` is what the operator wrote; [`run`] loads the input series into a store in
//! `memory`, evaluates the rules at every step as the engine would, and compares what they
//! yield with what is expected. The verdicts are those of promtool; every difference is told.

mod file;
mod memory;
mod run;

pub use file::{TestFile, parse};
pub use run::{Failure, run};
