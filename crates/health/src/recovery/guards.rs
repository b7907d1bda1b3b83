//! Who may be restarted now, and why not. Pure: values in, a decision with its reason out.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Agent, AgentId, AgentState, Outcome, RecoveryRun, SourceState, SourceStatus, Timestamp, Trigger,
};

use crate::RecoverySettings;

/// Everything at one moment.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub now: Timestamp,
    /// Since our own start or the last jump of the clock.
    pub calm_for: Duration,
    pub agents: &'a [Arc<Agent>],
    pub sources: &'a [SourceStatus],
    /// Agents that are being restarted now.
    pub running: &'a BTreeSet<AgentId>,
}

/// Why an agent is not restarted now. Shown as a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    NotStuck { state: AgentState },
    AlreadyRunning,
    SourceNotLive { source: String, state: &'static str },
    ChildAtWork { child: String, is_stuck: bool },
    WarmUp { left: Duration },
    ToolMayTakeLong { tool: String },
    NotRetryable { class: String, message: String },
    ProviderIncident { waiting: usize, busy: usize },
    AttemptsSpent { attempts: usize, window: Duration },
    Cooldown { left: Duration },
    FleetCap { running: usize },
}

impl Refusal {
    /// Names the kind: a skip is recorded again only when this changes.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Refusal::NotStuck { .. } => "not_stuck",
            Refusal::AlreadyRunning => "already_running",
            Refusal::SourceNotLive { .. } => "source_not_live",
            Refusal::ChildAtWork { .. } => "child_at_work",
            Refusal::WarmUp { .. } => "warm_up",
            Refusal::ToolMayTakeLong { .. } => "tool_may_take_long",
            Refusal::NotRetryable { .. } => "not_retryable",
            Refusal::ProviderIncident { .. } => "provider_incident",
            Refusal::AttemptsSpent { .. } => "attempts_spent",
            Refusal::Cooldown { .. } => "cooldown",
            Refusal::FleetCap { .. } => "fleet_cap",
        }
    }

    /// Passes by itself within moments and needs no record.
    pub(super) fn is_momentary(&self) -> bool {
        matches!(self, Refusal::WarmUp { .. } | Refusal::AlreadyRunning | Refusal::NotStuck { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = |duration: &Duration| duration.as_secs_f64().ceil();
        match self {
            Refusal::NotStuck { state } => write!(f, "The agent is {} and not stuck.", state.as_str()),
            Refusal::AlreadyRunning => f.write_str("A restart of this agent is under way."),
            Refusal::SourceNotLive { source, state } => {
                write!(f, "Its source {source} is {state}, so what is known of the agent may be old.")
            }
            Refusal::ChildAtWork { child, is_stuck: true } => {
                write!(f, "Its subagent {child} is stuck and is dealt with first; the agent waits for it.")
            }
            Refusal::ChildAtWork { child, is_stuck: false } => {
                write!(f, "It waits for its subagent {child}, which is at work.")
            }
            Refusal::WarmUp { left } => {
                write!(f, "Watchkeeper has just started; it acts by itself in {} s.", secs(left))
            }
            Refusal::ToolMayTakeLong { tool } => {
                write!(f, "It runs the tool {tool}, which may take as long as it likes.")
            }
            Refusal::NotRetryable { class, message } => {
                write!(f, "Asking again cannot help: {class}: {message}.")
            }
            Refusal::ProviderIncident { waiting, busy } => write!(
                f,
                "{waiting} of {busy} busy agents wait for a provider: the provider is the fault, not the agent."
            ),
            Refusal::AttemptsSpent { attempts, window } => write!(
                f,
                "{attempts} attempts within {} min did not keep it going; a person is needed.",
                window.as_secs() / 60
            ),
            Refusal::Cooldown { left } => {
                write!(f, "It was restarted a moment ago; the next attempt is due in {} s.", secs(left))
            }
            Refusal::FleetCap { running } => {
                write!(f, "{running} agents are being restarted, as many as are allowed at once.")
            }
        }
    }
}

/// Whether `agent` may be restarted now. `past` are its recorded runs within the window.
///
/// What a person asks for is spared the guards that protect from ourselves (warm-up, tools,
/// causes, incident, attempts, cooldown), never those that protect the agent (old knowledge,
/// subagents, too many at once).
pub(super) fn may_restart(
    agent: &Agent,
    trigger: Trigger,
    scene: Scene<'_>,
    past: &[RecoveryRun],
    limits: &RecoverySettings,
) -> Result<(), Refusal> {
    is_stuck(agent)?;
    is_not_running(agent, scene)?;
    is_known(agent, scene)?;
    has_no_child_at_work(agent, scene)?;
    if trigger != Trigger::Manual {
        has_warmed_up(scene, limits)?;
        runs_no_long_tool(agent, limits)?;
        can_be_helped(agent)?;
        has_no_provider_incident(scene, limits)?;
        has_attempts_left(scene, past, limits)?;
        has_cooled_down(scene, past, limits)?;
    }
    is_within_cap(scene, limits)
}

fn is_stuck(agent: &Agent) -> Result<(), Refusal> {
    let state = agent.status.state;
    if state.is_stuck() { Ok(()) } else { Err(Refusal::NotStuck { state }) }
}

fn is_not_running(agent: &Agent, scene: Scene<'_>) -> Result<(), Refusal> {
    if scene.running.contains(&agent.id) { Err(Refusal::AlreadyRunning) } else { Ok(()) }
}

fn is_known(agent: &Agent, scene: Scene<'_>) -> Result<(), Refusal> {
    let source = scene.sources.iter().find(|source| source.name == agent.source);
    match source.map(|source| source.state) {
        Some(SourceState::Live) => Ok(()),
        state => Err(Refusal::SourceNotLive {
            source: agent.source.clone(),
            state: state.map_or("unknown", SourceState::as_str),
        }),
    }
}

/// A subagent that was just stopped by us counts: its parent has yet to hear of it.
fn has_no_child_at_work(agent: &Agent, scene: Scene<'_>) -> Result<(), Refusal> {
    let children = scene.agents.iter().filter(|child| child.parent.as_ref() == Some(&agent.id));
    let is_dealt_with = |child: &Agent| scene.running.contains(&child.id);
    let is_stuck = |child: &Agent| child.status.state.is_stuck() || is_dealt_with(child);
    let at_work = children.filter(|child| child.status.state.is_busy() || is_dealt_with(child));
    match at_work.max_by_key(|child| is_stuck(child)) {
        None => Ok(()),
        Some(child) => Err(Refusal::ChildAtWork { child: child.name.clone(), is_stuck: is_stuck(child) }),
    }
}

fn has_warmed_up(scene: Scene<'_>, limits: &RecoverySettings) -> Result<(), Refusal> {
    match limits.warm_up.checked_sub(scene.calm_for) {
        Some(left) if !left.is_zero() => Err(Refusal::WarmUp { left }),
        _ => Ok(()),
    }
}

fn runs_no_long_tool(agent: &Agent, limits: &RecoverySettings) -> Result<(), Refusal> {
    let tool = agent.tool.as_ref().filter(|tool| limits.tools_never_aborted.contains(&tool.name));
    tool.map_or(Ok(()), |tool| Err(Refusal::ToolMayTakeLong { tool: tool.name.clone() }))
}

/// An error that came after the last progress is the cause; an older one was overcome.
fn can_be_helped(agent: &Agent) -> Result<(), Refusal> {
    let cause = agent.last_error.as_ref().filter(|error| !error.retryable && error.at >= agent.last_progress);
    cause.map_or(Ok(()), |error| {
        Err(Refusal::NotRetryable { class: error.class.clone(), message: error.message.clone() })
    })
}

fn has_no_provider_incident(scene: Scene<'_>, limits: &RecoverySettings) -> Result<(), Refusal> {
    let busy = scene.agents.iter().filter(|agent| agent.status.state.is_busy()).count();
    let waiting =
        scene.agents.iter().filter(|agent| agent.status.state == AgentState::WaitingProvider).count();
    // One agent alone may have a key or a model of its own: that is no incident.
    if waiting > 1 && waiting as f64 >= limits.provider_incident_share * busy as f64 {
        return Err(Refusal::ProviderIncident { waiting, busy });
    }
    Ok(())
}

/// Runs within the window that did something.
fn attempts<'a>(
    scene: Scene<'_>,
    past: &'a [RecoveryRun],
    limits: &RecoverySettings,
) -> impl Iterator<Item = &'a RecoveryRun> {
    let window_start = scene.now - limits.attempts_window;
    past.iter().filter(move |run| run.outcome != Outcome::Skipped && run.started > window_start)
}

