//! Forgetting what is over and old, so that the database does not grow for ever.

use model::Timestamp;

use crate::error::failed;
use crate::{State, StateError};

/// What is open, queued or running is kept however old it is. The audit log has its own age.
const OLD: [&str; 5] = [
    "DELETE FROM alerts WHERE status = 'resolved' AND last_updated < ?1",
    "DELETE FROM notifications WHERE state NOT IN ('queued', 'sending') AND created < ?1 \
     AND NOT EXISTS (SELECT 1 FROM alerts WHERE alerts.id = alert_id)",
    "DELETE FROM recovery_runs WHERE outcome <> 'running' AND started < ?1",
    "DELETE FROM agents WHERE saved < ?1",
    "DELETE FROM sessions WHERE expires < ?1",
];

impl State {
    /// Drops what ended before `cutoff`. Returns how many rows went.
    pub async fn forget_before(&self, cutoff: Timestamp) -> Result<u64, StateError> {
        const ATTEMPT: &str = "forget what is over and old";
        let mut transaction = self.writer.begin().await.map_err(failed(ATTEMPT))?;
        let mut forgotten = 0;
        for statement in OLD {
            let deleted = sqlx::query(statement)
                .bind(cutoff.as_nanos())
                .execute(&mut *transaction)
                .await
                .map_err(failed(ATTEMPT))?;
            forgotten += deleted.rows_affected();
        }
        transaction.commit().await.map_err(failed(ATTEMPT))?;
        Ok(forgotten)
    }

    /// Drops audit entries older than `cutoff`. Returns how many went.
    pub async fn forget_audit_before(&self, cutoff: Timestamp) -> Result<u64, StateError> {
        let deleted = sqlx::query("DELETE FROM audit WHERE at < ?1")
            .bind(cutoff.as_nanos())
            .execute(&self.writer)
            .await
            .map_err(failed("forget old audit entries"))?;
        Ok(deleted.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use model::AlertStatus;

    use super::*;
    use crate::alerts::tests::alert;
    use crate::database::tests::Fixture;

    #[tokio::test]
    async fn only_what_is_over_and_old_is_forgotten() {
        let fixture = Fixture::new().await;
        let state = &fixture.state;
        for (id, status, at) in [
            ("old", AlertStatus::Resolved, 100),
            ("old-open", AlertStatus::Active, 100),
            ("new", AlertStatus::Resolved, 5000),
        ] {
            state.upsert_alert(&alert(id, status, at)).await.unwrap();
        }
        state.audit(&crate::NewAuditEntry::default()).await.unwrap();
        assert_eq!(state.forget_before(Timestamp::from_secs(1000)).await.unwrap(), 1);
        assert_eq!(state.alert("old").await.unwrap(), None);
        assert!(state.alert("old-open").await.unwrap().is_some());
        assert_eq!(state.forget_audit_before(Timestamp::from_secs(1000)).await.unwrap(), 0);
        assert_eq!(state.forget_audit_before(Timestamp::MAX).await.unwrap(), 1);
    }
}
