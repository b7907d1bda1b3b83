//! The outbox: what must be said to whom, and what came of each attempt.
//!
//! ```text
//! queued ──claim──▶ sending ──▶ accepted
//!   ▲                  │ ├────▶ gave_up
//!   └────retry_at──────┘ └────▶ cancelled   (the alert resolved before anybody was told)
//! ```
//!
//! A row is written in the transaction of the alert's change. `sending` rows go back to
//! `queued` when a worker starts ([`State::requeue_unfinished`]), so what was being sent during a crash
//! is sent again: at least once.

mod overtaking;
mod receipts;

use model::Timestamp;
use sqlx::SqliteConnection;

use crate::database::timestamp;
use crate::error::{failed, unreadable};
use crate::{State, StateError};
use overtaking::{cancel, resolution_is_wanted, settle_overtaken_firing};
use receipts::write_receipt;
pub use receipts::{Attempt, Receipt, ReceiptOutcome};

/// What happened to the alert that is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    Firing,
    Resolved,
    /// Somebody asked for a test message.
    Test,
}

impl Transition {
    pub const fn as_str(self) -> &'static str {
        match self {
            Transition::Firing => "firing",
            Transition::Resolved => "resolved",
            Transition::Test => "test",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Transition::Firing, Transition::Resolved, Transition::Test]
            .into_iter()
            .find(|transition| transition.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// A hash of alert, transition and receiver. A second one with the same key is ignored.
    pub key: String,
    pub receiver: String,
    pub alert_id: String,
    pub transition: Transition,
    pub payload: String,
}

/// A notification that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub id: i64,
    pub key: String,
    pub receiver: String,
    pub alert_id: String,
    pub transition: Transition,
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
    pub created: Timestamp,
    pub due: Timestamp,
}

