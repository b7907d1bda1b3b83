//! Samples of a fleet: appended as remote write brings them, then asked for.

use anyhow::ensure;
use bench::workload::{Agent, Fleet, SERIES_PER_AGENT, Shard};
use model::{Batch, LabelSet, Matcher, TimeRange, Timestamp};
use storage::{QueryLimits, SampleReader};

use crate::arguments::Arguments;
use crate::ingest::{Load, append_and_settle};
use crate::process::{Memory, forget_peak};
use crate::report::{print_heading, print_ingested, print_timed, thousands};
use crate::stand::{Folder, Stand};
use crate::{freshness, selects};

/// Samples of one request.
const REQUEST_SAMPLES: usize = 5_000;

pub async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let fleet = arguments.fleet();
    let loads = loads(&fleet, arguments.appenders);
    let folder = Folder::create(arguments)?;
    print_heading(&format!(
        "{} samples of {} series in {} h",
        thousands(fleet.sample_count() as f64),
        thousands(fleet.series_count() as f64),
        arguments.hours()
    ))?;
    let before = Memory::read()?;
    forget_peak()?;

    let stand = Stand::open(folder.path()).await?;
    let ingested = append_and_settle(&stand, loads).await?;
    print_ingested("samples", &ingested, stand.disk_bytes()?, before, Memory::read()?);
    verify(&stand, &fleet).await?;
    print_timed("select", &selects::time_all(&stand, &fleet, arguments.hours()).await?);
    freshness::print(&stand).await?;
    stand.close().await
}

/// Everything that was acknowledged is there.
pub async fn verify(stand: &Stand, fleet: &Fleet) -> anyhow::Result<()> {
    for metric in ["up", "agent_tokens_per_second"] {
        let matchers = [Matcher::equal("__name__", metric)];
        let found = stand.store.select(&matchers, TimeRange::ALL, QueryLimits::default()).await?;
        let samples: usize = found.iter().map(|series| series.samples.len()).sum();
        let (series, expected) = (fleet.agents, fleet.agents * fleet.scrapes);
        ensure!(found.len() == series, "{metric}: {} series are there, of {series}", found.len());
        ensure!(samples == expected, "{metric}: {samples} samples are there, of {expected}");
    }
    Ok(())
}

pub fn loads(fleet: &Fleet, count: usize) -> Vec<SampleLoad> {
    fleet.shards(count).into_iter().map(SampleLoad::new).collect()
}

/// The requests of one connection. A receiver knows the labels of series that it has seen.
pub struct SampleLoad {
    shard: Shard,
    /// Of each agent, in the catalogue's order.
    labels: Vec<LabelSet>,
    request: Vec<Row>,
    scrape: usize,
}

struct Row {
    series: usize,
    at_ms: i64,
    value: f64,
}

impl SampleLoad {
    fn new(shard: Shard) -> Self {
        let agents = shard.agents.clone().map(Agent::number);
        let labels = agents
            .flat_map(|agent| {
                let of_series = |series| LabelSet::new(agent.labels(series));
                shard.catalogue.iter().map(of_series).collect::<Vec<_>>()
            })
            .collect();
        Self { shard, labels, request: Vec::with_capacity(REQUEST_SAMPLES), scrape: 0 }
    }
}

impl Load for SampleLoad {
    fn advance(&mut self) -> bool {
        self.request.clear();
        while self.request.len() < REQUEST_SAMPLES {
            let Some(scrape) = self.shard.next_scrape() else { break };
            let first = scrape.agent * SERIES_PER_AGENT;
            let row = |(index, value): (usize, &f64)| Row {
                series: first + index,
                at_ms: scrape.at_ms,
                value: *value,
            };
            self.request.extend(scrape.values.iter().enumerate().map(row));
            self.scrape = scrape.number;
        }
        !self.request.is_empty()
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        batch.series.reserve(self.request.len());
        for row in &self.request {
            batch.push_sample(self.labels[row.series].clone(), Timestamp::from_millis(row.at_ms), row.value);
        }
        batch
    }

    fn rows(&self) -> u64 {
        self.request.len() as u64
    }

    fn progress(&self) -> usize {
        self.scrape
    }
}
