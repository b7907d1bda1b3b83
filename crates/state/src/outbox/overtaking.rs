//! When an alert resolves faster than its firing can be said.
//!
//! Who was never told of the firing is not told of its end; who may have been told is.

use model::Timestamp;
use sqlx::SqliteConnection;

use super::NewNotification;
use super::receipts::{Attempt, ReceiptOutcome, write_receipt};
use crate::StateError;
use crate::database::timestamp;
use crate::error::failed;

/// Looks at the firing that `new` would resolve, and cancels it when it still waits.
pub(super) async fn resolution_is_wanted(
    connection: &mut SqliteConnection,
    new: &NewNotification,
    now: i64,
) -> Result<bool, StateError> {
    const ATTEMPT: &str = "queue a resolution";
    let firing: Option<(i64, String, bool)> = sqlx::query_as(
        "SELECT id, state, doubtful FROM notifications \
         WHERE alert_id = ?1 AND receiver = ?2 AND transition = 'firing'",
    )
    .bind(&new.alert_id)
    .bind(&new.receiver)
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed(ATTEMPT))?;
    let Some((id, state, doubtful)) = firing else { return Ok(false) };
    if state == "queued" {
        cancel(connection, id, timestamp(now), "the alert resolved before it could be sent").await?;
    }
    Ok(doubtful || matches!(state.as_str(), "accepted" | "sending"))
}

/// After a failed attempt to tell of a firing: if its resolution is already queued, the
/// firing is not tried again, and the resolution is sent only when the firing may have arrived.
pub(super) async fn settle_overtaken_firing(
    connection: &mut SqliteConnection,
    id: i64,
    at: Timestamp,
) -> Result<(), StateError> {
    let overtaken: Option<(String, bool, i64)> = sqlx::query_as(
        "SELECT firing.state, firing.doubtful, resolved.id FROM notifications AS firing \
         JOIN notifications AS resolved ON resolved.alert_id = firing.alert_id \
         AND resolved.receiver = firing.receiver AND resolved.transition = 'resolved' AND resolved.state = 'queued' \
         WHERE firing.id = ?1 AND firing.transition = 'firing'",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed("record the outcome of a notification"))?;
    let Some((state, doubtful, resolution)) = overtaken else { return Ok(()) };
    if state == "queued" {
        cancel(connection, id, at, "the alert resolved before it could be sent").await?;
    }
    if !doubtful {
        cancel(connection, resolution, at, "the receiver was never told of the firing").await?;
    }
    Ok(())
}

pub(super) async fn cancel(
    connection: &mut SqliteConnection,
    id: i64,
    at: Timestamp,
    why: &str,
) -> Result<(), StateError> {
    sqlx::query("UPDATE notifications SET state = 'cancelled' WHERE id = ?1")
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(failed("cancel a notification"))?;
    let attempt = Attempt { at, reply: why.to_owned(), ..Attempt::default() };
    write_receipt(connection, id, &attempt, ReceiptOutcome::Cancelled).await
}
