//! This machine and this process.

use std::collections::BTreeMap;

use host::HostSnapshot;
use model::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HostDto {
    pub at: String,
    pub instance: String,
    /// Null until two readings make a difference.
    pub cpu_percent: Option<f64>,
    pub cpu_modes: BTreeMap<&'static str, f64>,
    pub load: Vec<f64>,
    pub cores: Option<u64>,
    pub memory: Option<MemoryDto>,
    pub disks: Vec<DiskDto>,
    pub networks: Vec<NetworkDto>,
    pub processes: Option<u64>,
    #[serde(rename = "self")]
    pub own: Option<ProcessDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemoryDto {
    pub total_bytes: u64,
    pub available_bytes: u64,
    pub used_percent: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DiskDto {
    pub mountpoint: String,
    pub device: String,
    pub fstype: String,
    pub total_bytes: u64,
    pub available_bytes: u64,
    pub used_percent: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NetworkDto {
    pub device: String,
    pub receive_bytes_per_second: Option<f64>,
    pub transmit_bytes_per_second: Option<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProcessDto {
    pub cpu_percent: Option<f64>,
    pub rss_bytes: u64,
    pub open_files: Option<u64>,
    pub threads: u64,
    pub uptime_seconds: f64,
}

impl HostDto {
    /// `started` is when the program began to answer. The kernel's start of the process may be
    /// that of a build that it took the place of.
    pub fn new(snapshot: &HostSnapshot, started: Timestamp) -> Self {
        Self {
            at: time(snapshot.at),
            instance: snapshot.instance.clone(),
            cpu_percent: snapshot.cpu_usage.map(|usage| usage.busy_percent),
            cpu_modes: snapshot.cpu_usage.iter().flat_map(modes).collect(),
            load: snapshot.load.iter().flat_map(|load| [load.one, load.five, load.fifteen]).collect(),
            cores: snapshot.cores().map(|cores| cores as u64),
            memory: snapshot.memory.as_ref().map(MemoryDto::from),
            disks: snapshot.filesystems.iter().map(DiskDto::from).collect(),
            networks: snapshot.networks.iter().map(NetworkDto::from).collect(),
            processes: snapshot.processes,
            own: snapshot.own.as_ref().map(|own| ProcessDto {
                cpu_percent: own.cpu_percent,
                rss_bytes: own.resident_bytes,
                open_files: own.open_files,
                threads: own.threads,
                uptime_seconds: snapshot.at.since(started).as_secs_f64(),
            }),
        }
    }
}

fn modes(usage: &host::CpuUsage) -> Vec<(&'static str, f64)> {
    usage.modes().map(|(mode, percent)| (mode.as_str(), percent)).collect()
}

impl From<&host::Memory> for MemoryDto {
    fn from(memory: &host::Memory) -> Self {
        Self {
            total_bytes: memory.total_bytes,
            available_bytes: memory.available_bytes,
            used_percent: memory.used_percent(),
        }
    }
}

impl From<&host::Filesystem> for DiskDto {
    fn from(disk: &host::Filesystem) -> Self {
        Self {
            mountpoint: disk.mountpoint.clone(),
            device: disk.device.clone(),
            fstype: disk.fstype.clone(),
            total_bytes: disk.size_bytes,
            available_bytes: disk.available_bytes,
            used_percent: disk.used_percent(),
        }
    }
}

impl From<&host::Network> for NetworkDto {
    fn from(network: &host::Network) -> Self {
        Self {
            device: network.device.clone(),
            receive_bytes_per_second: network.receive_bytes_per_second,
            transmit_bytes_per_second: network.transmit_bytes_per_second,
        }
    }
}
