//! Whether an agent has moved since it was prompted. Pure.

use model::{Agent, AgentState, Phase, Timestamp};

/// What is seen of an agent that should be going again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// The model answered, a tool began, or a step ended.
    Progress,
    /// The turn ended with an error, or the agent is gone.
    GaveUp,
    /// Nothing yet.
    None,
}

/// Compares `now` with the agent as it was at rest `before`, when it was set going at `since`.
///
/// That a prompt has arrived is an event too, but no progress: something must come from the
/// model after it.
pub(super) fn sign_of_life(before: &Agent, now: &Agent, since: Timestamp) -> Sign {
    if now.last_progress > since && has_done_something(before, now, since) {
        return Sign::Progress;
    }
    match now.status.state {
        AgentState::Failed | AgentState::Dead if now.status.since > since => Sign::GaveUp,
        _ => Sign::None,
    }
}

fn has_done_something(before: &Agent, now: &Agent, since: Timestamp) -> bool {
    let (had, has) = (&before.totals, &now.totals);
    let has_counted = has.steps > had.steps
        || (has.turns > had.turns && now.status.state != AgentState::Failed)
        || has.tokens.output > had.tokens.output;
    let is_at_it = now.status.state.is_busy()
        && match now.status.phase {
            Some(Phase::Streaming | Phase::WaitingChild) => true,
            Some(Phase::Tool) => now.tool.as_ref().is_none_or(|tool| tool.started > since),
            Some(Phase::WaitingModel) | None => false,
        };
    has_counted || is_at_it
}
