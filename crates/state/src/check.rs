//! Looking whether the database is in order.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::failed;
use crate::{State, StateError};

/// What a look at the whole database found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateCheck {
    /// What SQLite's `quick_check` complains about; empty when all is well.
    pub faults: Vec<String>,
    pub size_bytes: u64,
    /// Rows of each table.
    pub rows: BTreeMap<&'static str, u64>,
    pub took: Duration,
}

impl StateCheck {
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

const COUNTS: [(&str, &str); 8] = [
    ("alerts", "SELECT COUNT(*) FROM alerts"),
    ("notifications", "SELECT COUNT(*) FROM notifications"),
    ("receipts", "SELECT COUNT(*) FROM receipts"),
    ("recovery_runs", "SELECT COUNT(*) FROM recovery_runs"),
    ("agents", "SELECT COUNT(*) FROM agents"),
    ("users", "SELECT COUNT(*) FROM users"),
    ("sessions", "SELECT COUNT(*) FROM sessions"),
    ("audit", "SELECT COUNT(*) FROM audit"),
];

impl State {
    /// Reads every page once; writes of others go on meanwhile.
    pub async fn check(&self) -> Result<StateCheck, StateError> {
        const ATTEMPT: &str = "check the state database";
        let started = self.clock.monotonic();
        let findings: Vec<String> = sqlx::query_scalar("PRAGMA quick_check")
            .fetch_all(&self.reader)
            .await
            .map_err(failed(ATTEMPT))?;
        let size_bytes: i64 =
            sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
                .fetch_one(&self.reader)
                .await
                .map_err(failed(ATTEMPT))?;
        let mut rows = BTreeMap::new();
        for (table, count) in COUNTS {
            let count: i64 =
                sqlx::query_scalar(count).fetch_one(&self.reader).await.map_err(failed(ATTEMPT))?;
            rows.insert(table, count.unsigned_abs());
        }
        Ok(StateCheck {
            faults: findings.into_iter().filter(|finding| finding != "ok").collect(),
            size_bytes: size_bytes.unsigned_abs(),
            rows,
            took: self.clock.monotonic().saturating_sub(started),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::database::tests::Fixture;

    #[tokio::test]
    async fn a_fresh_database_is_sound_and_counted() {
        let fixture = Fixture::new().await;
        let state = &fixture.state;
        state.audit(&crate::NewAuditEntry::default()).await.unwrap();
        let check = state.check().await.unwrap();
        assert!(check.is_sound(), "{:?}", check.faults);
        assert!(check.size_bytes > 4096);
        assert_eq!((check.rows["audit"], check.rows["users"]), (1, 0));
    }
}
