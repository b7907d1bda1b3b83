//! Whether an agent has moved since it was prompted. Pure.

use std::time::Duration;

use model::{Agent, AgentState, Phase, Timestamp};

/// A failure that does not last so long may be the echo of our own abort.
const GAVE_UP_AFTER: Duration = Duration::from_secs(2);

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

/// Compares `now`, which is how it looks `at` this moment, with the agent as it was at rest
/// `before`, when it was set going at `since`.
///
/// That a prompt has arrived is an event too, but no progress: something must come from the
/// model after it.
pub(super) fn sign_of_life(before: &Agent, now: &Agent, since: Timestamp, at: Timestamp) -> Sign {
    if now.last_progress > since && has_done_something(before, now, since) {
        return Sign::Progress;
    }
    match now.status.state {
        AgentState::Failed | AgentState::Dead
            if now.status.since > since && at.since(now.status.since) >= GAVE_UP_AFTER =>
        {
            Sign::GaveUp
        }
        _ => Sign::None,
    }
}

fn has_done_something(before: &Agent, now: &Agent, since: Timestamp) -> bool {
    let (had, has) = (&before.totals, &now.totals);
    // A turn counts from its beginning: only one that is over shows that something came of it.
    let has_counted = has.steps > had.steps
        || (has.turns > had.turns && now.status.state == AgentState::Idle)
        || has.tokens.output > had.tokens.output;
    let is_at_it = now.status.state.is_busy()
        && match now.status.phase {
            Some(Phase::Streaming | Phase::WaitingChild) => true,
            Some(Phase::Tool) => now.tool.as_ref().is_none_or(|tool| tool.started > since),
            Some(Phase::WaitingModel) | None => false,
        };
    has_counted || is_at_it
}

#[cfg(test)]
mod tests {
    use model::CurrentTool;

    use super::*;
    use crate::recovery::tests::world::{agent, set_state};

    const PROMPTED: Timestamp = Timestamp::from_secs(1_000);

    fn after(secs: u64) -> Timestamp {
        PROMPTED + Duration::from_secs(secs)
    }

    /// What is made of an agent that was at rest, was prompted, and was then changed so.
    fn check(change: impl FnOnce(&mut Agent), expected: Sign) {
        let before = agent("a", AgentState::Idle);
        let mut now = before.clone();
        set_state(&mut now, AgentState::Working, Some(Phase::WaitingModel), after(0));
        now.last_progress = after(1);
        change(&mut now);
        assert_eq!(sign_of_life(&before, &now, PROMPTED, after(5)), expected, "{:?}", now.status);
    }

    #[test]
    fn waiting_for_the_model_is_no_progress() {
        check(|_| (), Sign::None);
    }

    #[test]
    fn an_answer_is_progress_when_it_is_new() {
        check(|agent| agent.status.phase = Some(Phase::Streaming), Sign::Progress);
        check(
            |agent| {
                agent.status.phase = Some(Phase::Streaming);
                agent.last_progress = PROMPTED;
            },
            Sign::None,
        );
    }

    #[test]
    fn only_a_tool_that_began_afterwards_is_progress() {
        let runs_since = |started| {
            move |agent: &mut Agent| {
                agent.status.phase = Some(Phase::Tool);
                agent.tool = Some(CurrentTool {
                    name: "bash".into(),
                    call_id: "1".into(),
                    title: "ls".into(),
                    started,
                });
            }
        };
        check(runs_since(after(2)), Sign::Progress);
        check(runs_since(PROMPTED - Duration::from_secs(9)), Sign::None);
    }

    #[test]
    fn a_turn_that_was_begun_is_no_progress() {
        check(|agent| agent.totals.turns += 1, Sign::None);
    }

    #[test]
    fn a_turn_that_ended_between_two_looks_is_progress() {
        check(
            |agent| {
                set_state(agent, AgentState::Idle, None, after(2));
                agent.totals.turns += 1;
            },
            Sign::Progress,
        );
    }

    #[test]
    fn a_lasting_failure_is_the_end_and_an_old_or_fresh_one_is_not() {
        check(|agent| set_state(agent, AgentState::Failed, None, after(2)), Sign::GaveUp);
        check(|agent| set_state(agent, AgentState::Failed, None, after(4)), Sign::None);
        check(
            |agent| set_state(agent, AgentState::Failed, None, PROMPTED - Duration::from_secs(1)),
            Sign::None,
        );
    }
}
