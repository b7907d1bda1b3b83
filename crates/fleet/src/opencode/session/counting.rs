//! What was counted already, so that nothing counts twice.

use model::{Retry, Timestamp};

use super::super::recent::Recent;
use super::Session;

/// Ids of the last things that were counted. A session's parts come again in snapshots and
/// re-polls, but only the newest ones.
#[derive(Debug)]
pub struct Counted {
    turns: Recent,
    steps: Recent,
    calls: Recent,
    errors: Recent,
    refusals: Recent,
}

const REMEMBERED: usize = 512;

impl Default for Counted {
    fn default() -> Self {
        let recent = || Recent::new(REMEMBERED);
        Self { turns: recent(), steps: recent(), calls: recent(), errors: recent(), refusals: recent() }
    }
}

impl Session {
    /// What a first reading finds was perhaps counted before a restart, so it is remembered
    /// and not counted.
    fn counts(&self) -> u64 {
        u64::from(!self.is_first_reading)
    }

    pub(super) fn count_turn(&mut self, prompt: &str) {
        if self.counted.turns.insert(prompt) {
            self.totals.turns += self.counts();
        }
    }

    pub(super) fn count_step(&mut self, part: &str) {
        if self.counted.steps.insert(part) {
            self.totals.steps += self.counts();
        }
    }

    pub(super) fn count_call(&mut self, part: &str) {
        if self.counted.calls.insert(part) {
            self.totals.tool_calls += self.counts();
        }
    }

    /// Whether this failure is new and counts.
    pub(super) fn count_tool_error(&mut self, part: &str) -> bool {
        let is_new = self.counted.errors.insert(part) && !self.is_first_reading;
        self.totals.tool_errors += u64::from(is_new);
        is_new
    }

    pub(super) fn count_refusal(&mut self, retry: &Retry, at: Timestamp) {
        // The moment of the next attempt tells one refusal from the other.
        let key = format!("{}@{}", retry.attempt, retry.next.as_millis());
        if self.counted.refusals.insert(&key) {
            self.totals.llm_errors += self.counts();
            self.last_error = Some(model::AgentError {
                class: "Retry".to_owned(),
                message: retry.message.clone(),
                status: None,
                retryable: !crate::judge::is_final(&retry.message),
                at,
            });
        }
    }
}
