//! `config check` and `config print`.

use anyhow::Context;

use super::shown;
use crate::config::{self, Startup};
use crate::{terminal, wiring};

/// Everything that can be known without starting: the values, and the rule file.
pub fn check(startup: &Startup) -> anyhow::Result<()> {
    let (settings, configuration) = config::load(startup)?;
    let rules = wiring::rules(&settings)?;
    let written = configuration.written().count();
    let rules = super::rules::rule_count(&rules);
    terminal::say(&format!(
        "the configuration is fine: {written} settings written, {} sources, {rules} rules",
        settings.sources.len()
    ));
    for warning in &settings.warnings {
        terminal::complain(&format!("warning: {warning}"));
    }
    if let Some(path) = &configuration.file {
        terminal::say(&format!("read from {}", shown(path)));
    }
    Ok(())
}

pub fn print(startup: &Startup) -> anyhow::Result<()> {
    let (_, configuration) = config::load(startup).context("nothing to print")?;
    terminal::say(config::print(&configuration).trim_end());
    Ok(())
}
