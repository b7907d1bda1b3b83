//! Alerts from their first sign to their end.

use model::{Alert, Timestamp};
use sqlx::SqliteConnection;

use crate::error::{failed, read_json, unreadable, write_json};
use crate::outbox::{NewNotification, enqueue};
use crate::{State, StateError};

/// An alert as it is now, and what must be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertChange {
    pub alert: Alert,
    pub notifications: Vec<NewNotification>,
}

type Row = (String, String, String);

impl State {
    pub async fn upsert_alert(&self, alert: &Alert) -> Result<(), StateError> {
        self.record_alert(alert, &[]).await
    }

    /// The change of an alert and what must be said about it, together or not at all.
    ///
    /// A `resolved` notification is kept only for a receiver that was told of the firing; a
    /// firing that still waits is cancelled by it.
    pub async fn record_alert(
        &self,
        alert: &Alert,
        notifications: &[NewNotification],
    ) -> Result<(), StateError> {
        let change = AlertChange { alert: alert.clone(), notifications: notifications.to_vec() };
        self.record_alerts(&[change], &[]).await
    }

    /// Everything that one evaluation changed, in one transaction: one wait for the disk.
    /// `ended` are the ids of alerts that ended before they fired; they are forgotten.
    pub async fn record_alerts(&self, changes: &[AlertChange], ended: &[String]) -> Result<(), StateError> {
        const ATTEMPT: &str = "record alerts";
        let mut transaction = self.writer.begin().await.map_err(failed(ATTEMPT))?;
        for change in changes {
            write_alert(&mut transaction, &change.alert).await?;
            for notification in &change.notifications {
                enqueue(&mut transaction, notification, self.now()).await?;
            }
        }
        for id in ended {
            remove(&mut transaction, id).await?;
        }
        transaction.commit().await.map_err(failed(ATTEMPT))
    }

    /// Forgets an alert that ended before it fired.
    pub async fn remove_alert(&self, id: &str) -> Result<(), StateError> {
        let mut connection = self.writer.acquire().await.map_err(failed("forget an alert"))?;
        remove(&mut connection, id).await
    }

    /// Pending, active, acknowledged and suppressed ones, oldest first.
    pub async fn open_alerts(&self) -> Result<Vec<Alert>, StateError> {
        const ATTEMPT: &str = "read the open alerts";
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, value, record FROM alerts WHERE status <> 'resolved' ORDER BY pending_since, id",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        rows.into_iter().map(|row| read_alert(ATTEMPT, row)).collect()
    }

    /// Every alert that fired (or began, if it has not fired) since `start`, and every open
    /// one, newest first.
    pub async fn alerts_since(&self, start: Timestamp) -> Result<Vec<Alert>, StateError> {
        const ATTEMPT: &str = "read the history of alerts";
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, value, record FROM alerts \
             WHERE COALESCE(fired_at, pending_since) >= ?1 OR status <> 'resolved' \
             ORDER BY COALESCE(fired_at, pending_since) DESC, id DESC",
        )
        .bind(start.as_nanos())
        .fetch_all(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        rows.into_iter().map(|row| read_alert(ATTEMPT, row)).collect()
    }

    pub async fn alert(&self, id: &str) -> Result<Option<Alert>, StateError> {
        const ATTEMPT: &str = "read an alert";
        let row: Option<Row> = sqlx::query_as("SELECT id, value, record FROM alerts WHERE id = ?1")
            .bind(id)
            .fetch_optional(&self.reader)
            .await
            .map_err(failed(ATTEMPT))?;
        row.map(|row| read_alert(ATTEMPT, row)).transpose()
    }
}

async fn write_alert(connection: &mut SqliteConnection, alert: &Alert) -> Result<(), StateError> {
    const ATTEMPT: &str = "record an alert";
    // The value has its own column; what JSON cannot say must not make the record unreadable.
    let finite = Alert { value: 0.0, ..alert.clone() };
    sqlx::query(
        "INSERT INTO alerts (id, rule, status, pending_since, fired_at, last_updated, value, record) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, fired_at = excluded.fired_at, \
         last_updated = excluded.last_updated, value = excluded.value, record = excluded.record",
    )
    .bind(&alert.id)
    .bind(&alert.rule)
    .bind(alert.status.as_str())
    .bind(alert.pending_since.as_nanos())
    .bind(alert.fired_at.map(Timestamp::as_nanos))
    .bind(alert.last_updated.as_nanos())
    .bind(alert.value.to_string())
    .bind(write_json(ATTEMPT, &finite)?)
    .execute(connection)
    .await
    .map_err(failed(ATTEMPT))?;
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, id: &str) -> Result<(), StateError> {
    sqlx::query("DELETE FROM alerts WHERE id = ?1")
        .bind(id)
        .execute(connection)
        .await
        .map_err(failed("forget an alert"))?;
    Ok(())
}

