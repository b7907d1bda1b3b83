//! `rules check`: what a start would say about rule files, without one.

pub mod test;

use std::path::{Path, PathBuf};

use alerting::RuleGroup;

use crate::{chain, terminal, wiring};

/// Every file is looked at, also after one that is wrong.
pub fn check(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut wrong = 0;
    for file in files {
        terminal::say(&format!("Checking {}", file.display()));
        match read(file) {
            Ok(groups) => terminal::say(&format!("  SUCCESS: {} rules found", rule_count(&groups))),
            Err(error) => {
                wrong += 1;
                terminal::complain(&format!("  FAILED: {}", chain::chain(error.as_ref())));
            }
        }
    }
    anyhow::ensure!(wrong == 0, "{wrong} of {} rule files are wrong", files.len());
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<RuleGroup>> {
    let (name, text) = wiring::rule_text(file)?;
    Ok(alerting::rules::parse(&name, &text)?)
}

/// Those that raise alerts and those that record.
pub fn rule_count(groups: &[RuleGroup]) -> usize {
    groups.iter().map(|group| group.rules.len()).sum()
}
