//! CPU, memory, the fullest disk and the load of this machine.

use std::sync::Arc;

use async_trait::async_trait;
use host::HostSnapshot;
use model::Verdict;

use super::{Check, Finding, GB, Judgement, Judging, Surroundings, facts, number};
use crate::settings::Thresholds;

pub(super) struct SystemResources(pub Arc<Surroundings>);

#[async_trait]
impl Check for SystemResources {
    fn name(&self) -> &'static str {
        "system_resources"
    }

    async fn look(&self) -> Finding {
        let snapshot = match self.0.fresh_snapshot() {
            Ok(snapshot) => snapshot,
            Err(reason) => return Judgement::unknown(reason).with(facts([]), vec![]),
        };
        let measured = measure(&snapshot);
        let judgement = judge(&measured, &self.0.settings.thresholds);
        let mut details = facts([]);
        for (name, value) in [
            ("cpu_percent", measured.cpu_percent),
            ("memory_percent", measured.memory_percent),
            ("disk_percent", measured.disk.as_ref().map(|disk| disk.1)),
            ("load_percent", measured.load_percent),
            ("memory_available_gb", snapshot.memory.map(|memory| memory.available_bytes as f64 / GB)),
            ("disk_free_gb", snapshot.fullest_filesystem().map(|disk| disk.available_bytes as f64 / GB)),
        ] {
            details.extend(value.map(|value| (name.to_owned(), number(value))));
        }
        let actions = match judgement.verdict {
            Verdict::Critical => vec!["clear_memory_cache", "cleanup_temp_files", "free_disk_space"],
            Verdict::Degraded | Verdict::Unhealthy => vec!["cleanup_temp_files"],
            Verdict::Healthy | Verdict::Unknown => vec![],
        };
        judgement.with(details, actions)
    }
}

#[derive(Clone, Debug, Default)]
struct Measured {
    /// Over the time between the last two samples.
    cpu_percent: Option<f64>,
    memory_percent: Option<f64>,
    /// Mount point and share in use of the fullest.
    disk: Option<(String, f64)>,
    load_percent: Option<f64>,
}

fn measure(snapshot: &HostSnapshot) -> Measured {
    Measured {
        cpu_percent: snapshot.cpu_usage.map(|usage| usage.busy_percent),
        memory_percent: snapshot.memory.map(|memory| memory.used_percent()),
        disk: snapshot.fullest_filesystem().map(|disk| (disk.mountpoint.clone(), disk.used_percent())),
        load_percent: snapshot
            .load
            .zip(snapshot.cores())
            .map(|(load, cores)| load.one * 100.0 / cores as f64),
    }
}

fn judge(measured: &Measured, thresholds: &Thresholds) -> Judgement {
    let mut judging = Judging::default();
    let mut seen = Vec::new();
    let disk = measured.disk.as_ref();
    let disk_name = disk.map_or(String::new(), |(mountpoint, _)| format!("disk {mountpoint}"));
    for (what, value, limits) in [
        ("CPU", measured.cpu_percent, thresholds.cpu_percent),
        ("memory", measured.memory_percent, thresholds.memory_percent),
        (&disk_name, disk.map(|disk| disk.1), thresholds.disk_percent),
        ("load", measured.load_percent, thresholds.load_percent),
    ] {
        if let Some(value) = value {
            judging.compare(what, value, "%", limits);
            seen.push(format!("{what} {value:.0} %"));
        }
    }
    if seen.is_empty() {
        return Judgement::unknown("neither CPU, memory, disk nor load could be read");
    }
    judging.conclude(seen.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_reachable() {
        let measured = |cpu, memory| Measured {
            cpu_percent: cpu,
            memory_percent: memory,
            disk: Some(("/".into(), 40.0)),
            load_percent: Some(90.0),
        };
        for (measured, verdict) in [
            (measured(Some(50.0), Some(50.0)), Verdict::Healthy),
            (measured(None, Some(50.0)), Verdict::Healthy),
            (measured(Some(80.5), Some(50.0)), Verdict::Degraded),
            (measured(Some(50.0), Some(91.0)), Verdict::Unhealthy),
            (measured(Some(99.0), Some(50.0)), Verdict::Critical),
            (Measured { disk: Some(("/srv".into(), 96.0)), ..Measured::default() }, Verdict::Critical),
            (Measured { load_percent: Some(160.0), ..Measured::default() }, Verdict::Degraded),
            (Measured::default(), Verdict::Unknown),
        ] {
            assert_eq!(judge(&measured, &Thresholds::default()).verdict, verdict, "{measured:?}");
        }
    }

    #[test]
    fn the_reason_names_the_full_disk() {
        let measured = Measured { disk: Some(("/srv".into(), 96.0)), ..Measured::default() };
        assert_eq!(judge(&measured, &Thresholds::default()).reason, "disk /srv 96.0 % (above 95 %)");
    }
}
