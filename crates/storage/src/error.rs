//! What can go wrong at the seam, in terms that a caller can act on.

/// Where an engine's own error is kept as the source.
type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing of the batch was kept. Sending it again later can succeed.
    #[error("the store is full: {0}")]
    Full(String),
    /// Nothing of the batch was kept. Sending it again cannot succeed.
    #[error("the batch was refused: {0}")]
    Refused(String),
    /// It is not known to be durable. Sending it again is safe.
    #[error("the batch could not be made durable")]
    NotDurable(#[source] Source),
    #[error("the store is closed")]
    Closed,
}

impl AppendError {
    pub fn is_retryable(&self) -> bool {
        !matches!(self, AppendError::Refused(_))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Names the setting that limits it.
    #[error("the query touches more than {limit} {what}; narrow it, or raise `{setting}`")]
    TooMuch { what: &'static str, limit: u64, setting: &'static str },
    #[error("the store could not be read")]
    Unreadable(#[source] Source),
    #[error("the store is closed")]
    Closed,
}

#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    #[error("failed to {what}")]
    Failed {
        what: String,
        #[source]
        source: Source,
    },
    #[error("the store is closed")]
    Closed,
}
