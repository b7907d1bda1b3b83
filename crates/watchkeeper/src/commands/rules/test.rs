//! `rules test`: tests of rule files, as promtool runs them.

use std::path::{Path, PathBuf};

use alerting::rule_tests::{self, Failure};
use anyhow::Context;
use runtime::SystemClock;

use crate::commands::wait_for;
use crate::{chain, config, terminal, wiring};

/// Every file is run, also after one that failed.
pub fn run(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut failed = 0;
    for file in files {
        terminal::say(&format!("Unit Testing:  {}", file.display()));
        let failures = failures(file).unwrap_or_else(|error| vec![Failure(chain::chain(error.as_ref()))]);
        if failures.is_empty() {
            terminal::say("  SUCCESS");
            continue;
        }
        failed += 1;
        terminal::complain("  FAILED:");
        for Failure(text) in failures {
            terminal::complain(&format!("    {}", text.replace('\n', "\n    ")));
        }
    }
    anyhow::ensure!(failed == 0, "{failed} of {} files of tests failed", files.len());
    Ok(())
}

fn failures(file: &Path) -> anyhow::Result<Vec<Failure>> {
    let tests = rule_tests::parse(&config::text(file)?).map_err(anyhow::Error::msg)?;
    let directory = file.parent().unwrap_or(Path::new("."));
    let mut texts = Vec::new();
    for pattern in &tests.rule_files {
        let paths = matching(directory, pattern)?;
        if paths.is_empty() {
            terminal::complain(&format!("  WARNING: no file match pattern {pattern}"));
        }
        for path in paths {
            texts.push(wiring::rule_text(&path)?);
        }
    }
    let rules = alerting::rules::parse_all(&texts)?;
    wait_for(async { Ok(rule_tests::run(&tests, &rules, SystemClock::shared()).await) })
}

/// Relative to the file of tests.
fn matching(directory: &Path, pattern: &str) -> anyhow::Result<Vec<PathBuf>> {
    let whole = directory.join(pattern).display().to_string();
    let wrong = || format!("`rule_files`: `{pattern}`");
    let found = glob::glob(&whole).with_context(wrong)?;
    found.collect::<Result<_, _>>().with_context(wrong)
}
