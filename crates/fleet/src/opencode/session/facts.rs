//! A session as facts for the judge, and as an agent for everybody else.

use std::time::Duration;

use model::{Agent, AgentId, AgentStatus, CurrentTool, Phase, Timestamp};

use super::{Listing, RunningTool, Session};
use crate::judge::{Activity, Children, Facts, LastTurn};
use crate::redact;

/// The tool by which OpenCode starts a subagent.
const SUBAGENT_TOOL: &str = "task";

impl Session {
    pub fn facts(&self, children: Children, listened: Duration) -> Facts {
        Facts {
            activity: self.activity.clone(),
            last_turn: self.last_turn(),
            phase: self.phase(),
            tool: self.current_tool().map(|tool| match tool.title.as_str() {
                "" => tool.name.clone(),
                title => format!("{}: {}", tool.name, redact::shorten(title, 80)),
            }),
            phase_since: self.phase_since,
            last_progress: self.last_progress,
            silence: listened.saturating_sub(self.listened_at_progress),
            pending: self.pending.values().cloned().collect(),
            children,
            ended: self.ended(),
        }
    }

    /// How long it may go on before it must be looked at again is the judge's business; this
    /// says only whether time alone can change its state.
    pub fn is_restless(&self) -> bool {
        self.activity.is_busy() || self.published.as_ref().is_none_or(|agent| agent.status.state.is_busy())
    }

    pub(super) fn ended(&self) -> Timestamp {
        self.answer.as_ref().and_then(|answer| answer.completed).unwrap_or(self.info.updated)
    }

    pub(super) fn last_turn(&self) -> LastTurn {
        if let Some(error) = &self.stray_error {
            return LastTurn::Failed(error.clone());
        }
        let Some(answer) = &self.answer else {
            return match self.listing {
                Listing::Unanswered => LastTurn::Unanswered,
                _ if self.is_read => LastTurn::None,
                Listing::NotAsked => LastTurn::NotAsked,
                Listing::Known => LastTurn::Unread,
            };
        };
        match &answer.error {
            Some(error) if error.class == "MessageAbortedError" => LastTurn::Aborted,
            Some(error) => LastTurn::Failed(error.clone()),
            None if answer.completed.is_some() => LastTurn::Ended,
            None if self.busy_when_lost => LastTurn::Interrupted,
            None => LastTurn::Unfinished,
        }
    }

    fn phase(&self) -> Phase {
        if self.tools.values().any(|tool| tool.name != SUBAGENT_TOOL) {
            return Phase::Tool;
        }
        match (&self.writing, self.tools.is_empty()) {
            (_, false) => Phase::WaitingChild,
            (Some(_), true) => Phase::Streaming,
            (None, true) => Phase::WaitingModel,
        }
    }

    /// The newest one that is not a subagent, or the newest.
    fn current_tool(&self) -> Option<&RunningTool> {
        self.tools.values().max_by_key(|tool| (tool.name != SUBAGENT_TOOL, tool.started))
    }

    pub fn is_child(&self, child: &Session) -> bool {
        child.info.parent.as_deref() == Some(&self.info.id)
            || self.tools.values().any(|tool| tool.child.as_deref() == Some(&child.info.id))
    }

    /// The title, or the slug while the title is only a date.
    pub fn name(&self) -> String {
        let title = self.info.title.trim();
        let is_default =
            title.is_empty() || title.starts_with("New session - ") || title.starts_with("Child session - ");
        let chosen = [title, &self.info.slug, &self.info.id]
            .into_iter()
            .skip(usize::from(is_default))
            .find(|name| !name.is_empty())
            .unwrap_or_default();
        redact::name(chosen)
    }

    pub fn agent(&self, id: AgentId, parent: Option<AgentId>, source: &str, status: AgentStatus) -> Agent {
        let (provider, model) = self.model.clone().unwrap_or_default();
        let shown = |text: Option<String>| text.map(|text| redact::name(&text));
        let mut totals = self.totals.clone();
        totals.tokens = self.info.tokens;
        totals.cost_usd = self.info.cost;
        Agent {
            id,
            kind: "opencode".to_owned(),
            source: source.to_owned(),
            session: self.info.id.clone(),
            name: self.name(),
            directory: redact::clean(&self.info.directory),
            project: shown(self.info.project.clone()),
            parent,
            role: shown(self.info.agent.clone()),
            provider: shown(provider.or_else(|| self.info.provider.clone())),
            model: shown(model.or_else(|| self.info.model.clone())),
            version: shown(self.info.version.clone()),
            task: self.task.clone(),
            created: self.info.created,
            last_event: self.last_event,
            last_progress: self.last_progress,
            tool: self.current_tool().map(|tool| CurrentTool {
                name: tool.name.clone(),
                call_id: redact::name(&tool.call),
                title: tool.title.clone(),
                started: tool.started,
            }),
            retry: match &self.activity {
                Activity::Retrying { retry, .. } => Some(retry.clone()),
                _ => None,
            },
            pending: if self.activity.is_busy() {
                self.pending.values().cloned().collect()
            } else {
                Vec::new()
            },
            todo: self.todo,
            totals,
            last_error: self.last_error.clone(),
            status,
        }
    }
}
