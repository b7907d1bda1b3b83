//! The numbers of agents, the fleet and the sources, as samples. Listed in `docs/agents.md`.
//!
//! A series ends with a stale marker when its labels change or its agent goes, so that a query
//! never sees two states of one agent. That holds over a restart: what the last run left open is
//! ended with the agent's first sample, or when it is known that the agent is not there.

use std::collections::BTreeMap;

use model::{
    Agent, AgentId, AgentState, Batch, LabelSet, Phase, STALE_NAN, SourceState, SourceStatus, Timestamp,
};

use crate::opencode::client::RequestCounts;

/// The series of one agent that have a value now.
#[derive(Debug, Default)]
pub struct Written {
    series: Vec<LabelSet>,
}

impl Written {
    /// What the last run wrote and, killed or stopped, never ended. Only the series that
    /// judgements rest on: the others name what is not remembered, a title or a model, and end
    /// by themselves after the lookback.
    pub fn left_by_last_run(agent: &AgentId, source: &str, state: AgentState) -> Self {
        let identity = [("agent", agent.as_str()), ("source", source)];
        let present = LabelSet::metric("agent_state", identity).with("state", state.as_str());
        let mut series = vec![present, LabelSet::metric("agent_stuck_duration_minutes", identity)];
        series.sort_unstable();
        Self { series }
    }

    /// Writes the agent's present values and ends the series that no longer hold. Its present
    /// state counts from its beginning, but not from before `counts_from`.
    pub fn write(&mut self, batch: &mut Batch, agent: &Agent, counts_from: Timestamp, now: Timestamp) {
        let values = agent_values(agent, counts_from, now);
        let mut series: Vec<LabelSet> = values.iter().map(|(labels, _)| labels.clone()).collect();
        series.sort_unstable();
        for ended in self.series.iter().filter(|labels| series.binary_search(labels).is_err()) {
            batch.push_sample(ended.clone(), now, STALE_NAN);
        }
        for (labels, value) in values {
            batch.push_sample(labels, now, value);
        }
        self.series = series;
    }

    /// The agent is gone.
    pub fn end(&mut self, batch: &mut Batch, now: Timestamp) {
        for labels in self.series.drain(..) {
            batch.push_sample(labels, now, STALE_NAN);
        }
    }
}

fn agent_values(agent: &Agent, counts_from: Timestamp, now: Timestamp) -> Vec<(LabelSet, f64)> {
    let identity = [("agent", agent.id.as_str()), ("source", agent.source.as_str())];
    let metric = |name: &str, more: &[(&str, &str)]| {
        LabelSet::metric(name, identity.iter().copied().chain(more.iter().copied()))
    };
    let model = agent.model.as_deref().unwrap_or("");
    let by_model = [("model", model)];
    let info = [
        ("name", agent.name.as_str()),
        ("model", model),
        ("provider", agent.provider.as_deref().unwrap_or("")),
        ("role", agent.role.as_deref().unwrap_or("")),
        ("directory", &agent.directory),
    ];
    let totals = &agent.totals;
    let mut values = vec![
        (metric("agent_state", &[("state", agent.status.state.as_str())]), 1.0),
        (metric("agent_info", &info), 1.0),
        (metric("agent_stuck_duration_minutes", &[]), stuck_minutes(agent, now)),
        (metric("agent_turns_total", &by_model), totals.turns as f64),
        (metric("agent_tool_calls_total", &by_model), totals.tool_calls as f64),
        (metric("agent_tool_errors_total", &by_model), totals.tool_errors as f64),
        (metric("agent_llm_errors_total", &by_model), totals.llm_errors as f64),
        (metric("agent_cost_usd_total", &by_model), totals.cost_usd),
    ];
    let tokens = totals.tokens;
    for (kind, count) in [
        ("input", tokens.input),
        ("output", tokens.output),
        ("reasoning", tokens.reasoning),
        ("cache_read", tokens.cache_read),
        ("cache_write", tokens.cache_write),
    ] {
        values.push((metric("agent_tokens_total", &[("model", model), ("kind", kind)]), count as f64));
    }
    for state in AgentState::ALL {
        let past = totals.time_in_state.get(&state).copied().unwrap_or_default();
        let mut stay = past;
        if state == agent.status.state {
            stay += now.since(agent.status.since.max(counts_from));
        }
        let seconds = stay.as_secs_f64();
        if seconds > 0.0 {
            values.push((metric("agent_state_seconds_total", &[("state", state.as_str())]), seconds));
        }
    }
    values
}

/// Minutes without progress while it should make some. Zero while it waits for a person, a
/// provider or a subagent: those have states of their own.
fn stuck_minutes(agent: &Agent, now: Timestamp) -> f64 {
    let is_expected = match agent.status.state {
        AgentState::Working => agent.status.phase != Some(Phase::WaitingChild),
        AgentState::Stalled | AgentState::Wedged => true,
        _ => false,
    };
    if is_expected { now.since(agent.last_progress).as_secs_f64() / 60.0 } else { 0.0 }
}

/// Returns whether the utilisation has a value: an empty fleet is not a lazy one.
pub fn fleet<'a>(
    batch: &mut Batch,
    agents: impl Iterator<Item = &'a Agent>,
    wrote_utilization: bool,
    now: Timestamp,
) -> bool {
    let mut by_state: BTreeMap<AgentState, u64> =
        AgentState::ALL.into_iter().map(|state| (state, 0)).collect();
    for agent in agents {
        *by_state.entry(agent.status.state).or_default() += 1;
    }
    for (state, count) in &by_state {
        batch.push_sample(LabelSet::metric("fleet_agents", [("state", state.as_str())]), now, *count as f64);
    }
    let alive: u64 =
        by_state.iter().filter(|(state, _)| **state != AgentState::Dead).map(|(_, count)| count).sum();
    let utilization = LabelSet::metric("fleet_utilization_percent", [("", ""); 0]);
    if alive > 0 {
        let working = by_state.get(&AgentState::Working).copied().unwrap_or(0);
        batch.push_sample(utilization, now, 100.0 * working as f64 / alive as f64);
    } else if wrote_utilization {
        batch.push_sample(utilization, now, STALE_NAN);
    }
    alive > 0
}

pub fn source_up(batch: &mut Batch, status: &SourceStatus, now: Timestamp) {
    let up = f64::from(u8::from(status.state == SourceState::Live));
    batch.push_sample(LabelSet::metric("source_up", [("source", &status.name)]), now, up);
}

pub fn source_requests(
    batch: &mut Batch,
    source: &str,
    counts: &BTreeMap<&'static str, RequestCounts>,
    now: Timestamp,
) {
    for (endpoint, count) in counts {
        let labels = [("source", source), ("endpoint", endpoint)];
        for (outcome, number) in [("ok", count.ok), ("error", count.error)] {
            let series = LabelSet::metric("source_requests_total", labels).with("outcome", outcome);
            batch.push_sample(series, now, number as f64);
        }
        let all = (count.ok + count.error) as f64;
        batch.push_sample(
            LabelSet::metric("source_request_duration_seconds_sum", labels),
            now,
            count.seconds,
        );
        batch.push_sample(LabelSet::metric("source_request_duration_seconds_count", labels), now, all);
    }
}
