//! Recovery runs.

use model::{Outcome, RecoveryRun};
use serde::Serialize;
use utoipa::ToSchema;

use super::health::HealthDto;
use super::{optional_time, time};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunDto {
    pub id: String,
    pub timestamp: String,
    pub finished: Option<String>,
    pub component: String,
    pub action: String,
    pub agent: Option<String>,
    pub agent_name: Option<String>,
    pub trigger: &'static str,
    pub actor: Option<String>,
    pub outcome: &'static str,
    /// Proven to have helped.
    pub success: bool,
    pub reason: String,
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub steps: Vec<RunStepDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunStepDto {
    pub at: String,
    pub name: String,
    pub ok: bool,
    pub what: String,
}

impl From<&RecoveryRun> for RunDto {
    fn from(run: &RecoveryRun) -> Self {
        Self {
            id: run.id.clone(),
            timestamp: time(run.started),
            finished: optional_time(run.finished),
            component: run.component.clone(),
            action: run.action.clone(),
            agent: run.agent.as_ref().map(ToString::to_string),
            agent_name: run.agent_name.clone(),
            trigger: run.trigger.as_str(),
            actor: run.actor.clone(),
            outcome: run.outcome.as_str(),
            success: run.outcome == Outcome::Verified,
            reason: run.reason.clone(),
            before: run.before.clone(),
            after: run.after.clone(),
            steps: run.steps.iter().map(RunStepDto::from).collect(),
        }
    }
}

impl RunDto {
    /// Without what was seen of the agent's work.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        self.before.clear();
        self.after.clear();
        self.reason.clear();
        self.steps.iter_mut().for_each(|step| step.what.clear());
        self
    }
}

impl From<&model::RunStep> for RunStepDto {
    fn from(step: &model::RunStep) -> Self {
        Self { at: time(step.at), name: step.name.clone(), ok: step.ok, what: step.what.clone() }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecoveryDto {
    pub status: &'static str,
    /// The last 24 hours, newest first.
    pub recovery_history: Vec<RunDto>,
    pub recovery_summary: HealthDto,
    pub timestamp: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TriggeredDto {
    pub message: String,
    pub runs: Vec<RunDto>,
}
