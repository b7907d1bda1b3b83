//! Groups of targets: those that the configuration names, and those in files.
//!
//! Files are looked at again and again; one that cannot be read keeps what it said before,
//! so that half a file does not end the watch over its targets. A file that is gone takes
//! its targets along.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Disk;

use super::config::{self, GroupFile, Job};

/// A file of targets larger than this is a mistake.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A group, and the file that it is from.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub file: Option<String>,
    pub group: GroupFile,
}

/// What the files said when they could be read last.
#[derive(Debug, Default)]
pub struct Discovery {
    files: BTreeMap<PathBuf, Arc<Vec<GroupFile>>>,
    /// Complaints are told once, not at each look.
    complained: BTreeSet<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum FileFault {
    #[error("it cannot be read")]
    Read(#[from] disk::DiskError),
    #[error("it is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is not a list of targets")]
    Yaml(#[from] serde_yaml_ng::Error),
}

impl Discovery {
    /// The groups of a job now. Reads files.
    pub fn groups(&mut self, disk: &dyn Disk, job: &Job) -> Vec<Group> {
        let mut groups: Vec<Group> =
            job.groups.iter().map(|group| Group { file: None, group: group.clone() }).collect();
        let matching = job.files.iter().flat_map(|pattern| matching(disk, pattern));
        for path in matching.collect::<BTreeSet<_>>() {
            let named = path.display().to_string();
            let said = self.said(disk, path);
            groups.extend(said.iter().map(|group| Group { file: Some(named.clone()), group: group.clone() }));
        }
        groups
    }

    fn said(&mut self, disk: &dyn Disk, path: PathBuf) -> Arc<Vec<GroupFile>> {
        match read(disk, &path) {
            Ok(groups) => {
                self.complained.remove(&path);
                let groups = Arc::new(groups);
                self.files.insert(path, groups.clone());
                groups
            }
            Err(fault) => {
                if self.complained.insert(path.clone()) {
                    let source = std::error::Error::source(&fault).map(ToString::to_string);
                    tracing::warn!(file = %path.display(), %fault, source, "targets of a file stay as they were");
                }
                metrics::counter!("watchkeeper_scrape_target_file_errors_total").increment(1);
                self.files.get(&path).cloned().unwrap_or_default()
            }
        }
    }
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Vec<GroupFile>, FileFault> {
    if disk.open(path)?.size()? > FILE_BYTES_MAX {
        return Err(FileFault::TooLarge);
    }
    let text = String::from_utf8(disk::read_all(disk, path)?).map_err(|_| FileFault::NotUtf8)?;
    Ok(config::groups(&text)?)
}

/// The files that a pattern means now. None when there is no such folder.
fn matching(disk: &dyn Disk, pattern: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name()) else { return Vec::new() };
    let name = name.to_string_lossy();
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = disk.list(folder) else { return Vec::new() };
    let fits = |candidate: &str| match name.split_once('*') {
        None => candidate == name,
        Some((before, behind)) => {
            candidate.len() >= before.len() + behind.len()
                && candidate.starts_with(before)
                && candidate.ends_with(behind)
        }
    };
    let files = entries.into_iter().filter(|entry| !entry.is_dir && fits(&entry.name));
    files.map(|entry| folder.join(entry.name)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "files that somebody else writes")]

    use super::*;
    use crate::scrape::config::ScrapeConfig;

    #[test]
    fn files_come_change_break_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let yaml = "scrape_configs:\n- {job_name: a, file_sd_configs: [{files: ['t*.yml', one.json]}]}\n";
        let config = ScrapeConfig::parse(&folder.path().join("p.yml"), yaml).unwrap();
        let mut discovery = Discovery::default();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let mut check = |expected: &[&str]| {
            let groups = discovery.groups(&disk::RealDisk, &config.jobs[0]);
            let targets: Vec<String> = groups.into_iter().flat_map(|group| group.group.targets).collect();
            assert_eq!(targets, expected);
        };
        check(&[]);
        write("t1.yml", "- targets: ['a:1', 'b:1']\n  labels: {x: y}\n");
        write("one.json", r#"[{"targets": ["c:1"], "labels": {"n": "5"}}]"#);
        write("other.yml", "- targets: ['z:1']\n");
        check(&["c:1", "a:1", "b:1"]);
        write("t1.yml", "- targets: ['a:2'");
        check(&["c:1", "a:1", "b:1"]);
        write("t1.yml", "- targets: ['a:2']");
        check(&["c:1", "a:2"]);
        std::fs::remove_file(folder.path().join("t1.yml")).unwrap();
        check(&["c:1"]);
    }
}
