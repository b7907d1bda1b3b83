//! What can go wrong with the database, in terms of what was attempted.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("failed to open the state database `{path}`")]
    Open {
        path: PathBuf,
        #[source]
        source: sqlx::Error,
    },
    #[error(
        "the state database `{path}` was made by a newer version (its schema is {found}, this version knows \
         {known}); start that version, or restore a backup made before it"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("failed to bring the state database `{path}` to this version's schema")]
    Migrate {
        path: PathBuf,
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    #[error("failed to {attempt}")]
    Failed {
        attempt: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("failed to {attempt}: the value cannot be written as JSON")]
    Unwritable {
        attempt: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("failed to {attempt}: the record `{id}` is not what this version wrote")]
    Unreadable { attempt: &'static str, id: String, reason: String },
    #[error("the {what} `{name}` exists already")]
    Exists { what: &'static str, name: String },
    /// A guard against a plain password in the database.
    #[error("what was given as password hash of `{user}` is not one")]
    NotAHash { user: String },
}

/// For `map_err`: names what was attempted.
pub(crate) fn failed(attempt: &'static str) -> impl Fn(sqlx::Error) -> StateError {
    move |source| StateError::Failed { attempt, source }
}

pub(crate) fn write_json<T: serde::Serialize>(
    attempt: &'static str,
    value: &T,
) -> Result<String, StateError> {
    serde_json::to_string(value).map_err(|source| StateError::Unwritable { attempt, source })
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    attempt: &'static str,
    id: &str,
    text: &str,
) -> Result<T, StateError> {
    serde_json::from_str(text).map_err(|error| unreadable(attempt, id, error.to_string()))
}

pub(crate) fn unreadable(attempt: &'static str, id: &str, reason: impl Into<String>) -> StateError {
    StateError::Unreadable { attempt, id: id.to_owned(), reason: reason.into() }
}
