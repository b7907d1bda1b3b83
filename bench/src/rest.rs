//! How it starts, and what it takes while nothing happens.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

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
    let status = std::fs::read_to_string(format!("/proc/{}/status", watchkeeper.pid))?;
    let kilobytes = |name: &str| -> anyhow::Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(number.with_context(|| format!("no {name} in /proc"))?.parse()?)
    };
    println!(
        "resident memory {when}: {:.1} MB (peak {:.1} MB)",
        kilobytes("VmRSS:")? / 1024.0,
        kilobytes("VmHWM:")? / 1024.0
    );
    Ok(())
}

/// User and system time of the process so far.
fn processor_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().context("unexpected form of /proc/PID/stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // Fields 14 and 15 of proc_pid_stat(5); the name and what precedes it are cut off. The
    // unit is 1/100 s on every Linux that Rust's standard library supports.
    let ticks =
        |index: usize| -> anyhow::Result<f64> { Ok(fields.get(index).context("too few fields")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}
