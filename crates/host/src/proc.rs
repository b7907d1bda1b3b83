//! The collectors: each reads one thing from `/proc` and fails for itself.

use std::path::PathBuf;
use std::time::Duration;

use model::Timestamp;
use procfs::process::{LimitValue, Process};
use procfs::{Current, CurrentSI};

use crate::change;
use crate::disks::{Mount, is_whole_disk, real_disks};
use crate::snapshot::{
    Cpu, CpuSeconds, DiskIo, Fault, Filesystem, HostSnapshot, Kernel, Load, Memory, Network, OpenFiles,
    OwnProcess,
};

/// `/proc/diskstats` counts in sectors of this size whatever the disk's own is.
const SECTOR_BYTES: u64 = 512;

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Proc(#[from] procfs::ProcError),
    #[error("failed to ask `{}` for its space", path.display())]
    Space {
        path: PathBuf,
        #[source]
        source: rustix::io::Errno,
    },
}

/// Looks at the machine. `at` and `monotonic` are the present; `previous` is the look
/// before, for what happened since. Takes milliseconds, and as long as the slowest disk.
pub fn read(previous: Option<&HostSnapshot>, at: Timestamp, monotonic: Duration) -> HostSnapshot {
    let mut faults = Faults::default();
    let stat = faults.keep("stat", kernel_stat());
    let (cpu, kernel) = stat.unzip();
    let mut snapshot = HostSnapshot {
        at,
        monotonic,
        instance: instance(),
        cpu_usage: None,
        load: faults.keep("loadavg", load()),
        memory: faults.keep("meminfo", memory()),
        filesystems: filesystems(&mut faults),
        disk_io: faults.keep("diskstats", disk_io()).unwrap_or_default(),
        networks: faults.keep("netdev", networks()).unwrap_or_default(),
        processes: faults.keep("processes", processes()),
        open_files: faults.keep("filefd", open_files()),
        own: own_process(&mut faults, kernel.as_ref()),
        cpu,
        kernel,
        faults: Vec::new(),
    };
    snapshot.faults = faults.0;
    if let Some(previous) = previous {
        compare(&mut snapshot, previous);
    }
    snapshot
}

/// Fills in what happened since `previous`.
fn compare(now: &mut HostSnapshot, previous: &HostSnapshot) {
    let elapsed = now.monotonic.saturating_sub(previous.monotonic);
    if let (Some(cpu), Some(before)) = (&now.cpu, &previous.cpu) {
        now.cpu_usage = change::cpu_usage(&before.total, &cpu.total);
    }
    for network in &mut now.networks {
        if let Some(before) = previous.networks.iter().find(|before| before.device == network.device) {
            network.receive_bytes_per_second =
                change::per_second(before.receive_bytes, network.receive_bytes, elapsed);
            network.transmit_bytes_per_second =
                change::per_second(before.transmit_bytes, network.transmit_bytes, elapsed);
        }
    }
    if let (Some(own), Some(before)) = (&mut now.own, &previous.own) {
        own.cpu_percent = change::cpu_percent(before.cpu_seconds, own.cpu_seconds, elapsed);
    }
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn keep<T>(&mut self, collector: &'static str, result: Result<T, ReadError>) -> Option<T> {
        result.map_err(|error| self.note(collector, &error)).ok()
    }

    fn note(&mut self, collector: &'static str, error: &ReadError) {
        let source = std::error::Error::source(error).map(|source| format!(": {source}"));
        self.0.push(Fault { collector, reason: format!("{error}{}", source.unwrap_or_default()) });
    }
}

fn instance() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn kernel_stat() -> Result<(Cpu, Kernel), ReadError> {
    let stat = procfs::KernelStats::current()?;
    let cpu = Cpu { total: cpu_seconds(&stat.total), each: stat.cpu_time.iter().map(cpu_seconds).collect() };
    let kernel = Kernel {
        booted: Timestamp::from_secs(stat.btime as i64),
        context_switches: stat.ctxt,
        forks: stat.processes,
        processes_running: stat.procs_running,
        processes_blocked: stat.procs_blocked,
    };
    Ok((cpu, kernel))
}

