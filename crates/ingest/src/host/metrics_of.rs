//! From a snapshot to samples. What a snapshot does not have leaves no sample.

use host::{Filesystem, HostSnapshot, OwnProcess};
use model::{Batch, LabelSet, Timestamp};

/// One sample for everything that `snapshot` has. Names, units and labels are described in
/// `docs/metrics.md`.
pub fn batch_of(snapshot: &HostSnapshot) -> Batch {
    let mut samples = Samples { batch: Batch::default(), at: snapshot.at, instance: &snapshot.instance };
    processors(&mut samples, snapshot);
    memory(&mut samples, snapshot);
    for filesystem in &snapshot.filesystems {
        space(&mut samples, filesystem);
    }
    disks(&mut samples, snapshot);
    networks(&mut samples, snapshot);
    kernel(&mut samples, snapshot);
    if let Some(own) = &snapshot.own {
        process(&mut samples, own);
    }
    samples.batch
}

struct Samples<'a> {
    batch: Batch,
    at: Timestamp,
    instance: &'a str,
}

impl Samples<'_> {
    fn node(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.push(name, "node", labels, value);
    }

    fn own(&mut self, name: &str, value: f64) {
        self.push(name, "watchkeeper", &[], value);
    }

    fn push(&mut self, name: &str, job: &str, labels: &[(&str, &str)], value: f64) {
        let shared = [("instance", self.instance), ("job", job)];
        let labels = LabelSet::metric(name, shared.iter().chain(labels).copied());
        self.batch.push_sample(labels, self.at, value);
    }
}

fn processors(samples: &mut Samples<'_>, snapshot: &HostSnapshot) {
    for (index, cpu) in snapshot.cpu.iter().flat_map(|cpu| cpu.each.iter().enumerate()) {
        let index = index.to_string();
        for (mode, seconds) in cpu.iter() {
            let labels = [("cpu", index.as_str()), ("mode", mode.as_str())];
            samples.node("node_cpu_seconds_total", &labels, seconds);
        }
    }
    if let Some(load) = &snapshot.load {
        samples.node("node_load1", &[], load.one);
        samples.node("node_load5", &[], load.five);
        samples.node("node_load15", &[], load.fifteen);
    }
}

fn memory(samples: &mut Samples<'_>, snapshot: &HostSnapshot) {
    let Some(memory) = &snapshot.memory else { return };
    for (name, bytes) in [
        ("node_memory_MemTotal_bytes", memory.total_bytes),
        ("node_memory_MemFree_bytes", memory.free_bytes),
        ("node_memory_MemAvailable_bytes", memory.available_bytes),
        ("node_memory_Buffers_bytes", memory.buffers_bytes),
        ("node_memory_Cached_bytes", memory.cached_bytes),
        ("node_memory_SwapTotal_bytes", memory.swap_total_bytes),
        ("node_memory_SwapFree_bytes", memory.swap_free_bytes),
    ] {
        samples.node(name, &[], bytes as f64);
    }
}

fn space(samples: &mut Samples<'_>, filesystem: &Filesystem) {
    let labels = [
        ("device", filesystem.device.as_str()),
        ("mountpoint", filesystem.mountpoint.as_str()),
        ("fstype", filesystem.fstype.as_str()),
    ];
    for (name, value) in [
        ("node_filesystem_size_bytes", filesystem.size_bytes),
        ("node_filesystem_free_bytes", filesystem.free_bytes),
        ("node_filesystem_avail_bytes", filesystem.available_bytes),
        ("node_filesystem_files", filesystem.files),
        ("node_filesystem_files_free", filesystem.files_free),
        ("node_filesystem_readonly", filesystem.is_read_only.into()),
    ] {
        samples.node(name, &labels, value as f64);
    }
}

fn disks(samples: &mut Samples<'_>, snapshot: &HostSnapshot) {
    for disk in &snapshot.disk_io {
        for (name, value) in [
            ("node_disk_reads_completed_total", disk.reads as f64),
            ("node_disk_read_bytes_total", disk.read_bytes as f64),
            ("node_disk_read_time_seconds_total", disk.read_seconds),
            ("node_disk_writes_completed_total", disk.writes as f64),
            ("node_disk_written_bytes_total", disk.written_bytes as f64),
            ("node_disk_write_time_seconds_total", disk.write_seconds),
            ("node_disk_io_now", disk.in_progress as f64),
            ("node_disk_io_time_seconds_total", disk.busy_seconds),
        ] {
            samples.node(name, &[("device", &disk.device)], value);
        }
    }
}

