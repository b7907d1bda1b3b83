//! What this process has used.

use std::time::Duration;

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};

/// Processor time of all threads so far, user's and system's.
pub fn cpu() -> Duration {
    since_start(ClockId::ProcessCPUTime)
}

/// Processor time of the calling thread so far.
pub fn thread_cpu() -> Duration {
    since_start(ClockId::ThreadCPUTime)
}

fn since_start(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: u64,
    /// The most since the start or since [`forget_peak`].
    pub peak: u64,
}

impl Memory {
    pub fn read() -> anyhow::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let bytes = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find(|line| line.starts_with(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(kilobytes.with_context(|| format!("no {name} in /proc"))?.parse::<u64>()? * 1024)
        };
        Ok(Self { now: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }
}

/// From now on the peak is counted anew.
pub fn forget_peak() -> anyhow::Result<()> {
    // See proc_pid_clear_refs(5): 5 resets the high water mark.
    std::fs::write("/proc/self/clear_refs", "5").context("failed to reset the peak of memory")
}
