//! What each command does.

mod backup;
mod configuration;
mod retention;
mod rules;
mod store;
mod tokens;
mod users;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use disk::RealDisk;
use embedded::EmbeddedParts;
use embedded::inspect::Damage;
use runtime::SystemClock;
use state::{NewAuditEntry, Role, State};

use crate::command_line::{
    Asked, BackupCommand, Command, ConfigCommand, RetentionCommand, RulesCommand, StoreCommand,
};
use crate::config::{self, Settings};
use crate::{terminal, wiring};

/// An argument that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misused(pub String);

pub fn run(asked: Asked) -> anyhow::Result<()> {
    match asked.command {
        Command::Version => {
            terminal::say(concat!("watchkeeper ", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
        Command::Config(ConfigCommand::Check) => configuration::check(&asked.startup),
        Command::Config(ConfigCommand::Print) => configuration::print(&asked.startup),
        Command::Serve => {
            let (settings, _) = config::load(&asked.startup)?;
            wiring::run(settings)
        }
        Command::Backup(asked_for) => match (asked_for.command, asked_for.destination) {
            (Some(BackupCommand::Verify { backup }), _) => backup::verify(&backup),
            (None, destination) => backup::take(&asked.startup, &destination.unwrap_or_default()),
        },
        Command::Restore { source, to } => backup::restore(&asked.startup, &source, to),
        Command::Store(StoreCommand::Check) => store::check(&asked.startup),
        Command::Store(StoreCommand::Stats { json, top }) => store::stats(&asked.startup, top, json),
        Command::Retention(RetentionCommand::Plan) => retention::plan(&asked.startup),
        Command::Rules(RulesCommand::Check { files }) => rules::check(&files),
        Command::Rules(RulesCommand::Test { files }) => rules::test::run(&files),
        Command::Token(command) => {
            with_state(&asked.startup, async |state| tokens::run(&state, command).await)
        }
        Command::User(command) => with_state(&asked.startup, async |state| users::run(&state, command).await),
    }
}

/// Opens the control plane for a short errand; a server may be running beside it.
fn with_state<F>(startup: &config::Startup, errand: F) -> anyhow::Result<()>
where
    F: AsyncFnOnce(State) -> anyhow::Result<()>,
{
    let (settings, _) = config::load(startup)?;
    wait_for(async {
        let state = open_state(&settings).await?;
        let done = errand(state.clone()).await;
        state.close().await;
        done
    })
}

/// For an errand that has to wait for something.
fn wait_for<T>(errand: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(errand)
}

async fn open_state(settings: &Settings) -> anyhow::Result<State> {
    wiring::make_data_directory(&settings.data)?;
    let path = settings.data.join(wiring::STATE_FILE);
    State::open(&path, SystemClock::shared()).await.context("the control plane cannot be opened")
}

/// Leaves a trace of what was done by hand.
async fn audit(state: &State, action: &str, target: &str, detail: String) -> anyhow::Result<()> {
    let entry = NewAuditEntry {
        actor: "command line".to_owned(),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: "ok".to_owned(),
        address: None,
        detail,
    };
    state.audit(&entry).await.context("it was done, and could not be written into the audit log")
}

fn role(text: &str) -> Result<Role, Misused> {
    Role::parse(text).ok_or_else(|| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
        Misused(format!("`{text}` is not a role; use one of {}", known.join(", ")))
    })
}

/// For those who look at the store's files without being the store.
fn store_parts() -> EmbeddedParts {
    EmbeddedParts { disk: Arc::new(RealDisk), clock: SystemClock::shared() }
}

/// One line for each: the file, what is wrong with it, what that costs.
fn say_damage(damage: &[Damage]) {
    for Damage { file, what, affected } in damage {
        terminal::say(&format!("{}: {what}; affected: {affected}", file.display()));
    }
}

/// A size as people read it; config prints exact ones.
fn rounded_size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} B"),
    }
}

/// For messages that name a file.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_for_people() {
        let shown = [0, 1023, 1024, 1 << 20, 5_000_000_000].map(rounded_size);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "4.7 GiB"]);
    }
}
