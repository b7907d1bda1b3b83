//! What can go wrong with a query, sorted by who can do something about it.

use std::time::Duration;

/// The text is not a query. The API's `bad_data`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    pub message: String,
}

impl ParseError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The query cannot be asked in this way. The API's `bad_data`.
    #[error("{0}")]
    Invalid(String),
    /// The samples do not fit the query, for example when a match is ambiguous.
    /// The API's `execution`.
    #[error("{0}")]
    Execution(String),
    /// The API's `execution`; names the setting that limits it.
    #[error("the query touches more than {limit} samples; narrow it, or raise `query.samples_max`")]
    TooManySamples { limit: u64 },
    /// Too many others ask. The API's `unavailable`; names the settings that limit it.
    #[error(
        "{running} queries run and {waiting} wait already; ask again later, or raise \
         `query.concurrency_max` or `query.waiting_max`"
    )]
    Busy { running: usize, waiting: usize },
    /// The API's `timeout`.
    #[error("the query did not finish within {0:?}")]
    Timeout(Duration),
    /// Nobody waits for the answer any more. The API's `canceled`.
    #[error("the query was given up")]
    Canceled,
    #[error("the samples of the query could not be read")]
    Storage(#[from] storage::QueryError),
}

impl EvalError {
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        EvalError::Execution(message.into())
    }
}
