//! Why a text is no search.

/// Says what is wrong and where, so that a page can point at it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (column {column})")]
pub struct SearchError {
    pub message: String,
    /// In characters, counted from 1.
    pub column: usize,
}
