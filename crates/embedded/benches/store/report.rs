//! Figures as tables that can be pasted into docs/benchmarks.md.

use std::time::Duration;

use anyhow::Context;
use runtime::SystemClock;

use crate::ingest::Ingested;
use crate::process::Memory;
use crate::timing::Timed;

/// What is measured, where, when and how.
pub fn print_heading(what: &str) -> anyhow::Result<()> {
    let date = SystemClock::shared().now().to_rfc3339();
    let date = date.split('T').next().unwrap_or_default();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    println!("### {what}\n");
    println!("{date}, {}; `cargo xtask bench store {}`:\n", machine()?, words.join(" "));
    Ok(())
}

fn machine() -> anyhow::Result<String> {
    let processor = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kilobytes = memory.split_whitespace().nth(1).context("unexpected form of /proc/meminfo")?;
    let gibibytes = kilobytes.parse::<f64>()? / f64::from(1 << 20);
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores ({}), {gibibytes:.0} GiB", model.trim_start_matches([':', '\t', ' '])))
}

pub fn print_figures(figures: &[(&str, String)]) {
    println!("| question | figure |\n|---|---|");
    for (question, figure) in figures {
        println!("| {question} | {figure} |");
    }
    println!();
}

/// Of `rows` (samples, log records, spans) that were appended and are now on the disk.
pub fn print_ingested(rows: &str, ingested: &Ingested, disk_bytes: u64, before: Memory, after: Memory) {
    let per = |count: u64, time: Duration| thousands(count as f64 / time.as_secs_f64());
    print_figures(&[
        ("rows, requests (repeated)", {
            let Ingested { rows, requests, repeated, .. } = ingested;
            format!("{}, {} ({repeated})", thousands(*rows as f64), thousands(*requests as f64))
        }),
        (
            "CPU seconds of the process, of them the generator",
            format!("{:.2}, {:.2}", ingested.cpu.as_secs_f64(), ingested.generator_cpu.as_secs_f64()),
        ),
        (&format!("**{rows} per CPU second** of the store"), per(ingested.rows, ingested.store_cpu())),
        (&format!("{rows} per second of wall time, generator included"), per(ingested.rows, ingested.wall)),
        (
            "request → acknowledged, p50, p99, worst ms",
            format!(
                "{:.2}, {:.2}, {:.1}",
                ingested.acknowledged.quantile_ms(0.5),
                ingested.acknowledged.quantile_ms(0.99),
                ingested.acknowledged.quantile_ms(1.0)
            ),
        ),
        ("**bytes a row on disk**, all in", format!("{:.3}", disk_bytes as f64 / ingested.rows as f64)),
        (
            "resident MB before (generator and labels), after, peak",
            format!("{}, {}, {}", megabytes(before.now), megabytes(after.now), megabytes(after.peak)),
        ),
        (
            "**resident MB of the store**, after, peak",
            format!(
                "{}, {}",
                megabytes(after.now.saturating_sub(before.now)),
                megabytes(after.peak.saturating_sub(before.now))
            ),
        ),
    ]);
}

pub fn print_timed(what: &str, all: &[Timed]) {
    println!(
        "| {what} | series | rows | first ms | p50 ms | p99 ms | CPU ms |\n|---|---|---|---|---|---|---|"
    );
    for Timed { name, answer, first, durations, cpu } in all {
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} |",
            thousands(answer.series as f64),
            thousands(answer.rows as f64),
            milliseconds(first.as_secs_f64() * 1e3),
            milliseconds(durations.quantile_ms(0.5)),
            milliseconds(durations.quantile_ms(0.99)),
            milliseconds(cpu.as_secs_f64() * 1e3),
        );
    }
    println!();
}

/// Three figures of them, at most three places.
pub fn milliseconds(number: f64) -> String {
    let places = if number < 1.0 {
        3
    } else if number < 100.0 {
        2
    } else {
        0
    };
    format!("{number:.places$}")
}

pub fn megabytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1e6)
}

/// Whole, with commas.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
