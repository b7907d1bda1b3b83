//! The fleet in a handful of numbers.

use std::collections::BTreeMap;

use model::{Agent, AgentState, SourceState, SourceStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::agent::{AgentDto, SourceDto};

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FleetDto {
    pub total: u64,
    /// Every state, also those with no agent.
    pub by_state: BTreeMap<&'static str, u64>,
    /// Over the last five minutes; null before there are enough samples.
    pub tokens_per_minute: Option<f64>,
    pub cost_per_hour: Option<f64>,
    pub sources_live: u64,
    pub sources_total: u64,
}

/// What the fleet consumes, as computed from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FleetRates {
    pub tokens_per_minute: Option<f64>,
    pub cost_per_hour: Option<f64>,
}

impl FleetDto {
    pub fn new(agents: &[std::sync::Arc<Agent>], sources: &[SourceStatus], rates: FleetRates) -> Self {
        let mut by_state: BTreeMap<&'static str, u64> =
            AgentState::ALL.into_iter().map(|state| (state.as_str(), 0)).collect();
        for agent in agents {
            *by_state.entry(agent.status.state.as_str()).or_default() += 1;
        }
        let live = sources.iter().filter(|source| source.state == SourceState::Live).count();
        Self {
            total: agents.len() as u64,
            by_state,
            tokens_per_minute: rates.tokens_per_minute,
            cost_per_hour: rates.cost_per_hour,
            sources_live: live as u64,
            sources_total: sources.len() as u64,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentsDto {
    pub agents: Vec<AgentDto>,
    pub sources: Vec<SourceDto>,
    pub fleet: FleetDto,
    pub timestamp: String,
}