type NotificationRow = (i64, String, String, String, String, String, i64, i64, i64);
impl State {
    /// Queues a notification that belongs to no change of an alert: a test. Returns its id.
    pub async fn queue(&self, notification: &NewNotification) -> Result<i64, StateError> {
        const ATTEMPT: &str = "queue a notification";
        let mut transaction = self.writer.begin().await.map_err(failed(ATTEMPT))?;
        enqueue(&mut transaction, notification, self.now()).await?;
        let id = sqlx::query_scalar("SELECT id FROM notifications WHERE key = ?1")
            .bind(&notification.key)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed(ATTEMPT))?;
        transaction.commit().await.map_err(failed(ATTEMPT))?;
        Ok(id)
    }

    /// What waits for `receiver` and is due, oldest first. A resolution waits until its
    /// firing is through.
    pub async fn due(
        &self,
        receiver: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Notification>, StateError> {
        const ATTEMPT: &str = "read the outbox";
        let rows: Vec<NotificationRow> = sqlx::query_as(
            "SELECT id, key, receiver, alert_id, transition, payload, attempts, created, due \
             FROM notifications AS waiting \
             WHERE receiver = ?1 AND state = 'queued' AND due <= ?2 AND NOT (transition = 'resolved' AND EXISTS ( \
                 SELECT 1 FROM notifications AS firing WHERE firing.alert_id = waiting.alert_id \
                 AND firing.receiver = waiting.receiver AND firing.transition = 'firing' \
                 AND firing.state IN ('queued', 'sending'))) \
             ORDER BY due, id LIMIT ?3",
        )
        .bind(receiver)
        .bind(now.as_nanos())
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        rows.into_iter().map(|row| notification(ATTEMPT, row)).collect()
    }

    /// When the next notification of `receiver` falls due.
    pub async fn next_due(&self, receiver: &str) -> Result<Option<Timestamp>, StateError> {
        let due: Option<i64> =
            sqlx::query_scalar("SELECT MIN(due) FROM notifications WHERE receiver = ?1 AND state = 'queued'")
                .bind(receiver)
                .fetch_one(&self.reader)
                .await
                .map_err(failed("read the outbox"))?;
        Ok(due.map(timestamp))
    }

    /// Takes a queued notification for sending. False when it was cancelled meanwhile.
    pub async fn claim(&self, id: i64) -> Result<bool, StateError> {
        let changed = sqlx::query(
            "UPDATE notifications SET state = 'sending', attempts = attempts + 1 WHERE id = ?1 AND state = 'queued'",
        )
        .bind(id)
        .execute(&self.writer)
        .await
        .map_err(failed("claim a notification"))?;
        Ok(changed.rows_affected() == 1)
    }

    pub async fn delivered(&self, id: i64, attempt: &Attempt) -> Result<(), StateError> {
        self.end_attempt(id, attempt, ReceiptOutcome::Accepted, None).await
    }

    /// To be tried again at `due`. When the alert has resolved meanwhile, neither the firing
    /// nor the resolution is sent, unless the attempt may have arrived.
    pub async fn retry_at(&self, id: i64, due: Timestamp, attempt: &Attempt) -> Result<(), StateError> {
        self.end_attempt(id, attempt, ReceiptOutcome::Retry, Some(due)).await
    }

    /// Not to be tried again. A resolution that waited for this firing is cancelled too.
    pub async fn gave_up(&self, id: i64, attempt: &Attempt) -> Result<(), StateError> {
        self.end_attempt(id, attempt, ReceiptOutcome::GaveUp, None).await
    }

    async fn end_attempt(
        &self,
        id: i64,
        attempt: &Attempt,
        outcome: ReceiptOutcome,
        due: Option<Timestamp>,
    ) -> Result<(), StateError> {
        const ATTEMPT: &str = "record the outcome of a notification";
        let mut transaction = self.writer.begin().await.map_err(failed(ATTEMPT))?;
        let state = match outcome {
            ReceiptOutcome::Accepted => "accepted",
            ReceiptOutcome::Retry => "queued",
            ReceiptOutcome::GaveUp => "gave_up",
            ReceiptOutcome::Cancelled => "cancelled",
        };
        sqlx::query(
            "UPDATE notifications SET state = ?2, due = COALESCE(?3, due), doubtful = MAX(doubtful, ?4) WHERE id = ?1",
        )
        .bind(id)
        .bind(state)
        .bind(due.map(Timestamp::as_nanos))
        .bind(attempt.doubtful)
        .execute(&mut *transaction)
        .await
        .map_err(failed(ATTEMPT))?;
        write_receipt(&mut transaction, id, attempt, outcome).await?;
        if outcome != ReceiptOutcome::Accepted {
            settle_overtaken_firing(&mut transaction, id, attempt.at).await?;
        }
        transaction.commit().await.map_err(failed(ATTEMPT))
    }

    /// How many notifications wait, for whatever receiver, and since when the oldest does.
    pub async fn outbox_depth(&self) -> Result<(u64, Option<Timestamp>), StateError> {
        let (count, oldest): (i64, Option<i64>) = sqlx::query_as(
            "SELECT COUNT(*), MIN(created) FROM notifications WHERE state IN ('queued', 'sending')",
        )
        .fetch_one(&self.reader)
        .await
        .map_err(failed("read the outbox"))?;
        Ok((count.unsigned_abs(), oldest.map(timestamp)))
    }

    /// Whether `receiver` knows, or is about to know, that the alert fired.
    pub async fn was_told(&self, receiver: &str, alert_id: &str) -> Result<bool, StateError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM notifications WHERE alert_id = ?1 AND receiver = ?2 \
             AND transition = 'firing' AND state IN ('queued', 'sending', 'accepted'))",
        )
        .bind(alert_id)
        .bind(receiver)
        .fetch_one(&self.reader)
        .await
        .map_err(failed("read the outbox"))
    }

    /// What was being sent to `receiver` when its worker ended is queued again. Returns how many.
    pub async fn requeue_unfinished(&self, receiver: &str) -> Result<u64, StateError> {
        // It may have arrived: the answer was never seen.
        let changed = sqlx::query(
            "UPDATE notifications SET state = 'queued', doubtful = 1 WHERE state = 'sending' AND receiver = ?1",
        )
        .bind(receiver)
        .execute(&self.writer)
        .await
        .map_err(failed("requeue unfinished notifications"))?;
        Ok(changed.rows_affected())
    }

    /// Cancels what waits for receivers that are no longer configured. Returns how many.
    pub async fn cancel_for_unknown_receivers(&self, known: &[String]) -> Result<u64, StateError> {
        const ATTEMPT: &str = "cancel notifications of removed receivers";
        let mut transaction = self.writer.begin().await.map_err(failed(ATTEMPT))?;
        let waiting: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, receiver FROM notifications WHERE state IN ('queued', 'sending')")
                .fetch_all(&mut *transaction)
                .await
                .map_err(failed(ATTEMPT))?;
        let mut cancelled = 0;
        for (id, _) in waiting.iter().filter(|(_, receiver)| !known.contains(receiver)) {
            cancel(&mut transaction, *id, self.clock.now(), "its receiver is no longer configured").await?;
            cancelled += 1;
        }
        transaction.commit().await.map_err(failed(ATTEMPT))?;
        Ok(cancelled)
    }
}

/// Writes a row, once per key. A resolution goes only to who was, or may have been, told.
pub(crate) async fn enqueue(
    connection: &mut SqliteConnection,
    new: &NewNotification,
    now: i64,
) -> Result<(), StateError> {
    const ATTEMPT: &str = "queue a notification";
    if new.transition == Transition::Resolved && !resolution_is_wanted(connection, new, now).await? {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO notifications (key, receiver, alert_id, transition, payload, state, created, due) \
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?6) ON CONFLICT (key) DO NOTHING",
    )
    .bind(&new.key)
    .bind(&new.receiver)
    .bind(&new.alert_id)
    .bind(new.transition.as_str())
    .bind(&new.payload)
    .bind(now)
    .execute(connection)
    .await
    .map_err(failed(ATTEMPT))?;
    Ok(())
}

fn notification(attempt: &'static str, row: NotificationRow) -> Result<Notification, StateError> {
    let (id, key, receiver, alert_id, transition, payload, attempts, created, due) = row;
    let transition =
        Transition::parse(&transition).ok_or_else(|| unreadable(attempt, &key, "unknown transition"))?;
    Ok(Notification {
        id,
        key,
        receiver,
        alert_id,
        transition,
        payload,
        attempts: attempts as u32,
        created: timestamp(created),
        due: timestamp(due),
    })
}

#[cfg(test)]
mod tests;
