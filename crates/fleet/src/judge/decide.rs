//! The rules, from the strongest to the weakest.

use std::time::Duration;

use model::{AgentState, AgentStatus, Confidence, Evidence, Phase};

use super::evidence::{clock_time, occupation, questions, refusals, said, silence};
use super::{Activity, Facts, LastTurn, Limits, Link, Moment};

/// Rest counts only after this long: a queued prompt starts the next turn at once.
const REST_DAMPING: Duration = Duration::from_secs(1);

/// Rest after an error counts after this long. The server has said that the turn is over, and
/// its own retries and queued prompts never rest; what is waited for is only a client that
/// answers an error with the next prompt, which takes it some milliseconds.
const FAILURE_DAMPING: Duration = Duration::from_millis(300);

/// After a refusal a repeated request counts as work only after this long: most are refused
/// again within milliseconds.
const RETRY_DAMPING: Duration = Duration::from_secs(3);

/// A state without its beginning.
struct Judgement {
    state: AgentState,
    phase: Option<Phase>,
    confidence: Confidence,
    evidence: Vec<Evidence>,
}

/// The status at `now`. `since` moves only when the state changes.
pub fn decide(
    previous: Option<&AgentStatus>,
    facts: &Facts,
    link: &Link,
    limits: Limits,
    now: Moment,
) -> AgentStatus {
    if let Some(previous) = previous
        && is_damped(previous, facts, link, limits, now)
    {
        return previous.clone();
    }
    let mut judgement = match link {
        Link::Live { settled, heard } => judge_live(facts, limits, now, *settled, *heard),
        Link::Down { since, reason } => by_link(facts, AgentState::Dead, *since, reason),
        Link::Wedged { since, reason } => by_link(facts, AgentState::Wedged, *since, reason),
        // What is known is kept for a moment; nobody becomes stalled meanwhile.
        Link::Lost { since, .. } if previous.is_some() && now.since(*since) < limits.lost_grace => {
            judge_live(facts, limits, now, false, since.at)
        }
        Link::Lost { since, reason } | Link::Refused { since, reason } => {
            inferred(AgentState::Unknown, vec![said(since.at, reason)])
        }
    };
    let since = match previous {
        Some(previous) if previous.state == judgement.state => previous.since,
        _ => now.at,
    };
    // The proof that the stream is alive is renewed with each byte; the first one is kept.
    if let Some(previous) = previous
        && previous.state == AgentState::Stalled
        && judgement.state == AgentState::Stalled
        && previous.evidence.first() == judgement.evidence.first()
    {
        judgement.evidence.clone_from(&previous.evidence);
    }
    AgentStatus {
        state: judgement.state,
        phase: judgement.phase,
        since,
        evidence: judgement.evidence,
        confidence: judgement.confidence,
    }
}

/// When a damping that holds `now` ends, by the monotonic clock: then time alone changes what
/// [`decide`] answers.
pub fn damped_until(
    previous: &AgentStatus,
    facts: &Facts,
    link: &Link,
    limits: Limits,
    now: Moment,
) -> Option<Duration> {
    let end = match &facts.activity {
        Activity::Resting { since } if is_damped(previous, facts, link, limits, now) => {
            since.mono + rest_damping(facts)
        }
        Activity::AskingAgain { since, .. } => since.mono + RETRY_DAMPING,
        _ => return None,
    };
    (now.mono < end).then_some(end)
}

/// Whether the last status is kept although the facts have begun to say otherwise.
fn is_damped(previous: &AgentStatus, facts: &Facts, link: &Link, limits: Limits, now: Moment) -> bool {
    match (link, &facts.activity) {
        (Link::Live { .. } | Link::Lost { .. }, Activity::Resting { since }) => {
            previous.state.is_busy() && now.since(*since) < rest_damping(facts)
        }
        (Link::Lost { since, .. }, _) => {
            previous.state == AgentState::Stalled && now.since(*since) < limits.lost_grace
        }
        _ => false,
    }
}

fn rest_damping(facts: &Facts) -> Duration {
    match facts.last_turn {
        LastTurn::Failed(_) => FAILURE_DAMPING,
        _ => REST_DAMPING,
    }
}

