//! The first administrator: by a printed one-time link, or from the environment.

use state::{Role, State, StateError, User};

use super::password::{PasswordError, hash_password};
use super::secret::{hash_of, random_text};

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    State(#[from] StateError),
}

/// A new one-time token for the set-up link while nobody can sign in; earlier ones end.
pub async fn issue_setup_token(state: &State) -> Result<Option<String>, StateError> {
    if state.has_users().await? {
        return Ok(None);
    }
    let token = random_text();
    state.set_setup_token(&hash_of(&token)).await?;
    Ok(Some(token))
}

/// Creates an administrator for an unattended install; none when there are users already.
pub async fn create_administrator(
    state: &State,
    name: &str,
    password: &str,
) -> Result<Option<User>, SetupError> {
    if state.has_users().await? {
        return Ok(None);
    }
    let hash = hash_password(password).await?;
    Ok(Some(state.create_user(name, Role::Admin, &hash).await?))
}
