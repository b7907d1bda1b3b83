//! Agents and the sources that report them.

use std::collections::BTreeMap;

use model::{Agent, SourceStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::{optional_time, time};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentDto {
    pub id: String,
    pub kind: String,
    pub name: String,
    pub source: String,
    pub session: String,
    pub directory: String,
    pub project: Option<String>,
    pub parent: Option<String>,
    pub role: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub version: Option<String>,
    pub task: Option<String>,
    pub state: &'static str,
    pub phase: Option<&'static str>,
    pub since: String,
    pub last_event: String,
    pub last_progress: String,
    pub confidence: &'static str,
    pub evidence: Vec<EvidenceDto>,
    pub tool: Option<ToolDto>,
    pub retry: Option<RetryDto>,
    pub pending: Vec<PendingDto>,
    pub todo: TodoDto,
    pub totals: TotalsDto,
    pub last_error: Option<AgentErrorDto>,
    /// The contract's word: `idle`, `working`, `stuck` or `completed`.
    pub worker_status: &'static str,
    pub created: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvidenceDto {
    pub at: String,
    pub what: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ToolDto {
    pub name: String,
    pub title: String,
    pub started: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RetryDto {
    pub attempt: u32,
    pub next: String,
    pub message: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PendingDto {
    pub id: String,
    pub kind: &'static str,
    pub what: String,
    pub since: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TodoDto {
    pub done: u32,
    pub total: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TotalsDto {
    pub turns: u64,
    pub steps: u64,
    pub tool_calls: u64,
    pub tool_errors: u64,
    pub llm_errors: u64,
    pub tokens: TokensDto,
    pub cost_usd: f64,
    /// Completed stays; the present one lasts since `since`.
    pub seconds_in_state: BTreeMap<&'static str, f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokensDto {
    pub input: u64,
    pub output: u64,
    pub reasoning: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub total: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentErrorDto {
    pub class: String,
    pub message: String,
    pub status: Option<u16>,
    pub retryable: bool,
    pub at: String,
}

impl From<&Agent> for AgentDto {
    fn from(agent: &Agent) -> Self {
        Self {
            id: agent.id.to_string(),
            kind: agent.kind.clone(),
            name: agent.name.clone(),
            source: agent.source.clone(),
            session: agent.session.clone(),
            directory: agent.directory.clone(),
            project: agent.project.clone(),
            parent: agent.parent.as_ref().map(ToString::to_string),
            role: agent.role.clone(),
            provider: agent.provider.clone(),
            model: agent.model.clone(),
            version: agent.version.clone(),
            task: agent.task.clone(),
            state: agent.status.state.as_str(),
            phase: agent.status.phase.map(model::Phase::as_str),
            since: time(agent.status.since),
            last_event: time(agent.last_event),
            last_progress: time(agent.last_progress),
            confidence: agent.status.confidence.as_str(),
            evidence: agent.status.evidence.iter().map(EvidenceDto::from).collect(),
            tool: agent.tool.as_ref().map(ToolDto::from),
            retry: agent.retry.as_ref().map(RetryDto::from),
            pending: agent.pending.iter().map(PendingDto::from).collect(),
            todo: TodoDto { done: agent.todo.done, total: agent.todo.total },
            totals: TotalsDto::from(&agent.totals),
            last_error: agent.last_error.as_ref().map(AgentErrorDto::from),
            worker_status: agent.status.state.worker_status(),
            created: time(agent.created),
        }
    }
}

impl AgentDto {
    /// The same agent without anything that people asked of it or that it said.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        self.task = None;
        self.evidence.iter_mut().for_each(|evidence| evidence.what.clear());
        self.pending.iter_mut().for_each(|pending| pending.what.clear());
        if let Some(tool) = &mut self.tool {
            tool.title.clear();
        }
        if let Some(retry) = &mut self.retry {
            retry.message.clear();
        }
        if let Some(error) = &mut self.last_error {
            error.message.clear();
        }
        self
    }
}

impl From<&model::Evidence> for EvidenceDto {
    fn from(evidence: &model::Evidence) -> Self {
        Self { at: time(evidence.at), what: evidence.what.clone() }
    }
}

impl From<&model::CurrentTool> for ToolDto {
    fn from(tool: &model::CurrentTool) -> Self {
        Self { name: tool.name.clone(), title: tool.title.clone(), started: time(tool.started) }
    }
}

impl From<&model::Retry> for RetryDto {
    fn from(retry: &model::Retry) -> Self {
        Self { attempt: retry.attempt, next: time(retry.next), message: retry.message.clone() }
    }
}

impl From<&model::PendingRequest> for PendingDto {
    fn from(pending: &model::PendingRequest) -> Self {
        Self {
            id: pending.id.clone(),
            kind: pending.kind.as_str(),
            what: pending.what.clone(),
            since: time(pending.since),
        }
    }
}

impl From<&model::AgentTotals> for TotalsDto {
    fn from(totals: &model::AgentTotals) -> Self {
        let tokens = totals.tokens;
        Self {
            turns: totals.turns,
            steps: totals.steps,
            tool_calls: totals.tool_calls,
            tool_errors: totals.tool_errors,
            llm_errors: totals.llm_errors,
            tokens: TokensDto {
                input: tokens.input,
                output: tokens.output,
                reasoning: tokens.reasoning,
                cache_read: tokens.cache_read,
                cache_write: tokens.cache_write,
                total: tokens.total(),
            },
            cost_usd: totals.cost_usd,
            seconds_in_state: totals
                .time_in_state
                .iter()
                .map(|(state, spent)| (state.as_str(), spent.as_secs_f64()))
                .collect(),
        }
    }
}

impl From<&model::AgentError> for AgentErrorDto {
    fn from(error: &model::AgentError) -> Self {
        Self {
            class: error.class.clone(),
            message: error.message.clone(),
            status: error.status,
            retryable: error.retryable,
            at: time(error.at),
        }
    }
}

/// The connection to something that reports agents.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceDto {
    pub name: String,
    pub kind: String,
    pub url: String,
    pub state: &'static str,
    pub reason: String,
    pub since: String,
    pub last_seen: Option<String>,
    pub version: Option<String>,
}

impl From<&SourceStatus> for SourceDto {
    fn from(source: &SourceStatus) -> Self {
        Self {
            name: source.name.clone(),
            kind: source.kind.clone(),
            url: source.url.clone(),
            state: source.state.as_str(),
            reason: source.reason.clone(),
            since: time(source.since),
            last_seen: optional_time(source.last_seen),
            version: source.version.clone(),
        }
    }
}
