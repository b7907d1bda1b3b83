//! What each command does.

mod configuration;
mod tokens;
mod users;

use std::path::Path;

use anyhow::Context;
use runtime::SystemClock;
use state::{NewAuditEntry, Role, State};

use crate::command_line::{Asked, Command, ConfigCommand};
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let state = open_state(&settings).await?;
        let done = errand(state.clone()).await;
        state.close().await;
        done
    })
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

/// For messages that name a file.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
