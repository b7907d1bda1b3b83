//! Runs Prometheus' own cases (`promqltest` files) against the engine over a store in
//! memory, and prints how many of each file pass.
//!
//! Native histograms are no samples here: they are left out when a case loads them, and what
//! then cannot pass is written down in `conformance.unmet`, each line with the cause that the
//! harness established ([`run::Cause`]). The ledger is exact in both directions: a case that
//! stops passing, or begins to, or misses for another cause, fails the test. A case that misses
//! although native histograms have nothing to do with it fails the test and cannot be listed.
//!
//! The cases are read from `../shared/conformance/promql` beside the project, or below
//! `WATCHKEEPER_SHARED`; without the folder there is nothing to do. With
//! `CONFORMANCE_SHOW=functions.test` the cases of that file that do not pass are printed, with
//! `CONFORMANCE_LEDGER=1` the ledger as it would be now.

// It reads files and the environment, as only a test does directly.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

#[path = "conformance/compare.rs"]
mod compare;
#[path = "conformance/ledger.rs"]
mod ledger;
#[path = "conformance/reader.rs"]
mod reader;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/script.rs"]
mod script;
#[path = "conformance/series.rs"]
mod series;

use std::path::PathBuf;

use ledger::Ledger;
use run::{Cause, Outcome};

#[tokio::test]
async fn cases_of_prometheus_pass_or_miss_for_the_cause_that_is_written_down() {
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
    let mut now = Ledger::default();
    let mut failed = Vec::new();
    let mut all = Vec::new();
    println!("{:<28} {}", "file", Tally::HEAD);
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let outcomes = run::file(&std::fs::read_to_string(&file).unwrap()).await;
        now.note(&name, &outcomes);
        println!("{name:<28} {}", Tally(&outcomes));
        for (line, query, outcome) in &outcomes {
            match outcome {
                Outcome::Failed(why) => failed.push(format!("{name}:{line} {query}\n    {why}")),
                Outcome::Unmet(cause, why) if shown == name => {
                    println!("{name}:{line} {query}\n    {}: {why}", cause.name());
                }
                Outcome::Passed | Outcome::Unmet(..) => {}
            }
        }
        all.extend(outcomes);
    }
    println!("{:<28} {}", "all", Tally(&all));
    if std::env::var_os("CONFORMANCE_LEDGER").is_some() {
        println!("{now}");
    }
    let written = Ledger::written();
    assert!(failed.is_empty(), "wrong, and not for native histograms:\n{}", failed.join("\n"));
    assert_eq!(now.beyond(&written), Vec::<String>::new(), "these miss, and it is not written down");
    assert_eq!(written.beyond(&now), Vec::<String>::new(), "these are written down and do not miss so");
}

fn cases() -> PathBuf {
    let shared = std::env::var_os("WATCHKEEPER_SHARED").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    shared.unwrap_or_else(beside).join("conformance/promql")
}

/// A line of the table.
struct Tally<'a>(&'a [(usize, String, Outcome)]);

impl Tally<'_> {
    const HEAD: &'static str =
        " passed/total  function operator   remark   values only-histograms    mixed   failed";
}

impl std::fmt::Display for Tally<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |is_met: &dyn Fn(&Outcome) -> bool| {
            self.0.iter().filter(|(_, _, outcome)| is_met(outcome)).count()
        };
        let passed = count(&|outcome| matches!(outcome, Outcome::Passed));
        write!(f, "{:>13} ", format!("{passed}/{}", self.0.len()))?;
        for cause in Cause::ALL {
            let unmet = count(&|outcome| matches!(outcome, Outcome::Unmet(its, _) if *its == cause));
            let width = cause.name().len().max(8);
            write!(f, " {unmet:>width$}")?;
        }
        write!(f, " {:>8}", count(&|outcome| matches!(outcome, Outcome::Failed(_))))
    }
}
