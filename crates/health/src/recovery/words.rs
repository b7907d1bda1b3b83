//! What is said to agents and written into records.

use std::time::Duration;

use model::{Agent, Phase, Timestamp};

/// How a stuck agent looks, as sentences.
pub(super) fn evidence(agent: &Agent, now: Timestamp) -> Vec<String> {
    let mut sentences = Vec::new();
    let status = &agent.status;
    let phase = status.phase.map(|phase| format!(" ({})", phase.as_str())).unwrap_or_default();
    sentences.push(format!(
        "{} is {}{phase} since {} ({}).",
        agent.name,
        status.state.as_str(),
        status.since,
        status.confidence.as_str()
    ));
    if status.state.is_busy() {
        let silent = seconds(agent.silent_for(now));
        sentences.push(format!("The last progress was {silent} ago, at {}.", agent.last_progress));
    } else {
        sentences.push(format!("The last progress was at {}.", agent.last_progress));
    }
    if let Some(tool) = &agent.tool {
        sentences.push(format!("It runs the tool {} ({}) since {}.", tool.name, tool.title, tool.started));
    }
    let newest = status.evidence.iter().rev().take(3).rev();
    sentences.extend(newest.map(|evidence| format!("{}: {}", evidence.at, evidence.what)));
    if let Some(error) = &agent.last_error {
        sentences.push(format!("The last error was {}: {} at {}.", error.class, error.message, error.at));
    }
    sentences
}

/// The text that sets a stopped agent going again: it names the cause, so that the agent does
/// not run into it a second time.
pub(super) fn continuation(stuck: &Agent, silent: Duration) -> String {
    let silent = seconds(silent);
    match (&stuck.tool, stuck.status.phase) {
        (Some(tool), Some(Phase::Tool)) => format!(
            "Your last step, the tool `{}` ({}), was stopped after {silent} without output. Continue; \
             do not repeat that call unchanged, and do not repeat what is already done.",
            tool.name, tool.title
        ),
        _ => format!(
            "Your last step was stopped after {silent} without output. Continue; do not repeat what is \
             already done."
        ),
    }
}

/// The line left in the log of the agent's server.
pub(super) fn mark(run: &str, stuck: &Agent, silent: Duration) -> String {
    format!(
        "Watchkeeper recovery {run}: session {} shows no progress for {}; its turn is aborted",
        stuck.session,
        seconds(silent)
    )
}

pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
