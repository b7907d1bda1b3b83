//! The outbox: what must be said to whom, and what came of each attempt.
//!
//! ```text
//! queued ──claim──▶ sending ──▶ accepted
//!   ▲                  │ ├────▶ gave_up
//!   └────retry_at──────┘ └────▶ cancelled   (the alert resolved before anybody was told)
//! ```
//!
//! A row is written in the transaction of the alert's change. `sending` rows go back to
//! `queued` at start ([`State::requeue_unfinished`]), so what was being sent during a crash
//! is sent again: at least once.

use model::Timestamp;
use sqlx::SqliteConnection;

use crate::database::timestamp;
use crate::error::{failed, unreadable};
use crate::{State, StateError};

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

/// What came of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    pub at: Timestamp,
    /// The status of the answer, when there was one.
    pub status: Option<u16>,
    /// The head of the answer, or why there was none.
    pub reply: String,
    /// It failed, and may have arrived all the same.
    pub doubtful: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptOutcome {
    Accepted,
    /// Failed, to be tried again.
    Retry,
    GaveUp,
    /// Not sent, on purpose.
    Cancelled,
}

impl ReceiptOutcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            ReceiptOutcome::Accepted => "accepted",
            ReceiptOutcome::Retry => "retry",
            ReceiptOutcome::GaveUp => "gave_up",
            ReceiptOutcome::Cancelled => "cancelled",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Accepted, Self::Retry, Self::GaveUp, Self::Cancelled]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// One attempt, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub id: i64,
    pub notification: i64,
    pub receiver: String,
    pub alert_id: String,
    pub transition: Transition,
    pub attempt: u32,
    pub at: Timestamp,
    pub outcome: ReceiptOutcome,
    pub status: Option<u16>,
    pub reply: String,
}

type NotificationRow = (i64, String, String, String, String, String, i64, i64, i64);
type ReceiptRow = (i64, i64, String, String, String, i64, i64, String, Option<i64>, String);

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

    /// What was being sent when the process ended is queued again. Returns how many.
    pub async fn requeue_unfinished(&self) -> Result<u64, StateError> {
        // It may have arrived: the answer was never seen.
        let changed =
            sqlx::query("UPDATE notifications SET state = 'queued', doubtful = 1 WHERE state = 'sending'")
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

    /// The newest receipts first.
    pub async fn receipts(&self, limit: u32) -> Result<Vec<Receipt>, StateError> {
        const ATTEMPT: &str = "read the receipts";
        let rows: Vec<ReceiptRow> = sqlx::query_as(
            "SELECT receipts.id, notification, receiver, alert_id, transition, attempt, at, outcome, status, reply \
             FROM receipts JOIN notifications ON notifications.id = notification \
             ORDER BY receipts.id DESC LIMIT ?1",
        )
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        rows.into_iter().map(|row| receipt(ATTEMPT, row)).collect()
    }

    /// The last receipt of one notification.
    pub async fn receipt_of(&self, notification: i64) -> Result<Option<Receipt>, StateError> {
        const ATTEMPT: &str = "read a receipt";
        let row: Option<ReceiptRow> = sqlx::query_as(
            "SELECT receipts.id, notification, receiver, alert_id, transition, attempt, at, outcome, status, reply \
             FROM receipts JOIN notifications ON notifications.id = notification \
             WHERE notification = ?1 ORDER BY receipts.id DESC LIMIT 1",
        )
        .bind(notification)
        .fetch_optional(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        row.map(|row| receipt(ATTEMPT, row)).transpose()
    }

    /// The last receipt of a receiver.
    pub async fn last_receipt(&self, receiver: &str) -> Result<Option<Receipt>, StateError> {
        const ATTEMPT: &str = "read a receipt";
        let row: Option<ReceiptRow> = sqlx::query_as(
            "SELECT receipts.id, notification, receiver, alert_id, transition, attempt, at, outcome, status, reply \
             FROM receipts JOIN notifications ON notifications.id = notification \
             WHERE receiver = ?1 ORDER BY receipts.id DESC LIMIT 1",
        )
        .bind(receiver)
        .fetch_optional(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        row.map(|row| receipt(ATTEMPT, row)).transpose()
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

/// Looks at the firing that `new` would resolve, and cancels it when it still waits.
async fn resolution_is_wanted(
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
async fn settle_overtaken_firing(
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

async fn cancel(
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

async fn write_receipt(
    connection: &mut SqliteConnection,
    notification: i64,
    attempt: &Attempt,
    outcome: ReceiptOutcome,
) -> Result<(), StateError> {
    sqlx::query(
        "INSERT INTO receipts (notification, attempt, at, outcome, status, reply) \
         SELECT id, attempts, ?2, ?3, ?4, ?5 FROM notifications WHERE id = ?1",
    )
    .bind(notification)
    .bind(attempt.at.as_nanos())
    .bind(outcome.as_str())
    .bind(attempt.status)
    .bind(&attempt.reply)
    .execute(connection)
    .await
    .map_err(failed("record a receipt"))?;
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

fn receipt(attempt: &'static str, row: ReceiptRow) -> Result<Receipt, StateError> {
    let (id, notification, receiver, alert_id, transition, number, at, outcome, status, reply) = row;
    let unknown = |reason: &str| unreadable(attempt, &id.to_string(), reason);
    Ok(Receipt {
        transition: Transition::parse(&transition).ok_or_else(|| unknown("unknown transition"))?,
        outcome: ReceiptOutcome::parse(&outcome).ok_or_else(|| unknown("unknown outcome"))?,
        id,
        notification,
        receiver,
        alert_id,
        attempt: number as u32,
        at: timestamp(at),
        status: status.and_then(|status| u16::try_from(status).ok()),
        reply,
    })
}

#[cfg(test)]
mod tests;