fn has_attempts_left(
    scene: Scene<'_>,
    past: &[RecoveryRun],
    limits: &RecoverySettings,
) -> Result<(), Refusal> {
    let by_itself = |run: &&RecoveryRun| run.trigger != Trigger::Manual;
    let attempts = attempts(scene, past, limits).filter(by_itself).count();
    if attempts >= limits.attempts_max {
        return Err(Refusal::AttemptsSpent { attempts, window: limits.attempts_window });
    }
    Ok(())
}

fn has_cooled_down(scene: Scene<'_>, past: &[RecoveryRun], limits: &RecoverySettings) -> Result<(), Refusal> {
    let ends = attempts(scene, past, limits).map(|run| run.finished.unwrap_or(run.started));
    let (count, last) = ends.fold((0u32, None), |(count, last), end| (count + 1, last.max(Some(end))));
    let Some(last) = last else { return Ok(()) };
    let cooldown = limits.cooldown.saturating_mul(1 << (count - 1).min(16));
    match cooldown.checked_sub(scene.now.since(last)) {
        Some(left) if !left.is_zero() => Err(Refusal::Cooldown { left }),
        _ => Ok(()),
    }
}

fn is_within_cap(scene: Scene<'_>, limits: &RecoverySettings) -> Result<(), Refusal> {
    let running = scene.running.len();
    if running >= cap(scene.agents, limits) { Err(Refusal::FleetCap { running }) } else { Ok(()) }
}

/// How many may be restarted at once: a share of the fleet, at least one.
pub(super) fn cap(agents: &[Arc<Agent>], limits: &RecoverySettings) -> usize {
    let alive = agents.iter().filter(|agent| agent.status.state != AgentState::Dead).count();
    let share = (alive as f64 * limits.fleet_share_max).floor() as usize;
    share.max(1).min(limits.concurrent_max)
}
