//! Since when a session is in the state that it is found in, when this program starts.
//!
//! What the server has written down is believed first; what the last run of this program saw is
//! finer, and holds when it is of the same stay in the same state.

use model::{AgentState, Timestamp};

use super::super::wire;
use super::Session;
use crate::judge::LastTurn;

impl Session {
    /// Called once, at the first judgement, which found `state`.
    pub fn found_since(&mut self, state: AgentState, now: Timestamp) -> Timestamp {
        let (not_before, known) = self.times_of(state);
        let is_same_stay = |since: &Timestamp| not_before.is_none_or(|earliest| *since >= earliest);
        let last_run = self.last_run.as_ref().filter(|status| status.state == state);
        if let Some(since) = last_run.map(|status| status.since).filter(is_same_stay) {
            self.counts_from = since;
            return since;
        }
        self.counts_from = now;
        // The server's clock may be ahead.
        known.filter(|since| *since <= now).unwrap_or(now)
    }

    /// The earliest moment at which a stay in `state` that lasts until now can have begun, and
    /// the moment at which it did, as far as the server's records tell.
    fn times_of(&self, state: AgentState) -> (Option<Timestamp>, Option<Timestamp>) {
        let turn = self.answer.as_ref().and_then(|answer| answer.asked);
        match state {
            AgentState::WaitingHuman => {
                let asked = self.pending.values().map(|request| request.since).min();
                (asked, asked)
            }
            AgentState::Working => (turn, turn),
            AgentState::WaitingProvider | AgentState::Stalled => (turn, None),
            AgentState::Idle | AgentState::Failed => {
                let ended = self.ended();
                // Nobody wrote down when a server died.
                let is_known = self.last_turn() != LastTurn::Interrupted;
                (Some(ended), is_known.then_some(ended))
            }
            AgentState::Unknown | AgentState::Wedged | AgentState::Dead => (Some(self.info.updated), None),
        }
    }

    /// When the prompt was written: only the newest messages are read, and it may be older.
    pub(super) fn time_of_prompt(&self, prompt: &str, now: Timestamp) -> Option<Timestamp> {
        let known = self.prompt.as_ref().filter(|known| known.id == prompt).map(|known| known.created);
        known.or_else(|| self.time_of_id(prompt, now))
    }

    /// When the server gave this id to something of the session.
    pub fn time_of_id(&self, id: &str, now: Timestamp) -> Option<Timestamp> {
        wire::time_of_id(id, now).filter(|at| *at >= self.info.created)
    }
}
