//! PromQL: text to a [`Query`], a query and a store to an [`Answer`].
//!
//! [`parse`] reads the text and keeps a lowered expression. [`Engine`] works in three
//! steps: `plan` finds which samples the expression needs, each selector is read from the
//! [`storage::SampleReader`] once, and `eval` computes every step of the answer from those
//! samples in memory, node by node.
//!
//! Semantics are those of Prometheus 3 with delayed removal of metric names. Samples are
//! floats or native histograms. This crate has never heard of files or HTTP.

mod engine;
mod error;
mod eval;
mod functions;
mod histogram;
pub mod notation;
mod notes;
mod parse;
mod plan;
mod sums;
mod value;

pub use engine::{Engine, EngineSettings, QueryOptions, Statistics};
pub use error::{EvalError, ParseError};
pub use histogram::{ShownBucket, buckets};
pub use parse::{Query, format, parse, syntax_tree};
pub use value::{Answer, Value, format_value, write_digits};
