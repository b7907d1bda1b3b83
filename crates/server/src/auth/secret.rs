//! Unguessable texts, and the hashes by which they are known.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use model::Timestamp;
use sha2::{Digest, Sha256};
use state::{NewApiToken, State, StateError, TokenHash};

use crate::access::Permission;

/// How API tokens begin, so that scanners for leaked secrets can know them.
pub(crate) const API_TOKEN_PREFIX: &str = "wk_";

/// 256 random bits as text that fits into URLs and cookies.
pub(crate) fn random_text() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(runtime::random::bytes::<32>())
}

pub(crate) fn hash_of(secret: &str) -> TokenHash {
    TokenHash::new(Sha256::digest(secret.as_bytes()).into())
}

/// A new API token in plain text. It is shown once and kept nowhere.
pub struct ApiTokenSecret(String);

impl ApiTokenSecret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiTokenSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiTokenSecret(…)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("`{0}` is not a permission")]
    UnknownScope(String),
    #[error(transparent)]
    State(#[from] StateError),
}

/// Creates an API token of `role`, narrowed to `scopes` unless they are empty.
pub async fn issue_api_token(
    state: &State,
    name: &str,
    role: state::Role,
    scopes: &[String],
    expires: Option<Timestamp>,
) -> Result<ApiTokenSecret, TokenError> {
    if let Some(unknown) = scopes.iter().find(|scope| permission(scope).is_none()) {
        return Err(TokenError::UnknownScope(unknown.clone()));
    }
    let secret = format!("{API_TOKEN_PREFIX}{}", random_text());
    let new = NewApiToken { name: name.to_owned(), role, scopes: scopes.to_vec(), expires };
    state.create_token(&new, &hash_of(&secret)).await?;
    Ok(ApiTokenSecret(secret))
}

pub(crate) fn permission(name: &str) -> Option<Permission> {
    Permission::ALL.into_iter().find(|permission| permission.as_str() == name)
}
