//! How health and alerting see the fleet.

use std::sync::Arc;

use alerting::{AgentDescription, AgentDirectory};
use async_trait::async_trait;
use fleet::{ControlError, Fleet};
use health::{AgentFault, AgentFleet};
use model::{Agent, AgentId, SourceStatus};

use crate::chain::chain;

/// The fleet, as its neighbours on the same floor ask for it.
#[derive(Clone, Debug)]
pub struct Agents(pub Fleet);

#[async_trait]
impl AgentFleet for Agents {
    fn agents(&self) -> Vec<Arc<Agent>> {
        self.0.agents()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        self.0.sources()
    }

    async fn refresh(&self, agent: &AgentId) -> Result<Agent, AgentFault> {
        self.0.refresh(agent).await.map_err(fault)
    }

    async fn abort(&self, agent: &AgentId) -> Result<(), AgentFault> {
        self.0.abort(agent).await.map_err(fault)
    }

    async fn prompt(&self, agent: &AgentId, text: &str) -> Result<(), AgentFault> {
        self.0.prompt(agent, text).await.map_err(fault)
    }

    async fn mark(&self, agent: &AgentId, text: &str) -> Result<(), AgentFault> {
        self.0.mark(agent, text).await.map_err(fault)
    }
}

/// Gone, unreachable, or unwilling: what a recovery has to tell apart.
fn fault(error: ControlError) -> AgentFault {
    match error {
        ControlError::UnknownAgent(_) | ControlError::Gone => AgentFault::Gone,
        ControlError::SourceNotLive { .. } | ControlError::Failed(_) => {
            AgentFault::Unreachable(chain(&error))
        }
        ControlError::UnknownRequest(_) | ControlError::TooLong { .. } => AgentFault::Refused(chain(&error)),
    }
}

impl AgentDirectory for Agents {
    fn describe(&self, agent: &str) -> Option<AgentDescription> {
        let agent = self.0.find(agent)?;
        let why = agent.status.evidence.last().map(|evidence| evidence.what.clone()).unwrap_or_default();
        Some(AgentDescription {
            name: agent.name.clone(),
            why,
            model: agent.model.clone(),
            directory: agent.directory.clone(),
        })
    }
}
