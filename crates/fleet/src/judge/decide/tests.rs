//! The rules as a table: facts and a link in, a state and its reason out.

use model::{AgentError, AgentState, PendingKind, PendingRequest, Retry, Timestamp};

use super::super::Children;
use super::*;

fn moment(seconds: u64) -> Moment {
    Moment {
        at: Timestamp::from_secs(1000) + Duration::from_secs(seconds),
        mono: Duration::from_secs(seconds),
    }
}

const LIMITS: Limits = Limits {
    model: Duration::from_secs(300),
    tool: Duration::from_secs(600),
    provider_lasting: Duration::from_secs(60),
    lost_grace: Duration::from_secs(10),
};

/// Busy since second 0 and judged at second 1000, unless a test says otherwise.
fn busy(phase: Phase, silence: u64) -> Facts {
    Facts {
        activity: Activity::Busy { since: moment(0) },
        last_turn: LastTurn::Unfinished,
        phase,
        tool: Some("bash: sleep 600".to_owned()),
        phase_since: moment(0).at,
        last_progress: moment(0).at,
        silence: Duration::from_secs(silence),
        pending: Vec::new(),
        children: Children::default(),
        ended: moment(0).at,
    }
}

fn resting(last_turn: LastTurn) -> Facts {
    Facts { activity: Activity::Resting { since: moment(0) }, last_turn, ..busy(Phase::WaitingModel, 0) }
}

fn live() -> Link {
    Link::Live { settled: true, heard: moment(1000).at }
}

fn reason() -> String {
    "http://a: the connection was refused".to_owned()
}

fn judged(facts: &Facts, link: &Link) -> AgentStatus {
    decide(None, facts, link, LIMITS, moment(1000))
}

fn check(facts: &Facts, link: &Link, state: AgentState, says: &str) {
    let status = judged(facts, link);
    let why: Vec<_> = status.evidence.iter().map(|evidence| evidence.what.as_str()).collect();
    assert_eq!(status.state, state, "{why:?}");
    assert!(why.join("; ").contains(says), "{why:?}");
}

#[test]
fn each_phase_has_its_limit_of_silence() {
    for (phase, limit) in
        [(Phase::WaitingModel, 300), (Phase::Streaming, 300), (Phase::Tool, 600), (Phase::WaitingChild, 600)]
    {
        let at_limit = judged(&busy(phase, limit), &live());
        assert_eq!((at_limit.state, at_limit.phase), (AgentState::Working, Some(phase)));
        let beyond = judged(&busy(phase, limit + 1), &live());
        assert_eq!((beyond.state, beyond.phase), (AgentState::Stalled, Some(phase)));
        assert_eq!((at_limit.confidence, beyond.confidence), (Confidence::Observed, Confidence::Inferred));
    }
}

#[test]
fn limits_wait_until_a_new_connection_has_settled() {
    let unsettled = Link::Live { settled: false, heard: moment(1000).at };
    check(&busy(Phase::Tool, 10_000), &unsettled, AgentState::Working, "runs bash: sleep 600");
}

#[test]
fn silence_says_since_when_and_that_somebody_listened() {
    let says =
        "asked the model at 00:16:40; no token, tool or file change since; longer than the 300 s allowed";
    check(&busy(Phase::WaitingModel, 301), &live(), AgentState::Stalled, says);
    check(&busy(Phase::Tool, 601), &live(), AgentState::Stalled, "no output since 00:16:40");
}

#[test]
fn a_parent_waits_for_a_stalled_child_without_stalling() {
    let children = Children { busy: vec!["explorer".to_owned()], stalled: true };
    let facts = Facts { children, ..busy(Phase::WaitingChild, 10_000) };
    check(&facts, &live(), AgentState::Working, "waits for its subagent explorer");
    check(&facts, &live(), AgentState::Working, "its subagent is stalled");
}

#[test]
fn a_request_to_a_person_comes_before_everything_but_rest() {
    let request = PendingRequest {
        id: "per_1".to_owned(),
        kind: PendingKind::Permission,
        what: "bash: git push".to_owned(),
        since: moment(0).at,
    };
    let waiting = Facts { pending: vec![request.clone()], ..busy(Phase::Tool, 10_000) };
    check(&waiting, &live(), AgentState::WaitingHuman, "asks for permission since 00:16:40: bash: git push");
    let stale = Facts { pending: vec![request], ..resting(LastTurn::Aborted) };
    check(&stale, &live(), AgentState::Idle, "was stopped");
}

