//! What is asked for on the command line.

use std::path::PathBuf;

use bench::workload::{Events, Fleet};
use clap::{Parser, ValueEnum};
use runtime::SystemClock;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench store", about = "Measures the embedded store in-process")]
pub struct Arguments {
    #[arg(value_enum, default_value_t = Question::Samples)]
    pub question: Question,
    #[arg(long, value_enum, default_value_t = Preset::Small)]
    pub preset: Preset,
    /// Agents, instead of the preset's; each has 100 series
    #[arg(long)]
    agents: Option<usize>,
    /// Hours that the telemetry spans, instead of the preset's
    #[arg(long)]
    hours: Option<u64>,
    /// Log records, spans (about) or samples in the WAL to replay, instead of the preset's
    #[arg(long)]
    rows: Option<u64>,
    /// Requests that are appended at the same time
    #[arg(long, default_value_t = 4)]
    pub appenders: usize,
    /// Keep the store's files in this folder, which must not exist yet
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Cargo says so to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Question {
    /// Appending, size on disk, memory, selects, freshness
    Samples,
    /// Appending, size on disk, memory, searches
    Logs,
    /// Appending, size on disk, memory, searches
    Spans,
    /// Rolling up samples of a day that is over, and size on disk
    Rollups,
    /// Opening a store whose WAL was never flushed
    Replay,
    /// The part of `replay` that has a process of its own
    #[value(hide = true)]
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// 50 agents for an hour: 600,000 samples, 100,000 log records, 124,000 spans
    Small,
    /// 500 agents for six hours: 36 M samples, 1 M log records, 1.24 M spans
    Medium,
    /// 5,000 agents for an hour: 60 M samples, 10 M log records, 12.4 M spans
    Large,
}

/// What a trace has on average.
const SPANS_PER_TRACE: u64 = 25;
const SCRAPES_PER_HOUR: u64 = 120;

impl Arguments {
    pub fn agents(&self) -> usize {
        let preset = match self.preset {
            Preset::Small => 50,
            Preset::Medium => 500,
            Preset::Large => 5_000,
        };
        self.agents.unwrap_or(preset)
    }

    pub fn hours(&self) -> u64 {
        let preset = if self.preset == Preset::Medium { 6 } else { 1 };
        self.hours.unwrap_or(preset)
    }

    pub fn fleet(&self) -> Fleet {
        let scrapes = (self.hours() * SCRAPES_PER_HOUR) as usize;
        Fleet::ending_at(SystemClock::shared().now().as_millis(), self.agents(), scrapes)
    }

    /// As many scrapes as fill a WAL with the samples that are asked for.
    pub fn fleet_to_replay(&self) -> Fleet {
        let fleet = self.fleet();
        let samples = self.rows.unwrap_or(if self.preset == Preset::Small { 1_000_000 } else { 10_000_000 });
        Fleet { scrapes: (samples as usize / fleet.series_count()).max(1), ..fleet }
    }

    /// There is one trace for twenty log records.
    pub fn events(&self) -> Events {
        let preset = match self.preset {
            Preset::Small => 100_000,
            Preset::Medium => 1_000_000,
            Preset::Large => 10_000_000,
        };
        let (logs, traces) = match (self.question, self.rows) {
            (Question::Spans, Some(spans)) => (preset, spans / SPANS_PER_TRACE),
            (_, rows) => (rows.unwrap_or(preset), rows.unwrap_or(preset) / 20),
        };
        let now = SystemClock::shared().now().as_nanos();
        Events::ending_at(now, self.hours(), self.agents(), logs.max(1), traces.max(1))
    }
}