fn judge_live(
    facts: &Facts,
    limits: Limits,
    now: Moment,
    settled: bool,
    heard: model::Timestamp,
) -> Judgement {
    if facts.activity.is_busy() && !facts.pending.is_empty() {
        return observed(AgentState::WaitingHuman, questions(facts));
    }
    match &facts.activity {
        Activity::Retrying { retry, said, first } => {
            observed(AgentState::WaitingProvider, refusals(retry, *said, *first, limits, now))
        }
        Activity::AskingAgain { retry, said, first, since } if now.since(*since) < RETRY_DAMPING => {
            observed(AgentState::WaitingProvider, refusals(retry, *said, *first, limits, now))
        }
        Activity::AskingAgain { .. } | Activity::Busy { .. } => judge_work(facts, limits, settled, heard),
        Activity::Resting { .. } => judge_rest(facts),
    }
}

fn judge_work(facts: &Facts, limits: Limits, settled: bool, heard: model::Timestamp) -> Judgement {
    let limit = match facts.phase {
        Phase::WaitingModel | Phase::Streaming => limits.model,
        Phase::Tool | Phase::WaitingChild => limits.tool,
    };
    // A parent is never stalled before its children: theirs is the fault, and the cure.
    let waits_for_child = facts.phase == Phase::WaitingChild && !facts.children.busy.is_empty();
    if settled && !waits_for_child && facts.silence > limit {
        let mut stalled = inferred(AgentState::Stalled, silence(facts, limit, heard));
        stalled.phase = Some(facts.phase);
        return stalled;
    }
    let mut working = observed(AgentState::Working, vec![occupation(facts)]);
    if waits_for_child && facts.children.stalled {
        working.evidence.push(said(facts.last_progress, "its subagent is stalled"));
    }
    working.phase = Some(facts.phase);
    working
}

fn judge_rest(facts: &Facts) -> Judgement {
    let at = facts.ended;
    let when = clock_time(at);
    match &facts.last_turn {
        LastTurn::Failed(error) => {
            let status = error.status.map(|status| format!("{status} ")).unwrap_or_default();
            let when = clock_time(error.at);
            let what = format!("its last turn failed at {when}: {status}{} ({})", error.message, error.class);
            let mut evidence = vec![said(error.at, what)];
            if !error.retryable {
                evidence.push(said(error.at, "asking again does not help before the cause is gone"));
            }
            observed(AgentState::Failed, evidence)
        }
        LastTurn::Interrupted => inferred(
            AgentState::Failed,
            vec![said(facts.last_progress, "interrupted when its server died; its last answer has no end")],
        ),
        LastTurn::Unfinished => inferred(
            AgentState::Unknown,
            vec![said(
                at,
                "its last answer has no end and this server does not run it: \
                 another process may be at work, or it was interrupted before the watch began",
            )],
        ),
        LastTurn::Aborted => {
            observed(AgentState::Idle, vec![said(at, format!("its last turn was stopped at {when}"))])
        }
        LastTurn::Ended => {
            observed(AgentState::Idle, vec![said(at, format!("its last turn ended at {when}"))])
        }
        LastTurn::None => observed(AgentState::Idle, vec![said(at, "it was not given anything to do yet")]),
        LastTurn::NotAsked => inferred(
            AgentState::Idle,
            vec![said(at, format!("last changed at {when}; nothing happened in its directory lately"))],
        ),
        LastTurn::Unanswered => inferred(
            AgentState::Unknown,
            vec![said(at, "its server could not say what goes on in its directory")],
        ),
        LastTurn::Unread => observed(
            AgentState::Idle,
            vec![said(at, format!("its server does not list it as busy; last changed at {when}"))],
        ),
    }
}

/// Nothing comes from the server: what was busy is dead or wedged, the rest is not known.
fn by_link(facts: &Facts, busy: AgentState, since: Moment, reason: &str) -> Judgement {
    if facts.activity.is_busy() {
        let mut doing = occupation(facts);
        doing.what = format!("when its server went silent: {}", doing.what);
        let confidence = if busy == AgentState::Dead { Confidence::Observed } else { Confidence::Inferred };
        return Judgement {
            state: busy,
            phase: None,
            confidence,
            evidence: vec![said(since.at, reason), doing],
        };
    }
    inferred(AgentState::Unknown, vec![said(since.at, format!("its server does not answer: {reason}"))])
}

fn observed(state: AgentState, evidence: Vec<Evidence>) -> Judgement {
    Judgement { state, phase: None, confidence: Confidence::Observed, evidence }
}

fn inferred(state: AgentState, evidence: Vec<Evidence>) -> Judgement {
    Judgement { state, phase: None, confidence: Confidence::Inferred, evidence }
}

#[cfg(test)]
mod tests;
