//! `store check` and `store stats`.

use embedded::inspect::{self, Stats, TableStats};

use super::backup::of_state;
use super::{rounded_size, say_damage, shown, store_parts, wait_for};
use crate::config::{self, Startup};
use crate::{terminal, wiring};

pub fn check(startup: &Startup) -> anyhow::Result<()> {
    let data = config::load(startup)?.0.data;
    let mut report = inspect::check(&store_parts().disk, &data)?;
    let state = data.join(wiring::STATE_FILE);
    if state.exists() {
        let findings = wait_for(async { Ok(state::check_in_place(&state).await) })?;
        let findings = findings.unwrap_or_else(|error| vec![crate::chain::chain(&error)]);
        report.damage.extend(findings.into_iter().map(of_state));
    }
    say_damage(&report.damage);
    if report.quarantined > 0 {
        let count = report.quarantined;
        terminal::complain(&format!(
            "{count} files were damaged earlier and lie in the folder `quarantine`."
        ));
    }
    let bad = report.damage.len();
    anyhow::ensure!(bad == 0, "`{}` is damaged: {bad} findings", shown(&data));
    let (files, rows, size) = (report.files, report.rows, rounded_size(report.bytes));
    terminal::say(&format!("{} is whole: {files} files, {size}, {rows} rows", shown(&data)));
    Ok(())
}

pub fn stats(startup: &Startup, top: usize, as_json: bool) -> anyhow::Result<()> {
    let data = config::load(startup)?.0.data;
    let stats = inspect::stats(&data, &store_parts(), top)?;
    if as_json {
        terminal::say(&serde_json::to_string_pretty(&stats)?);
    } else {
        terminal::say(&text(&stats));
    }
    Ok(())
}

fn text(stats: &Stats) -> String {
    let mut lines: Vec<String> = stats.tables.iter().flat_map(table_lines).collect();
    let of_folder = |name, files, bytes| format!("{name:12} {files:>14} files  {:>11}", rounded_size(bytes));
    lines.push(of_folder("wal", stats.wal_files, stats.wal_bytes));
    lines.push(of_folder("quarantine", stats.quarantine_files, stats.quarantine_bytes));
    if stats.tombstones > 0 {
        lines.push(format!("{} erasures are not finished", stats.tombstones));
    }
    if !stats.top_streams.is_empty() {
        lines.push("\nstreams with the most rows".to_owned());
        lines.extend(
            stats.top_streams.iter().map(|top| format!("{:>14}  {} {}", top.rows, top.table, top.labels)),
        );
        lines.push("\nlabels with the most values".to_owned());
        lines.extend(stats.top_labels.iter().map(|top| format!("{:>14}  {}", top.values, top.name)));
    }
    lines.join("\n")
}

fn table_lines(table: &TableStats) -> Vec<String> {
    let line = |name: &str, rows, bytes, labels| {
        format!(
            "{name:12} {rows:>14} rows   {:>11}  labels {:>11}",
            rounded_size(bytes),
            rounded_size(labels)
        )
    };
    let mut lines = vec![line(table.table, table.rows, table.bytes, table.label_bytes)];
    lines.extend(table.days.iter().map(|day| {
        let name = format!("  {}", day.day);
        let of_day = line(&name, day.rows, day.bytes, day.label_bytes);
        format!("{of_day}  {} streams, {} segments", day.streams, day.segments)
    }));
    lines
}
