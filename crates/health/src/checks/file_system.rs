//! The configured directories, and the room on the disks.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use model::{Fact, Verdict};

use super::{Check, Finding, Judgement, Judging, MB, Surroundings, facts, number};
use crate::probes::directory::{self, DirectoryState};
use crate::settings::{Access, Thresholds};

pub(super) struct FileSystem(pub Arc<Surroundings>);

#[derive(Clone, Debug, Default)]
struct Measured {
    directories: Vec<(Access, DirectoryState)>,
    /// Mount point and share in use of the fullest disk.
    disk: Option<(String, f64)>,
}

#[async_trait]
impl Check for FileSystem {
    fn name(&self) -> &'static str {
        "file_system"
    }

    async fn look(&self) -> Finding {
        let directories = &self.0.settings.directories;
        let states = join_all(directories.iter().map(directory::probe)).await;
        let mut details = facts([]);
        for state in &states {
            let name = &state.name;
            details.insert(format!("{name}_exists"), Fact::Flag(state.exists));
            details.insert(format!("{name}_writable"), Fact::Flag(state.is_writable()));
            let size = state.size_bytes.map(|bytes| number(bytes as f64 / MB));
            details.extend(size.map(|size| (format!("{name}_size_mb"), size)));
        }
        let disk = self.0.fresh_snapshot().ok().and_then(|snapshot| {
            snapshot.fullest_filesystem().map(|disk| (disk.mountpoint.clone(), disk.used_percent()))
        });
        let accesses = directories.iter().map(|directory| directory.access);
        let measured = Measured { directories: accesses.zip(states).collect(), disk };
        let judgement = judge(&measured, &self.0.settings.thresholds);
        let actions = match judgement.verdict {
            Verdict::Healthy | Verdict::Unknown => vec![],
            _ => vec!["cleanup_temp_files", "free_disk_space"],
        };
        judgement.with(details, actions)
    }
}

/// A directory of ours that cannot be written stops us; a foreign one is somebody's worry.
fn judge(measured: &Measured, thresholds: &Thresholds) -> Judgement {
    if measured.directories.is_empty() && measured.disk.is_none() {
        return Judgement::unknown("no directory is configured and no disk could be read");
    }
    let mut judging = Judging::default();
    let of_ours =
        || measured.directories.iter().filter(|(access, _)| *access == Access::Ours).map(|(_, state)| state);
    let none_of_ours_works = of_ours().count() > 0 && of_ours().all(|state| state.fault.is_some());
    for (access, state) in &measured.directories {
        let Some(fault) = &state.fault else { continue };
        let verdict = match access {
            Access::Foreign => Verdict::Degraded,
            Access::Ours if none_of_ours_works => Verdict::Critical,
            Access::Ours => Verdict::Unhealthy,
        };
        judging.note(verdict, format!("{}: {fault}", state.name));
    }
    if let Some((mountpoint, percent)) = &measured.disk
        && *percent > thresholds.disk_percent.critical
    {
        judging.note(Verdict::Critical, format!("disk {mountpoint} is {percent:.1} % full"));
    }
    let names: Vec<&str> = measured.directories.iter().map(|(_, state)| state.name.as_str()).collect();
    judging.conclude(format!("in order: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(access: Access, fault: Option<&str>) -> (Access, DirectoryState) {
        let fault = fault.map(str::to_owned);
        (access, DirectoryState { name: "logs".into(), exists: true, size_bytes: None, fault })
    }

    #[test]
    fn every_verdict_is_reachable() {
        let broken = Some("permission denied");
        for (directories, disk, verdict) in [
            (vec![directory(Access::Ours, None)], Some(50.0), Verdict::Healthy),
            (
                vec![directory(Access::Ours, None), directory(Access::Foreign, broken)],
                None,
                Verdict::Degraded,
            ),
            (vec![directory(Access::Ours, None), directory(Access::Ours, broken)], None, Verdict::Unhealthy),
            (vec![directory(Access::Ours, broken)], None, Verdict::Critical),
            (vec![directory(Access::Ours, None)], Some(95.5), Verdict::Critical),
            (vec![], None, Verdict::Unknown),
        ] {
            let measured = Measured { directories, disk: disk.map(|percent| ("/".to_owned(), percent)) };
            assert_eq!(judge(&measured, &Thresholds::default()).verdict, verdict, "{measured:?}");
        }
    }
}
