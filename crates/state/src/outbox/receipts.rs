//! What came of each attempt to say something.

use model::Timestamp;
use sqlx::SqliteConnection;

use super::Transition;
use crate::database::timestamp;
use crate::error::{failed, unreadable};
use crate::{State, StateError};

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

type ReceiptRow = (i64, i64, String, String, String, i64, i64, String, Option<i64>, String);

impl State {
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

pub(super) async fn write_receipt(
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
