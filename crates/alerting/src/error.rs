//! What can go wrong, in terms that a caller can act on.

use state::StateError;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("receiver `{id}`: {reason}")]
    Receiver { id: String, reason: String },
    #[error("there are two receivers named `{id}`")]
    SameReceiver { id: String },
    #[error("the alerts of the last run could not be read")]
    State(#[from] StateError),
}

#[derive(Debug, thiserror::Error)]
pub enum AckError {
    #[error("there is no open alert `{id}`")]
    NotFound { id: String },
    #[error("the acknowledgement could not be recorded")]
    State(#[from] StateError),
}

#[derive(Debug, thiserror::Error)]
pub enum TestError {
    #[error("there is no receiver `{id}`")]
    NotFound { id: String },
    #[error("the receiver `{id}` is switched off")]
    Disabled { id: String },
    #[error("no answer came within {0:?}; the receipt will be among the others")]
    TooSlow(std::time::Duration),
    #[error("the test message could not be queued")]
    State(#[from] StateError),
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    crate::plain_text::single_line(&text)
}
