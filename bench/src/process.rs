//! What another process has used, from `/proc`.

use std::path::Path;

use anyhow::Context;

/// User and system time so far, in seconds.
pub fn processor_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().context("unexpected form of /proc/PID/stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // Fields 14 and 15 of proc_pid_stat(5); the name and what precedes it are cut off. The
    // unit is 1/100 s on every Linux that Rust's standard library supports.
    let ticks =
        |index: usize| -> anyhow::Result<f64> { Ok(fields.get(index).context("too few fields")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// Resident memory in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: f64,
    pub peak: f64,
}

pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mebibytes = |name: &str| -> anyhow::Result<f64> {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(number.with_context(|| format!("no {name} in /proc"))?.parse::<f64>()? / 1024.0)
    };
    Ok(Memory { now: mebibytes("VmRSS:")?, peak: mebibytes("VmHWM:")? })
}

/// Of all files below `dir`.
pub fn disk_bytes(dir: &Path) -> anyhow::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir).with_context(|| format!("failed to list {}", dir.display()))? {
        let entry = entry?;
        // The process under measurement may remove files meanwhile.
        let Ok(metadata) = entry.metadata() else { continue };
        total += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}
