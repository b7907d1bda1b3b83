//! What agents have counted, so that a restart does not begin at zero.

use std::collections::HashMap;

use model::{AgentId, AgentStatus, AgentTotals, Timestamp};

use crate::database::timestamp;
use crate::error::{failed, read_json, write_json};
use crate::{State, StateError};

/// What is remembered of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRecord {
    pub first_seen: Timestamp,
    pub totals: AgentTotals,
    /// As it was when this was saved.
    pub status: AgentStatus,
    pub saved: Timestamp,
}

type Row = (String, i64, i64, String, String);

impl State {
    pub async fn save_agent_totals(
        &self,
        id: &AgentId,
        totals: &AgentTotals,
        first_seen: Timestamp,
        status: &AgentStatus,
    ) -> Result<(), StateError> {
        let record = AgentRecord {
            first_seen,
            totals: totals.clone(),
            status: status.clone(),
            saved: self.clock.now(),
        };
        self.save_agents(&[(id.clone(), record)]).await
    }

    /// Many at once, in one transaction: one wait for the disk.
    pub async fn save_agents(&self, agents: &[(AgentId, AgentRecord)]) -> Result<(), StateError> {
        const ATTEMPT: &str = "save the totals of agents";
        let mut transaction = self.writer.begin().await.map_err(failed(ATTEMPT))?;
        for (id, record) in agents {
            sqlx::query(
                "INSERT INTO agents (id, first_seen, saved, totals, status) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (id) DO UPDATE SET saved = excluded.saved, totals = excluded.totals, \
                 status = excluded.status",
            )
            .bind(id.as_str())
            .bind(record.first_seen.as_nanos())
            .bind(record.saved.as_nanos())
            .bind(write_json(ATTEMPT, &record.totals)?)
            .bind(write_json(ATTEMPT, &record.status)?)
            .execute(&mut *transaction)
            .await
            .map_err(failed(ATTEMPT))?;
        }
        transaction.commit().await.map_err(failed(ATTEMPT))
    }

    pub async fn agent_totals(&self) -> Result<HashMap<AgentId, AgentRecord>, StateError> {
        const ATTEMPT: &str = "read the totals of agents";
        let rows: Vec<Row> = sqlx::query_as("SELECT id, first_seen, saved, totals, status FROM agents")
            .fetch_all(&self.reader)
            .await
            .map_err(failed(ATTEMPT))?;
        rows.into_iter()
            .map(|(id, first_seen, saved, totals, status)| {
                let record = AgentRecord {
                    first_seen: timestamp(first_seen),
                    totals: read_json(ATTEMPT, &id, &totals)?,
                    status: read_json(ATTEMPT, &id, &status)?,
                    saved: timestamp(saved),
                };
                Ok((AgentId::new(&id), record))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use model::{AgentState, Confidence, TokenCounts};

    use super::*;
    use crate::database::tests::Fixture;

    #[tokio::test]
    async fn totals_survive_a_restart_and_first_seen_never_changes() {
        let fixture = Fixture::new().await;
        let id = AgentId::new("opencode:a:1");
        let mut totals = AgentTotals {
            turns: 3,
            tokens: TokenCounts { input: 10, output: 20, ..TokenCounts::default() },
            cost_usd: 0.25,
            ..AgentTotals::default()
        };
        totals.time_in_state.insert(AgentState::WaitingHuman, Duration::from_millis(1500));
        let status = AgentStatus {
            state: AgentState::Idle,
            phase: None,
            since: Timestamp::from_secs(5),
            evidence: Vec::new(),
            confidence: Confidence::Observed,
        };
        let first_seen = Timestamp::from_secs(1);
        fixture.state.save_agent_totals(&id, &AgentTotals::default(), first_seen, &status).await.unwrap();
        fixture.state.save_agent_totals(&id, &totals, Timestamp::from_secs(9), &status).await.unwrap();
        let fixture = fixture.reopened().await;
        let saved = testkit::clock::START;
        let expected = AgentRecord { first_seen, totals, status, saved };
        assert_eq!(fixture.state.agent_totals().await.unwrap(), HashMap::from([(id, expected)]));
    }
}
