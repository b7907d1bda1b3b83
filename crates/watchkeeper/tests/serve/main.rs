//! The real binary, started from outside in a fresh directory, on free ports.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "these tests are about the real world"
)]

mod backup;
mod crash;
mod errands;
mod opentelemetry;
mod peer;
mod program;
mod promtool;
mod remote_write;
mod scrape;
mod start;
mod stop;
