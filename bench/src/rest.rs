//! How it starts, and what it takes while nothing happens.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::process::{self, processor_seconds};
use crate::watchkeeper::Watchkeeper;
use bench::Durations;

/// Enough for a median that one slow start does not move.
const STARTS: usize = 7;

pub async fn print_starts(binary: &Path) -> anyhow::Result<()> {
    let mut fresh = Durations::default();
    let mut again = Durations::default();
    for _ in 0..STARTS {
        let directory = tempfile::tempdir()?;
        for durations in [&mut fresh, &mut again] {
            let started = Instant::now();
            let watchkeeper = Watchkeeper::spawn(binary, directory.path(), "").await?;
            durations.push(started.elapsed());
            watchkeeper.stop().await?;
        }
    }
    println!("start to first answer, median of {STARTS}");
    println!("  fresh directory          {:>8.0} ms", fresh.quantile_ms(0.5));
    println!("  after kill -9, same data {:>8.0} ms", again.quantile_ms(0.5));
    Ok(())
}

pub async fn print_rest(watchkeeper: &Watchkeeper, length: Duration) -> anyhow::Result<()> {
    // The first seconds still belong to the start.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = processor_seconds(watchkeeper.pid)?;
    tokio::time::sleep(length).await;
    let share = (processor_seconds(watchkeeper.pid)? - before) / length.as_secs_f64();
    println!("at rest for {} s, one source with sessions, default intervals", length.as_secs());
    println!("  processor                {:>8.2} % of one core", share * 100.0);
    print_memory(watchkeeper, "at rest")
}

pub fn print_memory(watchkeeper: &Watchkeeper, when: &str) -> anyhow::Result<()> {
    let memory = process::memory(watchkeeper.pid)?;
    println!("resident memory {when}: {:.1} MB (peak {:.1} MB)", memory.now, memory.peak);
    Ok(())
}
