//! What one look at the machine found.

use std::time::Duration;

use model::Timestamp;

/// One look. Absent parts could not be read; `faults` says why.
#[derive(Clone, Debug, PartialEq)]
pub struct HostSnapshot {
    pub at: Timestamp,
    /// When it was taken on a clock that does not jump; rates are computed from it.
    pub monotonic: Duration,
    /// The machine's name.
    pub instance: String,
    pub cpu: Option<Cpu>,
    /// Since the previous snapshot.
    pub cpu_usage: Option<CpuUsage>,
    pub load: Option<Load>,
    pub memory: Option<Memory>,
    pub kernel: Option<Kernel>,
    /// Every real disk that is mounted, each once, and always the root.
    pub filesystems: Vec<Filesystem>,
    pub disk_io: Vec<DiskIo>,
    /// Every interface but the loopback.
    pub networks: Vec<Network>,
    /// How many processes there are.
    pub processes: Option<u64>,
    pub open_files: Option<OpenFiles>,
    /// This process itself.
    pub own: Option<OwnProcess>,
    pub faults: Vec<Fault>,
}

impl HostSnapshot {
    /// The filesystem with the largest share in use.
    pub fn fullest_filesystem(&self) -> Option<&Filesystem> {
        self.filesystems.iter().max_by(|a, b| a.used_percent().total_cmp(&b.used_percent()))
    }

    pub fn cores(&self) -> Option<usize> {
        self.cpu.as_ref().map(|cpu| cpu.each.len()).filter(|cores| *cores > 0)
    }
}

/// A collector that failed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub collector: &'static str,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CpuMode {
    User,
    Nice,
    System,
    Idle,
    IoWait,
    Irq,
    SoftIrq,
    Steal,
}

impl CpuMode {
    pub const ALL: [CpuMode; 8] = [
        CpuMode::User,
        CpuMode::Nice,
        CpuMode::System,
        CpuMode::Idle,
        CpuMode::IoWait,
        CpuMode::Irq,
        CpuMode::SoftIrq,
        CpuMode::Steal,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            CpuMode::User => "user",
            CpuMode::Nice => "nice",
            CpuMode::System => "system",
            CpuMode::Idle => "idle",
            CpuMode::IoWait => "iowait",
            CpuMode::Irq => "irq",
            CpuMode::SoftIrq => "softirq",
            CpuMode::Steal => "steal",
        }
    }

    /// Neither at rest nor waiting for a disk.
    pub const fn is_busy(self) -> bool {
        !matches!(self, CpuMode::Idle | CpuMode::IoWait)
    }
}

/// Seconds since the machine started, in the order of [`CpuMode::ALL`]. Guests are
/// already part of `user` and `nice`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuSeconds(pub [f64; 8]);

impl CpuSeconds {
    pub fn of(&self, mode: CpuMode) -> f64 {
        self.0[mode as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = (CpuMode, f64)> + '_ {
        CpuMode::ALL.into_iter().map(|mode| (mode, self.of(mode)))
    }

    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpu {
    /// All processors together.
    pub total: CpuSeconds,
    pub each: Vec<CpuSeconds>,
}

/// Shares of the time between two snapshots, in percent of all processors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuUsage {
    pub busy_percent: f64,
    /// In the order of [`CpuMode::ALL`].
    pub mode_percent: [f64; 8],
}

impl CpuUsage {
    pub fn modes(&self) -> impl Iterator<Item = (CpuMode, f64)> + '_ {
        CpuMode::ALL.into_iter().zip(self.mode_percent)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    pub one: f64,
    pub five: f64,
    pub fifteen: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub total_bytes: u64,
    pub free_bytes: u64,
    /// What programs can still take without swapping, as the kernel estimates it.
    pub available_bytes: u64,
    pub buffers_bytes: u64,
    pub cached_bytes: u64,
    pub swap_total_bytes: u64,
    pub swap_free_bytes: u64,
}

impl Memory {
    /// What is not available, in percent.
    pub fn used_percent(&self) -> f64 {
        crate::change::percent(self.total_bytes.saturating_sub(self.available_bytes), self.total_bytes)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    pub booted: Timestamp,
    pub context_switches: u64,
    pub forks: u64,
    pub processes_running: Option<u32>,
    pub processes_blocked: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filesystem {
    pub device: String,
    pub mountpoint: String,
    pub fstype: String,
    pub size_bytes: u64,
    pub free_bytes: u64,
    /// Free for others than root.
    pub available_bytes: u64,
    pub files: u64,
    pub files_free: u64,
    pub is_read_only: bool,
}

impl Filesystem {
    /// As `df` shows it: of what others than root can use.
    pub fn used_percent(&self) -> f64 {
        let used = self.size_bytes.saturating_sub(self.free_bytes);
        crate::change::percent(used, used + self.available_bytes)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiskIo {
    pub device: String,
    pub reads: u64,
    pub read_bytes: u64,
    pub read_seconds: f64,
    pub writes: u64,
    pub written_bytes: u64,
    pub write_seconds: f64,
    pub in_progress: u64,
    pub busy_seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    pub device: String,
    pub receive_bytes: u64,
    pub receive_packets: u64,
    pub receive_errors: u64,
    pub receive_drops: u64,
    pub transmit_bytes: u64,
    pub transmit_packets: u64,
    pub transmit_errors: u64,
    pub transmit_drops: u64,
    /// Since the previous snapshot.
    pub receive_bytes_per_second: Option<f64>,
    pub transmit_bytes_per_second: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenFiles {
    pub allocated: u64,
    pub maximum: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnProcess {
    pub pid: u32,
    pub cpu_seconds: f64,
    /// Since the previous snapshot, in percent of one processor.
    pub cpu_percent: Option<f64>,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    pub threads: u64,
    pub open_files: Option<u64>,
    pub open_files_max: Option<u64>,
    pub started: Option<Timestamp>,
}