fn cpu_seconds(time: &procfs::CpuTime) -> CpuSeconds {
    let ticks = [
        time.user,
        time.nice,
        time.system,
        time.idle,
        time.iowait.unwrap_or(0),
        time.irq.unwrap_or(0),
        time.softirq.unwrap_or(0),
        time.steal.unwrap_or(0),
    ];
    CpuSeconds(ticks.map(seconds_of_ticks))
}

fn seconds_of_ticks(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

fn load() -> Result<Load, ReadError> {
    let load = procfs::LoadAverage::current()?;
    Ok(Load { one: load.one.into(), five: load.five.into(), fifteen: load.fifteen.into() })
}

fn memory() -> Result<Memory, ReadError> {
    let memory = procfs::Meminfo::current()?;
    // Kernels before 3.14 do not estimate it; what they call free and cached is close.
    let available = memory.mem_available.unwrap_or(memory.mem_free + memory.buffers + memory.cached);
    Ok(Memory {
        total_bytes: memory.mem_total,
        free_bytes: memory.mem_free,
        available_bytes: available,
        buffers_bytes: memory.buffers,
        cached_bytes: memory.cached,
        swap_total_bytes: memory.swap_total,
        swap_free_bytes: memory.swap_free,
    })
}

fn filesystems(faults: &mut Faults) -> Vec<Filesystem> {
    let mounts = faults.keep("mounts", mounts()).unwrap_or_default();
    let mut filesystems = Vec::new();
    for mount in real_disks(mounts) {
        match filesystem(mount) {
            Ok(found) => filesystems.extend(found),
            Err(error) => faults.note("filesystem", &error),
        }
    }
    filesystems
}

fn mounts() -> Result<Vec<Mount>, ReadError> {
    let mounts = Process::myself()?.mountinfo()?;
    Ok(mounts
        .into_iter()
        .map(|mount| Mount {
            device: mount.mount_source.unwrap_or_default(),
            mountpoint: mount.mount_point.to_string_lossy().into_owned(),
            fstype: mount.fs_type,
            number: mount.majmin,
        })
        .collect())
}

/// None for what is mounted over a single file, as containers do with `/etc/hosts`.
fn filesystem(mount: Mount) -> Result<Option<Filesystem>, ReadError> {
    let path = PathBuf::from(&mount.mountpoint);
    let failed = |source| ReadError::Space { path: path.clone(), source };
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::stat(&path).map_err(failed)?.st_mode);
    if !kind.is_dir() {
        return Ok(None);
    }
    let space = rustix::fs::statvfs(&path).map_err(failed)?;
    Ok(Some(Filesystem {
        device: mount.device,
        mountpoint: mount.mountpoint,
        fstype: mount.fstype,
        size_bytes: space.f_blocks * space.f_frsize,
        free_bytes: space.f_bfree * space.f_frsize,
        available_bytes: space.f_bavail * space.f_frsize,
        files: space.f_files,
        files_free: space.f_ffree,
        is_read_only: space.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    }))
}

fn disk_io() -> Result<Vec<DiskIo>, ReadError> {
    let seconds = |millis: u64| millis as f64 / 1000.0;
    Ok(procfs::diskstats()?
        .into_iter()
        .filter(|disk| is_whole_disk(&disk.name))
        .map(|disk| DiskIo {
            device: disk.name,
            reads: disk.reads,
            read_bytes: disk.sectors_read * SECTOR_BYTES,
            read_seconds: seconds(disk.time_reading),
            writes: disk.writes,
            written_bytes: disk.sectors_written * SECTOR_BYTES,
            write_seconds: seconds(disk.time_writing),
            in_progress: disk.in_progress,
            busy_seconds: seconds(disk.time_in_progress),
        })
        .collect())
}

fn networks() -> Result<Vec<Network>, ReadError> {
    let mut networks: Vec<Network> = procfs::net::dev_status()?
        .into_values()
        .filter(|device| device.name != "lo")
        .map(|device| Network {
            device: device.name,
            receive_bytes: device.recv_bytes,
            receive_packets: device.recv_packets,
            receive_errors: device.recv_errs,
            receive_drops: device.recv_drop,
            transmit_bytes: device.sent_bytes,
            transmit_packets: device.sent_packets,
            transmit_errors: device.sent_errs,
            transmit_drops: device.sent_drop,
            receive_bytes_per_second: None,
            transmit_bytes_per_second: None,
        })
        .collect();
    networks.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(networks)
}

