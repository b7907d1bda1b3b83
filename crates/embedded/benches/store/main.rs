//! What the store does with the telemetry of a fleet, measured in-process.
//!
//! One run asks one [`Question`]: how samples, log records or spans are appended and read
//! again, or how long the replay of a WAL takes. The store works on a real directory below
//! the target folder, behind the traits of `storage`; requests come as a receiver hands them
//! over, several at a time. Processor time is the whole process', with flushes and merges
//! in the background, less what the making of the requests took. Figures depend on the
//! machine; compare runs on the same one. `cargo xtask bench store` builds and starts it.
#![allow(clippy::print_stdout, reason = "printing figures is what it is for")]
#![allow(clippy::disallowed_methods, reason = "it measures real time with real files and tasks")]

mod arguments;
mod events;
mod freshness;
mod ingest;
mod logs;
mod process;
mod replay;
mod report;
mod rollups;
mod samples;
mod selects;
mod spans;
mod stand;
mod timing;

use clap::Parser;

use crate::arguments::{Arguments, Question};

/// The allocator of the binary that the store is part of: memory is one of the figures.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match &arguments.question {
        Question::Samples => samples::measure(&arguments).await,
        Question::Rollups => rollups::measure(&arguments).await,
        Question::Logs => logs::measure(&arguments).await,
        Question::Spans => spans::measure(&arguments).await,
        Question::Replay => replay::measure(&arguments).await,
        Question::Open => replay::open(&arguments).await,
    }
}
