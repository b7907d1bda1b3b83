//! Prometheus' admin calls: deletion of series.

use axum::extract::State;
use axum::http::StatusCode;
use storage::{Erasure, Signal, UpkeepError};

use super::parameters::Parameters;
use super::reply::{ApiError, ErrorType};
use crate::app::Shared;

/// Gone for readers when the answer comes; gone from the disk with the next merges.
pub(crate) async fn delete_series(
    State(app): State<Shared>,
    parameters: Parameters,
) -> Result<StatusCode, ApiError> {
    let selections = parameters.matches()?;
    if selections.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = parameters.range_of_time()?;
    for stream in selections {
        let erasure = Erasure { signals: Signal::OF_METRICS.to_vec(), range, stream, attributes: Vec::new() };
        app.engines.store.erase(&erasure).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Merges take erased rows off the disk by themselves; what is still in memory goes into
/// files at once, so that there is something to merge.
pub(crate) async fn clean_tombstones(State(app): State<Shared>) -> Result<StatusCode, ApiError> {
    app.engines.store.flush().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A copy is made beside the data directory by the command, which also knows where to.
pub(crate) async fn snapshot() -> ApiError {
    ApiError::new(ErrorType::Unavailable, "snapshots are made with `watchkeeper backup DEST`")
}

impl From<UpkeepError> for ApiError {
    fn from(error: UpkeepError) -> Self {
        tracing::error!(%error, source = std::error::Error::source(&error), "the store's upkeep failed");
        ApiError::new(ErrorType::Internal, error.to_string())
    }
}
