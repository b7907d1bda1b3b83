//! Samples of a day that is over, rolled up: the time that takes, and what is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bench::workload::Fleet;
use disk::RealDisk;
use embedded::{Embedded, EmbeddedParts, EmbeddedSettings};
use model::{Matcher, TimeRange};
use runtime::SystemClock;
use storage::{Appender, QueryLimits, Resolution, SampleReader, Upkeep};

use crate::arguments::Arguments;
use crate::ingest::Load;
use crate::process;
use crate::report::{print_heading, thousands};
use crate::samples::loads;
use crate::stand::Folder;

const DAY_MS: i64 = 86_400_000;

pub async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let fleet = arguments.fleet();
    let yesterday = fleet.end_ms.div_euclid(DAY_MS) * DAY_MS - 1;
    let fleet = Fleet { end_ms: yesterday, ..fleet };
    let folder = Folder::create(arguments)?;
    let samples = fleet.sample_count() as f64;
    let series = thousands(fleet.series_count() as f64);
    print_heading(&format!("{} samples of {series} series of a day, rolled up", thousands(samples)))?;

    let store = open(folder.path()).await?;
    for mut load in loads(&fleet, 1) {
        while load.advance() {
            store.append(load.batch()).await?;
            store.keep_up().await?;
        }
    }
    store.flush().await?;
    store.keep_up().await?;
    store.close().await?;
    // Once more, with nothing else to do.
    for table in ["samples_5m", "samples_1h"] {
        std::fs::remove_dir_all(folder.path().join(table))?;
    }
    let store = open(folder.path()).await?;
    let (cpu, started) = (process::cpu(), Instant::now());
    store.keep_up().await?;
    let (cpu, wall) = (process::cpu().saturating_sub(cpu), started.elapsed());
    println!(
        "  rolled up in {cpu:.2?} of processor time, {wall:.2?}: {} samples a CPU second",
        thousands(samples / cpu.as_secs_f64())
    );
    for table in store.usage().await?.tables.iter().filter(|table| table.rows > 0) {
        let per_row = table.bytes as f64 / table.rows as f64;
        println!("  {}: {} rows, {} bytes, {per_row:.2} a row", table.table, table.rows, table.bytes);
    }
    for resolution in Resolution::ALL {
        time_select(&store, resolution).await?;
    }
    store.close().await?;
    Ok(())
}

async fn open(dir: &std::path::Path) -> anyhow::Result<Arc<Embedded>> {
    let settings = EmbeddedSettings::new(dir);
    let parts = EmbeddedParts { disk: Arc::new(RealDisk), clock: SystemClock::shared() };
    Ok(tokio::task::spawn_blocking(|| Embedded::open(settings, parts)).await??)
}

async fn time_select(store: &Embedded, resolution: Resolution) -> anyhow::Result<()> {
    let matchers = [Matcher::equal("__name__", "agent_context_utilization")];
    let mut fastest = Duration::MAX;
    let mut rows = 0;
    for _ in 0..5 {
        let started = Instant::now();
        let found =
            store.select_rollup(&matchers, TimeRange::ALL, resolution, QueryLimits::default()).await?;
        fastest = fastest.min(started.elapsed());
        rows = found.iter().map(|series| series.buckets.len()).sum();
    }
    ensure!(rows > 0, "nothing is found");
    println!("  one of each agent at {}: {rows} buckets in {fastest:.2?}", resolution.as_str());
    Ok(())
}