fn retrying(message: &str, first: u64, said: u64, wait: u64) -> Facts {
    let retry = Retry { attempt: 3, next: moment(said + wait).at, message: message.to_owned() };
    let activity = Activity::Retrying { retry, said: moment(said), first: moment(first) };
    Facts { activity, ..busy(Phase::WaitingModel, 10_000) }
}

#[test]
fn a_scheduled_retry_is_a_wait_and_never_a_stall() {
    let facts = retrying("429 Rate limit reached", 990, 999, 8);
    check(&facts, &live(), AgentState::WaitingProvider, "429 Rate limit reached; attempt 3, next in 8 s");
    assert_eq!(judged(&facts, &live()).evidence.len(), 1);
}

#[test]
fn a_retry_that_cannot_help_lasts_or_is_far_away_says_so() {
    check(
        &retrying("insufficient_quota: check your billing", 990, 999, 8),
        &live(),
        AgentState::WaitingProvider,
        "asking again does not cure",
    );
    check(
        &retrying("overloaded", 900, 999, 8),
        &live(),
        AgentState::WaitingProvider,
        "again and again since 00:31:40",
    );
    check(&retrying("overloaded", 990, 999, 4000), &live(), AgentState::WaitingProvider, "far away, at ");
}

#[test]
fn asking_again_is_work_only_after_a_moment() {
    let retry = Retry { attempt: 1, next: moment(998).at, message: "overloaded".to_owned() };
    let asking = |since| Facts {
        activity: Activity::AskingAgain {
            retry: retry.clone(),
            said: moment(996),
            first: moment(996),
            since: moment(since),
        },
        ..busy(Phase::WaitingModel, 2)
    };
    check(&asking(998), &live(), AgentState::WaitingProvider, "overloaded");
    let waiting = judged(&asking(998), &live());
    let end = damped_until(&waiting, &asking(998), &live(), LIMITS, moment(1000));
    assert_eq!(end, Some(moment(1001).mono));
    check(&asking(997), &live(), AgentState::Working, "asked the model");
}

#[test]
fn rest_is_judged_by_the_last_turn() {
    for (last_turn, state, says) in [
        (LastTurn::None, AgentState::Idle, "not given anything"),
        (LastTurn::Ended, AgentState::Idle, "ended at 00:16:40"),
        (LastTurn::Aborted, AgentState::Idle, "stopped at"),
        (LastTurn::Unread, AgentState::Idle, "does not list it as busy"),
        (LastTurn::NotAsked, AgentState::Idle, "last changed at"),
        (LastTurn::Unanswered, AgentState::Unknown, "could not say"),
        (LastTurn::Unfinished, AgentState::Unknown, "another process may be at work"),
        (LastTurn::Interrupted, AgentState::Failed, "interrupted when its server died"),
        (LastTurn::Failed(an_error(true)), AgentState::Failed, "401 Incorrect API key (APIError)"),
        (LastTurn::Failed(an_error(false)), AgentState::Failed, "asking again does not help"),
    ] {
        check(&resting(last_turn), &live(), state, says);
    }
}

#[test]
fn without_its_server_a_busy_agent_is_dead_or_wedged_and_another_unknown() {
    let since = moment(999);
    let work = busy(Phase::Tool, 0);
    let rest = resting(LastTurn::Ended);
    let down = Link::Down { since, reason: reason() };
    let wedged = Link::Wedged { since, reason: reason() };
    let refused = Link::Refused { since, reason: "401: wrong user or password".to_owned() };
    check(&work, &down, AgentState::Dead, "when its server went silent: runs bash: sleep 600");
    check(&rest, &down, AgentState::Unknown, "its server does not answer");
    check(&work, &wedged, AgentState::Wedged, "connection was refused");
    check(&rest, &wedged, AgentState::Unknown, "its server does not answer");
    check(&work, &refused, AgentState::Unknown, "401: wrong user or password");
    check(&rest, &refused, AgentState::Unknown, "401");
}

