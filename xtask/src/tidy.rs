//! `cargo xtask tidy`: holds the workspace against its own rules.
//!
//! Imports go down only; peers on one floor never import each other. A crate opens with its
//! story. Nothing is named by a word that means anything. Long files are pointed out.

use std::path::{Path, PathBuf};

use anyhow::bail;
use cargo_metadata::{DependencyKind, Package};

use crate::repository;

/// Every crate of ours on its floor; ARCHITECTURE.md says why each is there.
const FLOORS: [&[&str]; 6] = [
    &["columns", "model"],
    &["disk", "host", "index", "runtime", "storage", "traces"],
    &["embedded", "state", "promql", "redaction", "search"],
    &["archive", "ingest", "fleet", "health", "alerting"],
    &["server"],
    &["watchkeeper"],
];

/// Outside of the building: may be seen by nobody but tests, or by nobody at all.
const FOR_TESTS: &str = "testkit";
const DEPENDS_ON_NONE_OF_OURS: [&str; 2] = ["xtask", "bench"];

/// Doors that stay shut although the floors would allow them: engines are handed to the
/// server as traits.
const NEVER: [(&str, &str); 1] = [("server", "embedded")];

/// Names of things that have not been understood yet.
const WORDS_WITHOUT_MEANING: [&str; 6] = ["utils", "util", "common", "core", "manager", "helpers"];

/// From here on, a file is suspected to hold two subjects.
const LINES_MAX: usize = 400;

pub fn run() -> anyhow::Result<()> {
    let metadata = repository::metadata()?;
    let mut problems = vec![];
    for package in metadata.workspace_packages() {
        problems.extend(name_problems(&package.name));
        problems.extend(floor_problems(package));
        problems.extend(story_problems(package));
    }
    for (path, lines) in long_files(repository::root()) {
        let path = path.strip_prefix(repository::root()).unwrap_or(&path).display().to_string();
        eprintln!("tidy: warning: {path} has {lines} lines; which second subject hides in it?");
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => bail!("{count} rules of the house are broken"),
    }
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|crates| crates.contains(&name))
}

fn name_problems(name: &str) -> Option<String> {
    let meaningless =
        WORDS_WITHOUT_MEANING.iter().any(|word| name.split(['-', '_']).any(|part| part == *word));
    meaningless.then(|| format!("`{name}` is not a noun of the field"))
}

fn floor_problems(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let is_known = floor(name).is_some() || name == FOR_TESTS || DEPENDS_ON_NONE_OF_OURS.contains(&name);
    if !is_known {
        return vec![format!(
            "`{name}` has no floor yet: add it to the table of xtask and to ARCHITECTURE.md"
        )];
    }
    // A dependency by path is one of ours.
    let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
    ours.filter_map(|dependency| edge_problem(name, &dependency.name, dependency.kind)).collect()
}

/// What is wrong with `from` depending on `to`.
fn edge_problem(from: &str, to: &str, kind: DependencyKind) -> Option<String> {
    if DEPENDS_ON_NONE_OF_OURS.contains(&from) {
        return Some(format!("`{from}` depends on `{to}`, and should depend on none of ours"));
    }
    if kind == DependencyKind::Development {
        return None;
    }
    if to == FOR_TESTS {
        return Some(format!("`{from}` depends on `{to}` outside of its tests"));
    }
    if NEVER.contains(&(from, to)) {
        return Some(format!("`{from}` must never know `{to}`: it is handed in as a trait"));
    }
    let goes_down = match (floor(from), floor(to)) {
        (Some(from), Some(to)) => to < from,
        // The stands for tests lean on the lowest floors only.
        (None, Some(to)) => to <= 1,
        _ => false,
    };
    (!goes_down).then(|| format!("`{from}` depends on `{to}`, which is not below it"))
}

fn story_problems(package: &Package) -> Vec<String> {
    let roots = package.targets.iter().filter(|target| target.is_lib() || target.is_bin());
    roots
        .filter(|target| {
            std::fs::read_to_string(&target.src_path).map_or(true, |text| !text.starts_with("//!"))
        })
        .map(|target| format!("{} does not open with what it is for (`//!`)", target.src_path))
        .collect()
}

/// Rust and TypeScript of ours with more than [`LINES_MAX`] lines.
fn long_files(root: &Path) -> Vec<(PathBuf, usize)> {
    let mut found = vec![];
    let mut folders: Vec<PathBuf> =
        ["crates", "xtask/src", "bench/src", "web/src", "e2e/tests", "e2e/support"]
            .map(|folder| root.join(folder))
            .into();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "ts" || end == "svelte") {
                let lines = std::fs::read_to_string(&path).map_or(0, |text| text.lines().count());
                if lines > LINES_MAX {
                    found.push((path, lines));
                }
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_go_down_only() {
        let problem = |from, to| edge_problem(from, to, DependencyKind::Normal).is_some();
        assert!(!problem("server", "fleet") && !problem("watchkeeper", "model"));
        assert!(problem("fleet", "server"), "up");
        assert!(problem("fleet", "health"), "sideways");
        assert!(problem("server", "embedded"), "an engine behind its trait");
        assert!(problem("fleet", "testkit") && problem("xtask", "model"));
        assert!(edge_problem("fleet", "testkit", DependencyKind::Development).is_none());
    }

    #[test]
    fn meaningless_names_are_refused() {
        assert!(name_problems("core").is_some() && name_problems("alert-manager").is_some());
        assert!(name_problems("score").is_none());
    }
}
