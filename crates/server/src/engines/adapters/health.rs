//! Checks and recovery.

use std::collections::BTreeMap;

use async_trait::async_trait;
use health::{Health, HealthEvent, TriggerError};
use model::{AgentId, HealthSummary, RecoveryRun, Timestamp, Verdict};

use super::changes_of;
use crate::engines::{Change, Changes, DeskError, HealthDesk, TriggerFault};

#[async_trait]
impl HealthDesk for Health {
    fn summary(&self) -> HealthSummary {
        Health::summary(self)
    }

    fn check_counts(&self, since: Timestamp) -> BTreeMap<Verdict, u64> {
        self.check_history_counts(since)
    }

    async fn trigger(
        &self,
        action: &str,
        agent: Option<AgentId>,
        actor: &str,
    ) -> Result<Vec<RecoveryRun>, TriggerFault> {
        Health::trigger(self, action, agent, actor).await.map_err(|error| match error {
            TriggerError::UnknownAction(_) => TriggerFault::UnknownAction,
            TriggerError::UnknownAgent(_) => TriggerFault::UnknownAgent,
            TriggerError::NotYet(_) => TriggerFault::NotYet,
            TriggerError::Unavailable => TriggerFault::Unavailable,
            error @ TriggerError::NotRecorded(_) => TriggerFault::Failed(DeskError::new(error)),
        })
    }

    fn changes(&self) -> Changes {
        changes_of(self.subscribe(), |event| {
            Some(match event {
                HealthEvent::Checked(summary) => Change::Health(Box::new(summary)),
                HealthEvent::Run(run) => Change::Run(Box::new(run)),
            })
        })
    }
}