/// A process that ends while we count is no fault.
fn processes() -> Result<u64, ReadError> {
    Ok(procfs::process::all_processes()?.filter(Result::is_ok).count() as u64)
}

fn open_files() -> Result<OpenFiles, ReadError> {
    let files = procfs::sys::fs::file_nr()?;
    Ok(OpenFiles { allocated: files.allocated, maximum: files.max })
}

fn own_process(faults: &mut Faults, kernel: Option<&Kernel>) -> Option<OwnProcess> {
    let process = faults.keep("self", Process::myself().map_err(ReadError::from))?;
    let stat = faults.keep("self", process.stat().map_err(ReadError::from))?;
    let limits = faults.keep("self_limits", process.limits().map_err(ReadError::from));
    let since_boot = Duration::from_secs_f64(seconds_of_ticks(stat.starttime));
    Some(OwnProcess {
        pid: process.pid().unsigned_abs(),
        cpu_seconds: seconds_of_ticks(stat.utime + stat.stime),
        cpu_percent: None,
        resident_bytes: stat.rss * procfs::page_size(),
        virtual_bytes: stat.vsize,
        threads: stat.num_threads.unsigned_abs(),
        open_files: faults
            .keep("self_files", process.fd_count().map_err(ReadError::from))
            .map(|count| count as u64),
        open_files_max: limits.and_then(|limits| match limits.max_open_files.soft_limit {
            LimitValue::Value(files) => Some(files),
            LimitValue::Unlimited => None,
        }),
        started: kernel.map(|kernel| kernel.booted + since_boot),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::snapshot::CpuMode;

    fn look(previous: Option<&HostSnapshot>, seconds: u64) -> HostSnapshot {
        read(previous, Timestamp::from_secs(seconds as i64), Duration::from_secs(seconds))
    }

    #[test]
    fn this_machine_is_plausible() {
        let first = look(None, 1);
        assert_eq!(first.faults, []);
        assert!(!first.instance.is_empty());
        let memory = first.memory.unwrap();
        assert!(memory.available_bytes > 0 && memory.available_bytes <= memory.total_bytes);
        assert!((0.0..=100.0).contains(&memory.used_percent()));
        assert!(first.processes.unwrap() >= 1);
        assert!(first.cores().unwrap() >= 1);
        let root = first.filesystems.iter().find(|filesystem| filesystem.mountpoint == "/").unwrap();
        assert!(root.size_bytes > 0 && (0.0..=100.0).contains(&root.used_percent()));
        assert!(first.networks.iter().all(|network| network.device != "lo"));
        let files = first.open_files.unwrap();
        assert!(files.allocated > 0 && files.allocated <= files.maximum);
    }

    #[test]
    fn this_process_is_plausible() {
        let own = look(None, 1).own.unwrap();
        assert_eq!(own.pid, std::process::id());
        assert!(own.resident_bytes > 100 * 1024 && own.resident_bytes < own.virtual_bytes);
        assert!(own.threads >= 1 && own.open_files.unwrap() >= 3);
        assert!(own.started.unwrap() > Timestamp::from_secs(1_600_000_000), "{:?}", own.started);
    }

    #[test]
    fn processor_time_grows_between_looks() {
        let first = look(None, 1);
        let total = |snapshot: &HostSnapshot| snapshot.cpu.as_ref().unwrap().total.total();
        let second = loop {
            let second = look(Some(&first), 2);
            if total(&second) > total(&first) {
                break second;
            }
        };
        let usage = second.cpu_usage.unwrap();
        assert!((0.0..=100.01).contains(&usage.busy_percent));
        assert!((usage.mode_percent.iter().sum::<f64>() - 100.0).abs() < 0.01);
        assert!(second.own.unwrap().cpu_percent.unwrap() >= 0.0);
        assert!(second.cpu.unwrap().total.of(CpuMode::Idle) > 0.0);
    }
}
