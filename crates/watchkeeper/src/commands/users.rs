//! `user create`, `user list`, `user set-password`.

use anyhow::Context;
use server::USER_NAME_RULE;
use state::State;

use super::{Misused, audit, role};
use crate::command_line::UserCommand;
use crate::terminal;

pub async fn run(state: &State, command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Create { name, role } => create(state, &name, &role).await,
        UserCommand::List => list(state).await,
        UserCommand::SetPassword { name } => set_password(state, &name).await,
    }
}

async fn create(state: &State, name: &str, role_name: &str) -> anyhow::Result<()> {
    let role = role(role_name)?;
    if !server::is_user_name(name) {
        return Err(
            Misused(format!("`{}` is not a name; it must be {USER_NAME_RULE}", name.escape_debug())).into()
        );
    }
    let hash = ask_for_hash(name).await?;
    state.create_user(name, role, &hash).await?;
    audit(state, "user.create", name, format!("role {}", role.as_str())).await?;
    terminal::say(&format!("{name} can log in as {}.", role.as_str()));
    Ok(())
}

async fn list(state: &State) -> anyhow::Result<()> {
    let users = state.users().await?;
    for user in &users {
        terminal::say(&format!("{}  {}  since {}", user.name, user.role.as_str(), user.created));
    }
    if users.is_empty() {
        terminal::complain("There is nobody yet: the first start of `watchkeeper serve` prints a link.");
    }
    Ok(())
}

async fn set_password(state: &State, name: &str) -> anyhow::Result<()> {
    anyhow::ensure!(state.user(name).await?.is_some(), "there is no user `{name}`");
    let hash = ask_for_hash(name).await?;
    state.set_password_hash(name, &hash).await?;
    let ended = state.delete_sessions(name).await?;
    audit(state, "user.set_password", name, format!("{ended} sessions ended")).await?;
    terminal::say(&format!("{name} has a new password; {ended} sessions were ended."));
    Ok(())
}

async fn ask_for_hash(name: &str) -> anyhow::Result<String> {
    let password = terminal::read_password(&format!("Password for {name}"))?;
    server::hash_password(&password).await.context("the password cannot be used")
}
