//! How agents are seen and reached from here.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Agent, AgentId, SourceStatus};

/// The agents and what can be done to them. Implemented over the fleet by the program.
#[async_trait]
pub trait AgentFleet: Send + Sync {
    /// As last heard.
    fn agents(&self) -> Vec<Arc<Agent>>;

    fn sources(&self) -> Vec<SourceStatus>;

    /// Asks the agent's own server for the truth now.
    async fn refresh(&self, agent: &AgentId) -> Result<Agent, AgentFault>;

    /// Ends the present turn.
    async fn abort(&self, agent: &AgentId) -> Result<(), AgentFault>;

    async fn prompt(&self, agent: &AgentId, text: &str) -> Result<(), AgentFault>;

    /// Leaves a line in the log of the agent's server.
    async fn mark(&self, agent: &AgentId, text: &str) -> Result<(), AgentFault>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentFault {
    #[error("the agent is gone")]
    Gone,
    #[error("its server does not answer: {0}")]
    Unreachable(String),
    #[error("its server refused: {0}")]
    Refused(String),
}
