//! Recovery runs, from their first step to their outcome.

use model::{AgentId, Outcome, RecoveryRun, Timestamp};

use crate::error::{failed, read_json, write_json};
use crate::{State, StateError};

impl State {
    /// Inserts the run, or replaces what was known of it.
    pub async fn record_run(&self, run: &RecoveryRun) -> Result<(), StateError> {
        const ATTEMPT: &str = "record a recovery run";
        sqlx::query(
            "INSERT INTO recovery_runs (id, agent, outcome, started, record) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (id) DO UPDATE SET agent = excluded.agent, outcome = excluded.outcome, \
             started = excluded.started, record = excluded.record",
        )
        .bind(&run.id)
        .bind(run.agent.as_ref().map(AgentId::as_str))
        .bind(run.outcome.as_str())
        .bind(run.started.as_nanos())
        .bind(write_json(ATTEMPT, run)?)
        .execute(&self.writer)
        .await
        .map_err(failed(ATTEMPT))?;
        Ok(())
    }

    /// Newest first.
    pub async fn runs_since(&self, start: Timestamp) -> Result<Vec<RecoveryRun>, StateError> {
        let rows = sqlx::query_as(
            "SELECT id, record FROM recovery_runs WHERE started >= ?1 ORDER BY started DESC, id DESC",
        )
        .bind(start.as_nanos())
        .fetch_all(&self.reader)
        .await;
        runs(rows)
    }

    /// Newest first.
    pub async fn runs_of_agent(
        &self,
        agent: &AgentId,
        start: Timestamp,
    ) -> Result<Vec<RecoveryRun>, StateError> {
        let rows = sqlx::query_as(
            "SELECT id, record FROM recovery_runs WHERE agent = ?1 AND started >= ?2 \
             ORDER BY started DESC, id DESC",
        )
        .bind(agent.as_str())
        .bind(start.as_nanos())
        .fetch_all(&self.reader)
        .await;
        runs(rows)
    }

    /// Runs without an outcome. At start: those that the end of the process interrupted.
    pub async fn interrupted_runs(&self) -> Result<Vec<RecoveryRun>, StateError> {
        let rows =
            sqlx::query_as("SELECT id, record FROM recovery_runs WHERE outcome = ?1 ORDER BY started, id")
                .bind(Outcome::Running.as_str())
                .fetch_all(&self.reader)
                .await;
        runs(rows)
    }

    pub async fn count_runs(&self) -> Result<u64, StateError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM recovery_runs")
            .fetch_one(&self.reader)
            .await
            .map_err(failed("count the recovery runs"))?;
        Ok(count.unsigned_abs())
    }
}

fn runs(rows: Result<Vec<(String, String)>, sqlx::Error>) -> Result<Vec<RecoveryRun>, StateError> {
    const ATTEMPT: &str = "read the recovery runs";
    let rows = rows.map_err(failed(ATTEMPT))?;
    rows.iter().map(|(id, record)| read_json(ATTEMPT, id, record)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use model::{RunStep, Trigger};

    use super::*;
    use crate::database::tests::Fixture;

    fn run(id: &str, agent: &str, started_secs: i64, outcome: Outcome) -> RecoveryRun {
        RecoveryRun {
            id: id.to_owned(),
            action: "restart_stuck_agents".to_owned(),
            trigger: Trigger::AutoRecovery,
            actor: None,
            component: "agent_manager".to_owned(),
            agent: Some(AgentId::new(agent)),
            agent_name: Some("billing".to_owned()),
            started: Timestamp::from_secs(started_secs),
            finished: None,
            outcome,
            reason: "no progress".to_owned(),
            before: vec!["stalled".to_owned()],
            after: Vec::new(),
            steps: vec![RunStep {
                at: Timestamp::from_secs(started_secs),
                name: "verify".to_owned(),
                ok: true,
                what: "still stalled".to_owned(),
            }],
        }
    }

    fn ids(runs: &[RecoveryRun]) -> Vec<&str> {
        runs.iter().map(|run| run.id.as_str()).collect()
    }

    #[tokio::test]
    async fn runs_survive_a_restart_and_are_found_by_time_and_agent() {
        let fixture = Fixture::new().await;
        for written in [
            run("1", "a", 10, Outcome::Verified),
            run("2", "b", 20, Outcome::Failed),
            run("3", "a", 30, Outcome::Running),
        ] {
            fixture.state.record_run(&written).await.unwrap();
        }
        let fixture = fixture.reopened().await;
        let state = &fixture.state;
        assert_eq!(ids(&state.runs_since(Timestamp::from_secs(15)).await.unwrap()), ["3", "2"]);
        let of_a = state.runs_of_agent(&AgentId::new("a"), Timestamp::from_secs(0)).await.unwrap();
        assert_eq!(of_a, [run("3", "a", 30, Outcome::Running), run("1", "a", 10, Outcome::Verified)]);
        assert_eq!(state.count_runs().await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_run_without_an_outcome_is_found_at_start_and_closed_in_place() {
        let fixture = Fixture::new().await;
        fixture.state.record_run(&run("1", "a", 10, Outcome::Running)).await.unwrap();
        let fixture = fixture.reopened().await;
        let state = &fixture.state;
        assert_eq!(ids(&state.interrupted_runs().await.unwrap()), ["1"]);
        state.record_run(&run("1", "a", 10, Outcome::Failed)).await.unwrap();
        assert!(state.interrupted_runs().await.unwrap().is_empty());
        assert_eq!(state.count_runs().await.unwrap(), 1);
    }
}
