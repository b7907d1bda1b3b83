//! Measures the running binary from outside, as its users meet it.
//!
//! Starts `watchkeeper serve` in a fresh directory beside a stand of an OpenCode server and
//! of a webhook receiver, and prints: start to first answer, memory and processor time at
//! rest, latency of each endpoint of the contract, and how long after a change of an agent's
//! state the webhook arrives. `metrics` compares it with its peers instead. Figures depend on the machine; compare runs on the same one.
#![allow(clippy::print_stdout, reason = "printing figures is what it is for")]
#![allow(clippy::disallowed_methods, reason = "it measures real time with real files and tasks")]

mod endpoints;
mod metrics;
mod news;
mod process;
mod rest;
mod stands;
mod watchkeeper;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::stands::{OpenCodeStand, WebhookStand};
use crate::watchkeeper::Watchkeeper;

#[derive(Debug, Parser)]
struct Arguments {
    /// The release binary.
    #[arg(long, default_value = "target/release/watchkeeper")]
    binary: PathBuf,
    /// Requests to each endpoint and number of connections.
    #[arg(long, default_value_t = 2_000)]
    requests: usize,
    /// Changes of state whose news are timed.
    #[arg(long, default_value_t = 40)]
    changes: usize,
    /// How long it is watched at rest.
    #[arg(long, default_value_t = 30)]
    rest_seconds: u64,
    #[command(subcommand)]
    subject: Option<Subject>,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Remote write and PromQL, beside Prometheus and VictoriaMetrics where they are installed
    Metrics(metrics::Arguments),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Subject::Metrics(subject)) = &arguments.subject {
        return metrics::run(arguments.binary, subject).await;
    }
    let directory = tempfile::tempdir()?;
    let opencode = OpenCodeStand::start(arguments.changes).await?;
    let webhook = WebhookStand::start().await?;

    rest::print_starts(&arguments.binary).await?;
    let watchkeeper =
        Watchkeeper::start(&arguments.binary, directory.path(), &opencode.url, &webhook.url).await?;
    rest::print_rest(&watchkeeper, Duration::from_secs(arguments.rest_seconds)).await?;
    endpoints::print(&watchkeeper, arguments.requests).await?;
    news::print(&opencode, &webhook, arguments.changes).await?;
    rest::print_memory(&watchkeeper, "after the run")?;
    watchkeeper.stop().await
}
