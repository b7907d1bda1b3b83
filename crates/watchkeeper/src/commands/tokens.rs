//! `token create`, `token list`, `token revoke`.

use std::time::Duration;

use anyhow::Context;
use runtime::SystemClock;
use state::State;

use super::{Misused, audit, role};
use crate::command_line::{NewToken, TokenCommand};
use crate::{config, terminal};

pub async fn run(state: &State, command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create(new) => create(state, &new).await,
        TokenCommand::List => list(state).await,
        TokenCommand::Revoke { name } => revoke(state, &name).await,
    }
}

/// The token itself stands alone on the standard output, for scripts.
async fn create(state: &State, new: &NewToken) -> anyhow::Result<()> {
    let role = role(&new.role)?;
    let lifetime = new.expires.as_deref().map(lifetime).transpose()?;
    let expires = lifetime.map(|lifetime| SystemClock::shared().now() + lifetime);
    let token = server::issue_api_token(state, &new.name, role, &new.scopes, expires)
        .await
        .context("the token could not be made")?;
    audit(state, "token.create", &new.name, format!("role {}", role.as_str())).await?;
    terminal::complain("Keep this token now: it is shown once.");
    terminal::say(token.expose());
    Ok(())
}

fn lifetime(text: &str) -> Result<Duration, Misused> {
    config::duration(text)
        .filter(|lifetime| !lifetime.is_zero())
        .ok_or_else(|| Misused(format!("`{text}` is not a duration such as 12h or 30d")))
}

async fn list(state: &State) -> anyhow::Result<()> {
    let tokens = state.tokens().await?;
    for token in &tokens {
        let expires = token.expires.map_or("never expires".to_owned(), |at| format!("expires {at}"));
        let used = token.last_used.map_or("never used".to_owned(), |at| format!("last used {at}"));
        let scopes = if token.scopes.is_empty() {
            String::new()
        } else {
            format!("  only {}", token.scopes.join(", "))
        };
        terminal::say(&format!("{}  {}  {expires}  {used}{scopes}", token.name, token.role.as_str()));
    }
    if tokens.is_empty() {
        terminal::complain("There are no tokens.");
    }
    Ok(())
}

async fn revoke(state: &State, name: &str) -> anyhow::Result<()> {
    anyhow::ensure!(state.revoke_token(name).await?, "there is no token `{name}`");
    audit(state, "token.revoke", name, String::new()).await?;
    terminal::say(&format!("The token `{name}` is worthless now."));
    Ok(())
}
