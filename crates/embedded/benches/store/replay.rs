//! How long a store takes to open after a crash, when nothing of its WAL was flushed.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::arguments::Arguments;
use crate::ingest::append;
use crate::process::{self, Memory};
use crate::report::{megabytes, print_figures, print_heading, thousands};
use crate::samples;
use crate::stand::{self, Folder, Stand};

/// Fills a WAL, and opens a copy of it in a process of its own: this one's memory is full
/// of the same samples.
pub async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let fleet = arguments.fleet_to_replay();
    let folder = Folder::create(arguments)?;
    let (written, crashed) = (folder.path().join("written"), folder.path().join("crashed"));
    let stand = Stand::open_without_flushes(&written).await?;
    append(&stand, samples::loads(&fleet, arguments.appenders)).await?;
    stand::copy(&written, &crashed)?;
    stand.abandon().await?;

    let (samples, series) = (thousands(fleet.sample_count() as f64), thousands(fleet.series_count() as f64));
    print_heading(&format!("replay of {samples} samples of {series} series"))?;
    let mut open = Command::new(std::env::current_exe()?);
    open.arg("open").arg("--dir").arg(&crashed);
    open.args(["--agents", &fleet.agents.to_string(), "--rows", &fleet.sample_count().to_string()]);
    ensure!(open.status()?.success(), "the copy could not be opened");
    Ok(())
}

pub async fn open(arguments: &Arguments) -> anyhow::Result<()> {
    let fleet = arguments.fleet_to_replay();
    let dir = arguments.dir.as_deref().context("which folder?")?;
    let (before, cpu, started) = (Memory::read()?, process::cpu(), Instant::now());
    let stand = Stand::open(dir).await?;
    let (wall, cpu, after) = (started.elapsed(), process::cpu().saturating_sub(cpu), Memory::read()?);
    samples::verify(&stand, &fleet).await?;
    let samples = fleet.sample_count() as f64;
    print_figures(&[
        (
            "seconds until it is open, CPU seconds",
            format!("{:.2}, {:.2}", wall.as_secs_f64(), cpu.as_secs_f64()),
        ),
        ("**samples replayed per CPU second**", thousands(samples / cpu.as_secs_f64())),
        ("resident MB before, after, peak", {
            format!("{}, {}, {}", megabytes(before.now), megabytes(after.now), megabytes(after.peak))
        }),
    ]);
    stand.abandon().await
}