fn networks(samples: &mut Samples<'_>, snapshot: &HostSnapshot) {
    for network in &snapshot.networks {
        for (name, value) in [
            ("node_network_receive_bytes_total", network.receive_bytes),
            ("node_network_receive_packets_total", network.receive_packets),
            ("node_network_receive_errs_total", network.receive_errors),
            ("node_network_receive_drop_total", network.receive_drops),
            ("node_network_transmit_bytes_total", network.transmit_bytes),
            ("node_network_transmit_packets_total", network.transmit_packets),
            ("node_network_transmit_errs_total", network.transmit_errors),
            ("node_network_transmit_drop_total", network.transmit_drops),
        ] {
            samples.node(name, &[("device", &network.device)], value as f64);
        }
    }
}

fn kernel(samples: &mut Samples<'_>, snapshot: &HostSnapshot) {
    if let Some(kernel) = &snapshot.kernel {
        samples.node("node_boot_time_seconds", &[], kernel.booted.as_secs_f64());
        samples.node("node_context_switches_total", &[], kernel.context_switches as f64);
        samples.node("node_forks_total", &[], kernel.forks as f64);
        for (name, count) in [
            ("node_procs_running", kernel.processes_running),
            ("node_procs_blocked", kernel.processes_blocked),
        ] {
            if let Some(count) = count {
                samples.node(name, &[], count.into());
            }
        }
    }
    if let Some(processes) = snapshot.processes {
        samples.node("node_processes_pids", &[], processes as f64);
    }
    if let Some(files) = &snapshot.open_files {
        samples.node("node_filefd_allocated", &[], files.allocated as f64);
        samples.node("node_filefd_maximum", &[], files.maximum as f64);
    }
}

fn process(samples: &mut Samples<'_>, own: &OwnProcess) {
    samples.own("process_cpu_seconds_total", own.cpu_seconds);
    samples.own("process_resident_memory_bytes", own.resident_bytes as f64);
    samples.own("process_virtual_memory_bytes", own.virtual_bytes as f64);
    samples.own("process_threads", own.threads as f64);
    for (name, count) in [("process_open_fds", own.open_files), ("process_max_fds", own.open_files_max)] {
        if let Some(count) = count {
            samples.own(name, count as f64);
        }
    }
    if let Some(started) = own.started {
        samples.own("process_start_time_seconds", started.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]

    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn here() -> HostSnapshot {
        host::read(None, Timestamp::from_secs(1), Duration::from_secs(1))
    }

    fn names(batch: &Batch) -> BTreeSet<&str> {
        batch.series.iter().filter_map(|series| series.labels.metric_name()).collect()
    }

    #[test]
    fn every_metric_is_documented() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md"));
        let page = page.unwrap();
        let batch = batch_of(&here());
        for name in names(&batch) {
            assert!(page.contains(&format!("| `{name}` |")), "docs/metrics.md does not describe {name}");
        }
        for counter in [
            "watchkeeper_ingest_append_retries_total",
            "watchkeeper_ingest_dropped_batches_total",
            "watchkeeper_host_collector_errors_total",
        ] {
            assert!(
                page.contains(&format!("| `{counter}` |")),
                "docs/metrics.md does not describe {counter}"
            );
        }
    }

    #[test]
    fn every_series_says_where_it_is_from() {
        let snapshot = here();
        for series in batch_of(&snapshot).series {
            assert_eq!(series.labels.get("instance"), Some(snapshot.instance.as_str()));
            let own = series.labels.metric_name().unwrap().starts_with("process_");
            assert_eq!(series.labels.get("job"), Some(if own { "watchkeeper" } else { "node" }));
        }
    }

    #[test]
    fn what_could_not_be_read_leaves_no_sample() {
        let mut snapshot = here();
        snapshot.memory = None;
        snapshot.cpu = None;
        snapshot.own = None;
        let batch = batch_of(&snapshot);
        for absent in ["node_memory_", "node_cpu_", "process_"] {
            assert!(names(&batch).iter().all(|name| !name.starts_with(absent)), "{absent}");
        }
    }

    #[test]
    fn series_are_distinct() {
        let batch = batch_of(&here());
        let labels: BTreeSet<_> = batch.series.iter().map(|series| &series.labels).collect();
        assert_eq!(labels.len(), batch.series.len());
    }
}
