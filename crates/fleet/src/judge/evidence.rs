//! The reasons of a state, as sentences for people. Times are UTC.
//!
//! A sentence holds absolute times and never an age, so that it does not change while
//! nothing happens.

use std::sync::LazyLock;
use std::time::Duration;

use model::{Evidence, PendingKind, Phase, Retry, Timestamp};
use regex::Regex;

use super::{Facts, Limits, Moment};

/// `09:31:08`.
pub fn clock_time(at: Timestamp) -> String {
    at.to_rfc3339().get(11..19).unwrap_or("an unknown time").to_owned()
}

/// Waiting and asking again cannot cure this: it names money, a key or a missing model.
pub fn is_final(message: &str) -> bool {
    static FINAL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?i)quota|billing|payment|credit balance|insufficient (?:funds|balance)|(?:invalid|incorrect|missing|revoked)[^.]{0,20}(?:api.?)?key|unauthorized|authentication|model[^.]{0,40}not (?:found|exist)",
        )
        .expect("the expression is a constant that a test runs")
    });
    FINAL.is_match(message)
}

/// Nothing was heard of a request until OpenCode gave it up: `Provider response headers timed
/// out after 300000ms`, `SSE read timed out`. A gateway that reports a timeout has answered.
pub fn is_timeout(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("timed out") && !message.contains("gateway")
}

pub fn said(at: Timestamp, what: impl Into<String>) -> Evidence {
    Evidence { at, what: what.into() }
}

/// What it is busy with.
pub fn occupation(facts: &Facts) -> Evidence {
    let since = clock_time(facts.phase_since);
    let tool = facts.tool.as_deref().unwrap_or("a tool");
    said(
        facts.phase_since,
        match facts.phase {
            Phase::WaitingModel => format!("asked the model at {since}"),
            Phase::Streaming => format!("the model has been answering since {since}"),
            Phase::Tool => format!("runs {tool} since {since}"),
            Phase::WaitingChild => match facts.children.busy.as_slice() {
                [] => format!("waits for a subagent since {since}"),
                names => format!("waits for its subagent {} since {since}", names.join(", ")),
            },
        },
    )
}

/// Why it is stalled: what it does, how long it may be silent, and that we listened.
pub fn silence(facts: &Facts, limit: Duration, heard: Timestamp) -> Vec<Evidence> {
    let since = clock_time(facts.phase_since);
    let last = clock_time(facts.last_progress);
    let tool = facts.tool.as_deref().unwrap_or("a tool");
    let what = match facts.phase {
        Phase::WaitingModel => format!("asked the model at {since}; no token, tool or file change since"),
        Phase::Streaming => format!("the model stopped in the middle of its answer; last token at {last}"),
        Phase::Tool => format!("runs {tool} since {since}; no output since {last}"),
        Phase::WaitingChild => {
            format!("waits for a subagent since {since}, but none of its subagents is at work")
        }
    };
    vec![
        said(facts.last_progress, what),
        said(
            heard,
            format!(
                "longer than the {} s allowed, while its server kept sending: last at {}",
                limit.as_secs(),
                clock_time(heard)
            ),
        ),
    ]
}

/// A request that was given up because nothing was heard of it, if that is how the last one
/// ended.
pub fn given_up(facts: &Facts) -> Option<Evidence> {
    let (retry, told) = facts.activity.timed_out()?;
    let when = clock_time(told.at);
    let what = format!("its request was given up at {when}: {}; attempt {}", retry.message, retry.attempt);
    Some(said(told.at, what))
}

pub fn refusals(retry: &Retry, told: Moment, first: Moment, limits: Limits, now: Moment) -> Vec<Evidence> {
    let wait = retry.next.since(told.at).as_secs_f64().round();
    let mut evidence =
        vec![said(told.at, format!("{}; attempt {}, next in {wait:.0} s", retry.message, retry.attempt))];
    if is_final(&retry.message) {
        evidence.push(said(
            told.at,
            "this names a cause that asking again does not cure: a key, a quota or a bill",
        ));
    }
    if now.since(first) >= limits.provider_lasting {
        evidence.push(said(first.at, format!("refused again and again since {}", clock_time(first.at))));
    }
    // OpenCode obeys a retry-after of any length.
    if wait > 120.0 {
        let next = clock_time(retry.next);
        evidence.push(said(told.at, format!("the next attempt is far away, at {next}")));
    }
    evidence
}

pub fn questions(facts: &Facts) -> Vec<Evidence> {
    facts
        .pending
        .iter()
        .map(|request| {
            let asks = match request.kind {
                PendingKind::Permission => "asks for permission",
                PendingKind::Question => "asks a question",
            };
            said(request.since, format!("{asks} since {}: {}", clock_time(request.since), request.what))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_causes_are_recognised() {
        for text in [
            "You exceeded your current quota, please check your plan and billing details",
            "Incorrect API key provided",
            "invalid x-api-key",
        ] {
            assert!(is_final(text), "{text}");
        }
        for text in ["Rate limit reached for requests", "The server had an error", "SSE read timed out"] {
            assert!(!is_final(text), "{text}");
        }
    }

    #[test]
    fn a_timeout_is_told_from_a_refusal() {
        for text in [
            "Provider response headers timed out after 300000ms",
            "SSE read timed out",
            "The operation timed out.",
        ] {
            assert!(is_timeout(text), "{text}");
        }
        for text in ["Rate limit reached for requests", "504 Gateway timed out", "Gateway Timeout"] {
            assert!(!is_timeout(text), "{text}");
        }
    }
}