fn read_alert(attempt: &'static str, (id, value, record): Row) -> Result<Alert, StateError> {
    let alert: Alert = read_json(attempt, &id, &record)?;
    let value = value.parse().map_err(|_| unreadable(attempt, &id, "its value is not a number"))?;
    Ok(Alert { value, ..alert })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use model::{AlertStatus, LabelSet, Severity};

    use super::*;
    use crate::Transition;
    use crate::database::tests::Fixture;

    pub(crate) fn alert(id: &str, status: AlertStatus, pending_secs: i64) -> Alert {
        Alert {
            id: id.to_owned(),
            rule: "high_cpu_usage".to_owned(),
            title: "High CPU usage".to_owned(),
            description: "CPU is busy".to_owned(),
            severity: Severity::High,
            status,
            component: "host".to_owned(),
            tags: vec!["system".to_owned()],
            labels: LabelSet::new([("instance", "a")]),
            annotations: LabelSet::new([("why", "make -j")]),
            value: 91.5,
            threshold: Some(80.0),
            pending_since: Timestamp::from_secs(pending_secs),
            fired_at: (status != AlertStatus::Pending).then(|| Timestamp::from_secs(pending_secs + 60)),
            last_updated: Timestamp::from_secs(pending_secs + 60),
            resolved_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
        }
    }

    fn ids(alerts: &[Alert]) -> Vec<&str> {
        alerts.iter().map(|alert| alert.id.as_str()).collect()
    }

    #[tokio::test]
    async fn an_alert_comes_back_as_it_went_in_after_a_restart() {
        let fixture = Fixture::new().await;
        let written = alert("a", AlertStatus::Active, 100);
        fixture.state.upsert_alert(&written).await.unwrap();
        let fixture = fixture.reopened().await;
        assert_eq!(fixture.state.alert("a").await.unwrap(), Some(written));
        assert_eq!(fixture.state.alert("b").await.unwrap(), None);
    }

    #[tokio::test]
    async fn values_that_json_cannot_say_are_kept() {
        let fixture = Fixture::new().await;
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1 + 0.2] {
            let written = Alert { value, ..alert("a", AlertStatus::Active, 100) };
            fixture.state.upsert_alert(&written).await.unwrap();
            let read = fixture.state.alert("a").await.unwrap().unwrap();
            assert!(
                read.value == value || (read.value.is_nan() && value.is_nan()),
                "{} is not {value}",
                read.value
            );
        }
    }

    #[tokio::test]
    async fn open_alerts_are_those_that_are_not_over() {
        let fixture = Fixture::new().await;
        for (id, status) in [
            ("pending", AlertStatus::Pending),
            ("active", AlertStatus::Active),
            ("acknowledged", AlertStatus::Acknowledged),
            ("resolved", AlertStatus::Resolved),
        ] {
            fixture.state.upsert_alert(&alert(id, status, 100)).await.unwrap();
        }
        assert_eq!(ids(&fixture.state.open_alerts().await.unwrap()), ["acknowledged", "active", "pending"]);
        fixture.state.remove_alert("pending").await.unwrap();
        assert_eq!(ids(&fixture.state.open_alerts().await.unwrap()), ["acknowledged", "active"]);
    }

    #[tokio::test]
    async fn the_history_is_newest_first_and_never_leaves_out_an_open_alert() {
        let fixture = Fixture::new().await;
        for (id, status, at) in [
            ("old-open", AlertStatus::Active, 10),
            ("old", AlertStatus::Resolved, 20),
            ("new", AlertStatus::Resolved, 500),
            ("newest", AlertStatus::Active, 600),
        ] {
            fixture.state.upsert_alert(&alert(id, status, at)).await.unwrap();
        }
        let history = fixture.state.alerts_since(Timestamp::from_secs(300)).await.unwrap();
        assert_eq!(ids(&history), ["newest", "new", "old-open"]);
    }

    #[tokio::test]
    async fn an_alert_is_not_recorded_without_its_notifications() {
        let fixture = Fixture::new().await;
        // The database refuses the second row of the transaction.
        sqlx::query(
            "CREATE TRIGGER full BEFORE INSERT ON notifications BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        )
        .execute(&fixture.state.writer)
        .await
        .unwrap();
        let notification = NewNotification {
            key: "k".to_owned(),
            receiver: "slack".to_owned(),
            alert_id: "a".to_owned(),
            transition: Transition::Firing,
            payload: "{}".to_owned(),
        };
        let active = alert("a", AlertStatus::Active, 100);
        assert!(fixture.state.record_alert(&active, &[notification]).await.is_err());
        assert_eq!(fixture.state.alert("a").await.unwrap(), None);
        assert!(fixture.state.upsert_alert(&active).await.is_ok(), "the connection is usable afterwards");
    }

    #[tokio::test]
    async fn after_the_database_failed_in_every_way_what_is_accepted_is_kept() {
        let fixture = Fixture::new().await;
        // A full disk shows as the first at the end of a transaction, and as the second within.
        for (name, way) in [("whole", "ROLLBACK"), ("statement", "ABORT")] {
            let refusal = format!(
                "CREATE TRIGGER {name} BEFORE INSERT ON alerts WHEN NEW.id = '{name}' \
                 BEGIN SELECT RAISE({way}, 'disk full'); END"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(refusal)).execute(&fixture.state.writer).await.unwrap();
        }
        for id in ["whole", "statement", "whole", "statement"] {
            assert!(fixture.state.upsert_alert(&alert(id, AlertStatus::Active, 100)).await.is_err());
        }
        fixture.state.upsert_alert(&alert("kept", AlertStatus::Active, 100)).await.unwrap();
        assert_eq!(ids(&fixture.state.open_alerts().await.unwrap()), ["kept"], "others see it at once");
        let fixture = fixture.reopened().await;
        assert_eq!(ids(&fixture.state.open_alerts().await.unwrap()), ["kept"]);
    }
}
