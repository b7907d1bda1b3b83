//! What changed since the world was last asked.

use std::sync::Arc;

use model::{AgentState, Timestamp};

use super::super::session::Session;
use super::{Change, Changes, World};
use crate::judge::{Children, Link, Moment, damped_until, decide};

impl World {
    /// Judges the sessions that something was heard of, and those whose damping has ended.
    /// Cheap: called after each event.
    pub fn judge(&mut self, now: Moment) -> Changes {
        if let Link::Live { settled, .. } = &mut self.link {
            *settled = now.mono >= self.settled_from;
        }
        let due = self.damped.extract_if(|_, end| *end <= now.mono);
        self.dirty.extend(due.map(|(id, _)| id));
        let mut dirty = std::mem::take(&mut self.dirty);
        // A parent's phase shows what its children do.
        let parents: Vec<String> = dirty
            .iter()
            .filter_map(|id| self.sessions.get(id)?.info.parent.clone())
            .filter(|parent| self.sessions.contains_key(parent))
            .collect();
        let mut changes = Changes::default();
        // Children first, so that a parent sees their new state.
        for parent in &parents {
            dirty.remove(parent);
        }
        for id in dirty.into_iter().chain(parents) {
            changes.changed.extend(self.judge_one(&id, now));
        }
        self.trim();
        changes.removed = std::mem::take(&mut self.removed);
        changes.left = std::mem::take(&mut self.left);
        let notes = std::mem::take(&mut self.notes);
        changes.notes = notes.into_iter().map(|note| (self.agent_id(&note.session), note)).collect();
        changes
    }

    /// As [`World::judge`], with those whose state time alone can change. Called every second.
    pub fn judge_by_time(&mut self, now: Moment) -> Changes {
        let link_may_change = matches!(self.link, Link::Lost { .. });
        let restless = self.sessions.values().filter(|session| link_may_change || session.is_restless());
        let restless: Vec<String> = restless.map(|session| session.info.id.clone()).collect();
        self.dirty.extend(restless);
        self.judge(now)
    }

    fn judge_one(&mut self, id: &str, now: Moment) -> Option<Change> {
        let session = self.sessions.get(id)?;
        let facts = session.facts(self.children_of(session), self.hearing.total());
        let previous = session.published.as_ref();
        let previous_status = previous.map(|agent| &agent.status);
        let limits = self.settings.limits;
        let mut status = decide(previous_status, &facts, &self.link, limits, now);
        match damped_until(previous_status.unwrap_or(&status), &facts, &self.link, limits, now) {
            Some(end) => self.damped.insert(id.to_owned(), end),
            None => self.damped.remove(id),
        };
        let from = previous.map(|agent| (agent.status.state, agent.status.since));
        let parent = session.info.parent.as_deref().map(|parent| self.agent_id(parent));
        let agent_id = self.agent_id(id);
        let source = self.settings.source.clone();
        let session = self.sessions.get_mut(id)?;
        if from.is_none() {
            status.since = session.found_since(status.state, now.at);
        }
        let is_transition = from.is_none_or(|(state, _)| state != status.state);
        if let Some((state, since)) = from
            && is_transition
        {
            *session.totals.time_in_state.entry(state).or_default() +=
                now.at.since(since.max(session.counts_from));
        }
        let agent = session.agent(agent_id, parent, &source, status);
        if session.published.as_deref() == Some(&agent) {
            return None;
        }
        let agent = Arc::new(agent);
        session.published = Some(agent.clone());
        let last_run = session.last_run.as_ref().map(|status| status.state);
        Some(Change {
            agent,
            first_seen: session.first_seen,
            last_run,
            counts_from: session.counts_from,
            transition: is_transition.then_some(from.map(|(state, _)| state)),
        })
    }

    /// The subagents at work. Few sessions are busy at a time, so all are looked at.
    fn children_of(&self, parent: &Session) -> Children {
        if !parent.activity.is_busy() {
            return Children::default();
        }
        let mut busy: Vec<&Session> = self
            .sessions
            .values()
            .filter(|session| session.activity.is_busy() && parent.is_child(session))
            .collect();
        busy.sort_unstable_by_key(|session| &session.info.id);
        let is_stalled = |session: &&Session| {
            session.published.as_ref().is_some_and(|agent| agent.status.state == AgentState::Stalled)
        };
        Children {
            stalled: !busy.is_empty() && busy.iter().all(is_stalled),
            busy: busy.into_iter().map(Session::name).collect(),
        }
    }

    /// Lets go of the oldest sessions at rest beyond the limit.
    fn trim(&mut self) {
        let limit = self.settings.idle_sessions_max;
        if self.sessions.len() <= limit {
            return;
        }
        let mut resting: Vec<(Timestamp, String)> = self
            .sessions
            .values()
            .filter(|session| !session.activity.is_busy())
            .map(|session| (session.info.updated, session.info.id.clone()))
            .collect();
        let excess = resting.len().saturating_sub(limit);
        if excess == 0 {
            return;
        }
        resting.sort_unstable();
        for (_, id) in resting.into_iter().take(excess) {
            self.sessions.remove(&id);
            self.removed.push(self.agent_id(&id));
            self.left_out += 1;
        }
    }
}
