//! Who did what, when, and what came of it.

use model::Timestamp;

use crate::database::timestamp;
use crate::error::failed;
use crate::{State, StateError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// A user's name, `token:<name>`, `watchkeeper` itself, or `anonymous`.
    pub actor: String,
    /// `login`, `alert.acknowledge`, `agent.abort`, …
    pub action: String,
    /// What it was done to; empty when the action says it all.
    pub target: String,
    /// `ok`, `refused`, `failed`.
    pub outcome: String,
    /// Where the request came from.
    pub address: Option<String>,
    /// In words, without secrets.
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub id: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub outcome: String,
    pub address: Option<String>,
    pub detail: String,
}

type Row = (i64, i64, String, String, String, String, Option<String>, String);

impl State {
    pub async fn audit(&self, entry: &NewAuditEntry) -> Result<(), StateError> {
        sqlx::query(
            "INSERT INTO audit (at, actor, action, target, outcome, address, detail) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .bind(self.now())
        .bind(&entry.actor)
        .bind(&entry.action)
        .bind(&entry.target)
        .bind(&entry.outcome)
        .bind(&entry.address)
        .bind(&entry.detail)
        .execute(&self.writer)
        .await
        .map_err(failed("write the audit log"))?;
        Ok(())
    }

    /// The newest `limit` entries since `start`, newest first.
    pub async fn audit_since(&self, start: Timestamp, limit: u32) -> Result<Vec<AuditEntry>, StateError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, at, actor, action, target, outcome, address, detail FROM audit \
             WHERE at >= ?1 ORDER BY id DESC LIMIT ?2",
        )
        .bind(start.as_nanos())
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(failed("read the audit log"))?;
        let entry = |(id, at, actor, action, target, outcome, address, detail): Row| AuditEntry {
            id,
            at: timestamp(at),
            actor,
            action,
            target,
            outcome,
            address,
            detail,
        };
        Ok(rows.into_iter().map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::database::tests::Fixture;

    #[tokio::test]
    async fn the_log_is_read_newest_first() {
        let fixture = Fixture::new().await;
        for action in ["login", "alert.acknowledge", "logout"] {
            let entry = NewAuditEntry {
                actor: "ada".to_owned(),
                action: action.to_owned(),
                outcome: "ok".to_owned(),
                address: Some("127.0.0.1".to_owned()),
                ..NewAuditEntry::default()
            };
            fixture.state.audit(&entry).await.unwrap();
            fixture.clock.advance(Duration::from_secs(1)).await;
        }
        let fixture = fixture.reopened().await;
        let start = testkit::clock::START + Duration::from_secs(1);
        let entries = fixture.state.audit_since(start, 10).await.unwrap();
        let actions: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["logout", "alert.acknowledge"]);
        assert_eq!(fixture.state.audit_since(start, 1).await.unwrap().len(), 1);
    }
}
