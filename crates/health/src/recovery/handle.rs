//! Asking the recovery to act.

use std::sync::Arc;

use model::{AgentId, RecoveryRun};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{ACTIONS, RESTART_STUCK_AGENTS};

/// A request of a person: which agent (all stuck ones when none), who asked, where to answer.
pub(super) struct Request {
    pub agent: Option<AgentId>,
    pub actor: String,
    pub reply: oneshot::Sender<Result<Vec<RecoveryRun>, TriggerError>>,
}

#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    #[error("there is no recovery action `{0}`")]
    UnknownAction(String),
    #[error("the recovery action `{0}` cannot be done by this version yet")]
    NotYet(&'static str),
    #[error("there is no agent `{0}`")]
    UnknownAgent(AgentId),
    /// Nothing was done: without its record an action is not begun.
    #[error("the run could not be recorded, so nothing was done: {0}")]
    NotRecorded(String),
    #[error("recovery is stopping or too many requests wait")]
    Unavailable,
}

/// Cheap to clone; clones ask the same reconciler.
#[derive(Clone)]
pub(crate) struct Recovery {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) nudged: Arc<Notify>,
}

impl Recovery {
    pub(crate) async fn trigger(
        &self,
        action: &str,
        agent: Option<AgentId>,
        actor: &str,
    ) -> Result<Vec<RecoveryRun>, TriggerError> {
        match ACTIONS.into_iter().find(|known| *known == action) {
            None => return Err(TriggerError::UnknownAction(action.to_owned())),
            Some(RESTART_STUCK_AGENTS) => {}
            Some(later) => return Err(TriggerError::NotYet(later)),
        }
        let (reply, answer) = oneshot::channel();
        let request = Request { agent, actor: actor.to_owned(), reply };
        self.requests.try_send(request).map_err(|_| TriggerError::Unavailable)?;
        answer.await.unwrap_or(Err(TriggerError::Unavailable))
    }

    pub(crate) fn nudge(&self) {
        self.nudged.notify_one();
    }
}
