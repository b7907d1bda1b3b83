//! Samples over the wire: the same fleet remote-written into Watchkeeper and its peers, one
//! after another, and the same queries put to each.
//!
//! [`peers`] starts a server in a fresh directory, [`remote_write`] sends the workload,
//! [`queries`] names what is asked, [`answers`] compares what came back. Peers that are not
//! installed are left out.

mod answers;
mod peers;
mod queries;
mod remote_write;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::Durations;
use bench::workload::Fleet;
use clap::{Args, ValueEnum};

use crate::process;
use answers::Answer;
use peers::{Kind, Peer};
use queries::Query;
use remote_write::Sent;

#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(long, value_enum, default_value_t = Preset::Small)]
    preset: Preset,
    /// Which servers, in which order; those that are not installed are left out
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::ALL)]
    peers: Vec<Kind>,
    /// Requests that are under way at the same time
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Seconds at most for each query of each server
    #[arg(long, default_value_t = 4)]
    query_seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// 50 agents for an hour: 600,000 samples of 5,000 series
    Small,
    /// 500 agents for six hours: 36 M samples of 50,000 series
    Medium,
    /// 5,000 agents for an hour: 60 M samples of 500,000 series
    Large,
}

impl Preset {
    const fn agents_and_hours(self) -> (usize, usize) {
        match self {
            Preset::Small => (50, 1),
            Preset::Medium => (500, 6),
            Preset::Large => (5_000, 1),
        }
    }
}

const SCRAPES_PER_HOUR: usize = 120;
const REPETITIONS_MIN: usize = 3;
const REPETITIONS_MAX: usize = 100;

/// What one server did.
struct Measured {
    kind: Kind,
    sent: Sent,
    processor_seconds: f64,
    bytes: u64,
    memory: process::Memory,
    /// In the order of the queries.
    timed: Vec<(Durations, Answer)>,
}

pub async fn run(binary: PathBuf, arguments: &Arguments) -> anyhow::Result<()> {
    let (agents, hours) = arguments.preset.agents_and_hours();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let fleet = Fleet::ending_at(now.as_millis() as i64, agents, hours * SCRAPES_PER_HOUR);
    let queries = queries::all(fleet.end_ms / 1_000, agents, hours as i64);
    println!("{} samples of {} series in {hours} h\n", fleet.sample_count(), fleet.series_count());
    let mut measured = vec![];
    for kind in &arguments.peers {
        match peers::binary(*kind, &binary) {
            Some(binary) => measured.push(measure(*kind, binary, fleet, &queries, arguments).await?),
            None => println!("{} is not installed and left out", kind.name()),
        }
    }
    print_ingested(&measured, fleet.sample_count());
    print_queries(&measured, &queries);
    Ok(())
}

async fn measure(
    kind: Kind,
    binary: PathBuf,
    fleet: Fleet,
    queries: &[Query],
    arguments: &Arguments,
) -> anyhow::Result<Measured> {
    let failed = || format!("{} could not be measured", kind.name());
    let peer = Peer::start(kind, binary).await.with_context(failed)?;
    let before = process::processor_seconds(peer.pid)?;
    let sent = remote_write::send(&peer, fleet, arguments.connections).await.with_context(failed)?;
    peer.settle().await.with_context(failed)?;
    let processor_seconds = process::processor_seconds(peer.pid)? - before;
    verify(&peer, fleet).await.with_context(failed)?;
    let budget = Duration::from_secs(arguments.query_seconds);
    let mut timed = vec![];
    for query in queries {
        timed.push(time(&peer, query, budget).await.with_context(failed)?);
    }
    let (bytes, memory) = (process::disk_bytes(&peer.data)?, process::memory(peer.pid)?);
    peer.stop().await?;
    Ok(Measured { kind, sent, processor_seconds, bytes, memory, timed })
}

/// Everything that was acknowledged is there.
async fn verify(peer: &Peer, fleet: Fleet) -> anyhow::Result<()> {
    let (seconds, minutes) = (fleet.end_ms / 1_000, fleet.scrapes / 2 + 5);
    let count = Query::instant("", format!("sum(count_over_time(up[{minutes}m]))"), seconds);
    let answer = Answer::read(&peer.ask(&count).await?)?;
    let expected = (fleet.agents * fleet.scrapes) as f64;
    let found = answer.only_value();
    ensure!(found == Some(expected), "{found:?} samples of `up` are there, of {expected}");
    Ok(())
}

async fn time(peer: &Peer, query: &Query, budget: Duration) -> anyhow::Result<(Durations, Answer)> {
    let failed = || format!("`{}` failed", query.name);
    let answer = Answer::read(&peer.ask(query).await.with_context(failed)?).with_context(failed)?;
    let mut durations = Durations::default();
    let started = Instant::now();
    while durations.count() < REPETITIONS_MIN
        || (durations.count() < REPETITIONS_MAX && started.elapsed() < budget)
    {
        let asked = Instant::now();
        peer.ask(query).await.with_context(failed)?;
        durations.push(asked.elapsed());
    }
    Ok((durations, answer))
}

fn print_ingested(measured: &[Measured], samples: usize) {
    println!(
        "| remote write | samples per CPU second | per second of wall time | request p50, p99 ms | bytes a sample on disk | resident MB, peak |"
    );
    println!("|---|---|---|---|---|---|");
    for one in measured {
        let Sent { wall, requests, .. } = &one.sent;
        println!(
            "| {} | {:.0} | {:.0} | {:.1}, {:.1} | {:.2} | {:.0}, {:.0} |",
            one.kind.name(),
            samples as f64 / one.processor_seconds,
            samples as f64 / wall.as_secs_f64(),
            requests.quantile_ms(0.5),
            requests.quantile_ms(0.99),
            one.bytes as f64 / samples as f64,
            one.memory.now,
            one.memory.peak,
        );
    }
    println!();
}

fn print_queries(measured: &[Measured], queries: &[Query]) {
    let reference = measured.iter().find(|one| one.kind == Kind::Prometheus);
    let names: Vec<&str> = measured.iter().map(|one| one.kind.name()).collect();
    println!("| query, median and p99 ms | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for (place, query) in queries.iter().enumerate() {
        let cells = measured.iter().map(|one| {
            let (durations, answer) = &one.timed[place];
            let differs = reference.and_then(|reference| reference.timed[place].1.difference(answer));
            let remark = differs.map_or_else(String::new, |difference| format!(" ≠ ({difference})"));
            format!("{:.2}, {:.2}{remark}", durations.quantile_ms(0.5), durations.quantile_ms(0.99))
        });
        println!("| {} | {} |", query.name, cells.collect::<Vec<_>>().join(" | "));
    }
}
