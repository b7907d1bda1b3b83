//! The fleet.

use std::sync::Arc;

use async_trait::async_trait;
use fleet::{ControlError, Fleet, FleetEvent, PermissionReply};
use model::{Agent, AgentId, SourceStatus};

use super::changes_of;
use crate::engines::{Change, Changes, ControlFault, FleetDesk, PermissionAnswer};

#[async_trait]
impl FleetDesk for Fleet {
    fn agents(&self) -> Vec<Arc<Agent>> {
        Fleet::agents(self)
    }

    fn find(&self, name: &str) -> Option<Arc<Agent>> {
        Fleet::find(self, name)
    }

    fn sources(&self) -> Vec<SourceStatus> {
        Fleet::sources(self)
    }

    fn changes(&self) -> Changes {
        changes_of(self.subscribe(), |event| {
            Some(match event {
                FleetEvent::Changed(agent) => Change::Agent(agent),
                FleetEvent::Transition(transition) => Change::Agent(transition.agent),
                FleetEvent::Removed(id) => Change::AgentRemoved(id),
                FleetEvent::Source(source) => Change::Source(source),
            })
        })
    }

    async fn abort(&self, agent: &AgentId) -> Result<(), ControlFault> {
        Fleet::abort(self, agent).await.map_err(fault)
    }

    async fn prompt(&self, agent: &AgentId, text: &str) -> Result<(), ControlFault> {
        Fleet::prompt(self, agent, text).await.map_err(fault)
    }

    async fn reply_permission(
        &self,
        agent: &AgentId,
        request: &str,
        answer: PermissionAnswer,
    ) -> Result<(), ControlFault> {
        let reply = match answer {
            PermissionAnswer::Once => PermissionReply::Once,
            PermissionAnswer::Reject => PermissionReply::Reject,
        };
        Fleet::reply_permission(self, agent, request, reply).await.map_err(fault)
    }
}

fn fault(error: ControlError) -> ControlFault {
    let text = error.to_string();
    match error {
        ControlError::UnknownAgent(_) | ControlError::UnknownRequest(_) | ControlError::Gone => {
            ControlFault::Unknown(text)
        }
        ControlError::SourceNotLive { .. } => ControlFault::NotNow(text),
        ControlError::TooLong { .. } => ControlFault::Refused(text),
        ControlError::Failed(source) => ControlFault::Failed(format!("{text}: {source}")),
    }
}
