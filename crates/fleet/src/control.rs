//! What can be done to an agent.

use model::{Agent, AgentId, SourceState};
use tokio::sync::{mpsc, oneshot};

use crate::fleet::Fleet;
use crate::opencode::connector::{Refresh, RefreshError};
use crate::opencode::{Client, ClientError};

/// The longest text that is sent to an agent.
const PROMPT_BYTES_MAX: usize = 64 * 1024;

/// The answer to a request for permission. There is no "always": that is for a person to
/// decide at the agent itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionReply {
    Once,
    Reject,
}

impl PermissionReply {
    pub const fn as_str(self) -> &'static str {
        match self {
            PermissionReply::Once => "once",
            PermissionReply::Reject => "reject",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("there is no agent `{0}`")]
    UnknownAgent(AgentId),
    #[error("its source `{source_name}` is {state}: {reason}", state = .state.as_str())]
    SourceNotLive { source_name: String, state: SourceState, reason: String },
    #[error("it does not ask for the permission `{0}`")]
    UnknownRequest(String),
    #[error("the session is gone")]
    Gone,
    #[error("the text is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("its server did not do it")]
    Failed(#[source] ClientError),
}

impl From<ClientError> for ControlError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotFound => ControlError::Gone,
            error => ControlError::Failed(error),
        }
    }
}

/// The hands of one source.
#[derive(Clone, Debug)]
pub(crate) struct Hands {
    pub client: std::sync::Arc<Client>,
    pub refreshes: mpsc::Sender<Refresh>,
}

impl Fleet {
    /// Re-reads everything that its server says about the agent, and judges it again.
    pub async fn refresh(&self, id: &AgentId) -> Result<Agent, ControlError> {
        let (agent, hands) = self.reach(id)?;
        let (reply, answer) = oneshot::channel();
        let not_live =
            |state, reason| ControlError::SourceNotLive { source_name: agent.source.clone(), state, reason };
        let asked = Refresh { session: agent.session.clone(), reply };
        let stopping = || not_live(SourceState::Connecting, "the connector is not running".to_owned());
        hands.refreshes.send(asked).await.map_err(|_| stopping())?;
        match answer.await.map_err(|_| stopping())? {
            Ok(agent) => Ok(agent.as_ref().clone()),
            Err(RefreshError::NotLive { state, reason }) => Err(not_live(state, reason)),
            Err(RefreshError::Gone) => Err(ControlError::Gone),
            Err(RefreshError::Client(error)) => Err(error.into()),
        }
    }

    /// Stops the present turn. An accepted abort proves nothing: OpenCode accepts it for
    /// sessions that do not exist. [`Fleet::refresh`] tells what came of it.
    pub async fn abort(&self, id: &AgentId) -> Result<(), ControlError> {
        let (agent, hands) = self.reach(id)?;
        Ok(hands.client.abort(&agent.session, &agent.directory).await?)
    }

    /// Gives it a new task or tells it to go on. Queued behind the present turn.
    pub async fn prompt(&self, id: &AgentId, text: &str) -> Result<(), ControlError> {
        if text.len() > PROMPT_BYTES_MAX {
            return Err(ControlError::TooLong { limit: PROMPT_BYTES_MAX });
        }
        let (agent, hands) = self.reach(id)?;
        Ok(hands.client.prompt(&agent.session, &agent.directory, text).await?)
    }

    pub async fn reply_permission(
        &self,
        id: &AgentId,
        request: &str,
        reply: PermissionReply,
    ) -> Result<(), ControlError> {
        let (agent, hands) = self.reach(id)?;
        let unknown = || ControlError::UnknownRequest(request.to_owned());
        if !agent.pending.iter().any(|pending| pending.id == request) {
            return Err(unknown());
        }
        match hands.client.reply_permission(request, &agent.directory, reply.as_str()).await {
            Err(ClientError::NotFound) => Err(unknown()),
            replied => Ok(replied?),
        }
    }

    /// Leaves a line about what was done in the log of the agent's server.
    pub async fn mark(&self, id: &AgentId, text: &str) -> Result<(), ControlError> {
        let (agent, hands) = self.reach(id)?;
        let text = crate::redact::clean(text);
        Ok(hands.client.log(&agent.session, &agent.directory, &text).await?)
    }
}
