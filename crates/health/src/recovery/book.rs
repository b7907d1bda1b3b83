//! The book of recovery runs, as far as recovery needs it.

use async_trait::async_trait;
use model::{AgentId, RecoveryRun, Timestamp};
use state::{State, StateError};

/// Kept by `state`; tests keep one in memory, on a clock that obeys.
#[async_trait]
pub(crate) trait RunBook: Send + Sync {
    /// Inserts or replaces. Durable when it returns.
    async fn record(&self, run: &RecoveryRun) -> Result<(), StateError>;

    /// Newest first.
    async fn of_agent(&self, agent: &AgentId, since: Timestamp) -> Result<Vec<RecoveryRun>, StateError>;

    /// Without an outcome.
    async fn unfinished(&self) -> Result<Vec<RecoveryRun>, StateError>;
}

#[async_trait]
impl RunBook for State {
    async fn record(&self, run: &RecoveryRun) -> Result<(), StateError> {
        self.record_run(run).await
    }

    async fn of_agent(&self, agent: &AgentId, since: Timestamp) -> Result<Vec<RecoveryRun>, StateError> {
        self.runs_of_agent(agent, since).await
    }

    async fn unfinished(&self) -> Result<Vec<RecoveryRun>, StateError> {
        self.interrupted_runs().await
    }
}
