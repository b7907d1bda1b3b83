//! Runs Prometheus' own cases (`promqltest` files) against the engine over a store in
//! memory, and prints how many of each file pass.
//!
//! The cases are read from `../shared/conformance/promql` beside the project, or below
//! `WATCHKEEPER_SHARED`; without the folder there is nothing to do. With
//! `CONFORMANCE_SHOW=functions.test` the cases of that file that do not pass are printed, with
//! `all` those of every file.

// It reads files and the environment, as only a test does directly.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

#[path = "conformance/compare.rs"]
mod compare;
#[path = "conformance/reader.rs"]
mod reader;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/script.rs"]
mod script;

use std::path::PathBuf;

use run::Outcome;

#[tokio::test]
async fn cases_of_prometheus_pass() {
    let folder = cases();
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no conformance cases in {}", folder.display());
        return;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "test"));
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    let shown = std::env::var("CONFORMANCE_SHOW").unwrap_or_default();
    let mut failed = Vec::new();
    let mut all = Vec::new();
    println!("{:<28} {}", "file", Tally::HEAD);
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let outcomes = run::file(&std::fs::read_to_string(&file).unwrap()).await;
        println!("{name:<28} {}", Tally(&outcomes));
        for (line, query, outcome) in &outcomes {
            if let Outcome::Failed(why) = outcome {
                failed.push(format!("{name}:{line}"));
                if shown == name || shown == "all" {
                    println!("{name}:{line} {query}\n    {why}");
                }
            }
        }
        all.extend(outcomes);
    }
    println!("{:<28} {}", "all", Tally(&all));
    assert!(failed.is_empty(), "these do not pass: {}", failed.join(" "));
}

fn cases() -> PathBuf {
    let shared = std::env::var_os("WATCHKEEPER_SHARED").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    shared.unwrap_or_else(beside).join("conformance/promql")
}

/// A line of the table.
struct Tally<'a>(&'a [(usize, String, Outcome)]);

impl Tally<'_> {
    const HEAD: &'static str = " passed/total";
}

impl std::fmt::Display for Tally<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let passed = self.0.iter().filter(|(_, _, outcome)| matches!(outcome, Outcome::Passed)).count();
        write!(f, "{:>13}", format!("{passed}/{}", self.0.len()))
    }
}
