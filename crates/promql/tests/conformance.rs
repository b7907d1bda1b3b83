//! Runs Prometheus' own cases (`promqltest` files) against the engine over a store in
//! memory, prints how many of each file pass, and fails when a file falls below the count
//! in `conformance.floor`.
//!
//! The cases are read from `../shared/conformance/promql` beside the project, or below
//! `WATCHKEEPER_SHARED`; without the folder there is nothing to do. With
//! `CONFORMANCE_SHOW=functions.test` the cases of that file that do not pass are printed.
//!
//! Native histograms are no samples here: they are left out when a case loads them. A case
//! that then cannot pass is counted as not passed, and listed as needing them.

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
#[path = "conformance/series.rs"]
mod series;

use std::collections::BTreeMap;
use std::path::PathBuf;

use run::{Outcome, Tally};

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
    let shown = std::env::var("CONFORMANCE_SHOW").unwrap_or_default();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let outcomes = run::file(&std::fs::read_to_string(&file).unwrap()).await;
        for (line, query, outcome) in &outcomes {
            match outcome {
                Outcome::Failed(why) if shown == name => println!("{name}:{line} {query}\n    failed: {why}"),
                Outcome::NeedsHistograms(why) if shown == name => {
                    println!("{name}:{line} {query}\n    needs native histograms: {why}");
                }
                _ => {}
            }
        }
        tallies.insert(name, Tally::of(&outcomes));
    }
    print_table(&tallies);
    assert_eq!(below_floor(&tallies), Vec::<String>::new(), "fewer cases pass than recorded");
}

fn cases() -> PathBuf {
    let shared = std::env::var_os("WATCHKEEPER_SHARED").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    shared.unwrap_or_else(beside).join("conformance/promql")
}

fn print_table(tallies: &BTreeMap<String, Tally>) {
    println!("{:<28} {:>12} {:>20} {:>7}", "file", "passed/total", "native histograms", "failed");
    let mut sum = Tally::default();
    for (name, tally) in tallies {
        println!("{name:<28} {tally}");
        sum.add(tally);
    }
    println!("{:<28} {sum}", "all");
    println!(
        "({} of the passed cases loaded native histograms, which were left out)",
        sum.passed_beside_histograms
    );
}

/// Lines of file name and count.
const FLOOR: &str = include_str!("conformance.floor");

fn below_floor(tallies: &BTreeMap<String, Tally>) -> Vec<String> {
    let recorded = FLOOR.lines().filter_map(|line| line.split_once(' '));
    let fell = recorded.filter_map(|(name, count)| {
        let floor: usize = count.trim().parse().unwrap();
        let passed = tallies.get(name).map_or(0, |tally| tally.passed);
        (passed < floor).then(|| format!("{name}: {passed} of {floor}"))
    });
    fell.collect()
}