#[test]
fn a_lost_stream_keeps_what_is_known_for_a_moment_and_stalls_nobody() {
    let lost = |since| Link::Lost { since: moment(since), reason: "no heartbeat".to_owned() };
    let silent = busy(Phase::Tool, 10_000);
    let working = judged(&busy(Phase::Tool, 0), &live());
    let stalled = judged(&silent, &live());
    let now = |previous: &AgentStatus, link: &Link| {
        decide(Some(previous), &silent, link, LIMITS, moment(1000)).state
    };
    assert_eq!(now(&working, &lost(995)), AgentState::Working);
    assert_eq!(now(&stalled, &lost(995)), AgentState::Stalled);
    assert_eq!(now(&working, &lost(990)), AgentState::Unknown);
    assert_eq!(now(&stalled, &lost(990)), AgentState::Unknown);
}

fn later(millis: u64) -> Moment {
    let passed = Duration::from_millis(millis);
    Moment { at: moment(1000).at + passed, mono: moment(1000).mono + passed }
}

/// An agent that was at work comes to rest at second 1000: it is believed to be for
/// `damping_ms` more, and the end of that is known beforehand.
fn check_rest(last_turn: LastTurn, damping_ms: u64, expected: AgentState) {
    let working = judged(&busy(Phase::Tool, 0), &live());
    let facts = Facts { activity: Activity::Resting { since: moment(1000) }, ..resting(last_turn) };
    for millis in [0, damping_ms - 1] {
        let now = later(millis);
        assert_eq!(decide(Some(&working), &facts, &live(), LIMITS, now), working, "{millis} ms");
        let end = damped_until(&working, &facts, &live(), LIMITS, now);
        assert_eq!(end, Some(later(damping_ms).mono), "{millis} ms");
    }
    let end = later(damping_ms);
    let rested = decide(Some(&working), &facts, &live(), LIMITS, end);
    assert_eq!((rested.state, rested.since), (expected, end.at));
    assert_eq!(damped_until(&working, &facts, &live(), LIMITS, end), None);
    assert_eq!(damped_until(&rested, &facts, &live(), LIMITS, moment(1000)), None, "rest is not damped");
}

fn an_error(retryable: bool) -> AgentError {
    AgentError {
        class: "APIError".to_owned(),
        message: "Incorrect API key".to_owned(),
        status: Some(401),
        retryable,
        at: moment(5).at,
    }
}

#[test]
fn rest_right_after_work_is_not_yet_rest() {
    check_rest(LastTurn::Ended, 1000, AgentState::Idle);
    check_rest(LastTurn::Aborted, 1000, AgentState::Idle);
}

#[test]
fn an_error_is_believed_sooner_than_rest() {
    check_rest(LastTurn::Failed(an_error(false)), 300, AgentState::Failed);
    check_rest(LastTurn::Failed(an_error(true)), 300, AgentState::Failed);
}

#[test]
fn a_dead_server_and_a_question_are_believed_at_once() {
    let working = judged(&busy(Phase::Tool, 0), &live());
    let down = Link::Down { since: moment(1000), reason: reason() };
    let dead = decide(Some(&working), &busy(Phase::Tool, 0), &down, LIMITS, moment(1000));
    assert_eq!(dead.state, AgentState::Dead);
    let request = PendingRequest {
        id: "per_1".to_owned(),
        kind: PendingKind::Permission,
        what: "bash: git push".to_owned(),
        since: moment(1000).at,
    };
    let asks = Facts { pending: vec![request], ..busy(Phase::Tool, 0) };
    assert_eq!(decide(Some(&working), &asks, &live(), LIMITS, moment(1000)).state, AgentState::WaitingHuman);
}

#[test]
fn since_moves_only_with_the_state() {
    let first = decide(None, &busy(Phase::WaitingModel, 0), &live(), LIMITS, moment(10));
    let second = decide(Some(&first), &busy(Phase::Tool, 5), &live(), LIMITS, moment(15));
    assert_eq!((second.state, second.since), (AgentState::Working, moment(10).at));
}

#[test]
fn the_reasons_of_a_stall_stand_still() {
    let silent = busy(Phase::Tool, 700);
    let first = judged(&silent, &live());
    let later = Link::Live { settled: true, heard: moment(1100).at };
    assert_eq!(decide(Some(&first), &silent, &later, LIMITS, moment(1100)), first);
}
