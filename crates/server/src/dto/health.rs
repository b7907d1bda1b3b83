//! Verdicts of checks and dependencies, in the contract's shape.

use std::collections::BTreeMap;

use model::{CheckResult, DependencyResult, Fact, HealthSummary, Verdict};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{finite, optional_time, time};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HealthDto {
    pub status: &'static str,
    pub message: String,
    pub last_check: Option<String>,
    pub components: BTreeMap<String, CheckDto>,
    pub dependencies: BTreeMap<String, DependencyDto>,
    pub status_distribution: BTreeMap<&'static str, u64>,
    pub auto_recovery_enabled: bool,
    pub recovery_history_count: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckDto {
    pub component: String,
    pub status: &'static str,
    pub response_time_ms: f64,
    pub timestamp: String,
    pub message: String,
    pub details: BTreeMap<String, Value>,
    pub dependencies: Vec<String>,
    pub recovery_actions: Vec<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DependencyDto {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: &'static str,
    pub message: String,
    pub last_check: String,
    pub response_time_ms: f64,
    pub error_count: u64,
    pub consecutive_failures: u64,
    pub details: BTreeMap<String, Value>,
}

impl From<&HealthSummary> for HealthDto {
    fn from(summary: &HealthSummary) -> Self {
        let mut distribution: BTreeMap<&'static str, u64> = BTreeMap::new();
        for check in &summary.checks {
            *distribution.entry(check.verdict.as_str()).or_default() += 1;
        }
        Self {
            status: summary.verdict.as_str(),
            message: message_of(summary),
            last_check: optional_time(summary.last_check),
            components: summary
                .checks
                .iter()
                .map(|check| (check.component.clone(), CheckDto::from(check)))
                .collect(),
            dependencies: summary
                .dependencies
                .iter()
                .map(|dependency| (dependency.name.clone(), DependencyDto::from(dependency)))
                .collect(),
            status_distribution: distribution,
            auto_recovery_enabled: summary.auto_recovery,
            recovery_history_count: summary.recovery_runs,
        }
    }
}

fn message_of(summary: &HealthSummary) -> String {
    if summary.last_check.is_none() {
        return "No health checks performed yet".to_owned();
    }
    if summary.message.is_empty() {
        return format!("System {}", summary.verdict.as_str());
    }
    summary.message.clone()
}

impl From<&CheckResult> for CheckDto {
    fn from(check: &CheckResult) -> Self {
        Self {
            component: check.component.clone(),
            status: check.verdict.as_str(),
            response_time_ms: milliseconds(check.took),
            timestamp: time(check.at),
            message: check.message.clone(),
            details: check.details.iter().map(|(name, fact)| (name.clone(), fact_value(fact))).collect(),
            dependencies: check.depends_on.clone(),
            recovery_actions: check.recovery_actions.clone(),
        }
    }
}

impl From<&DependencyResult> for DependencyDto {
    fn from(dependency: &DependencyResult) -> Self {
        let target = Value::String(dependency.target.clone());
        Self {
            name: dependency.name.clone(),
            kind: dependency.kind.as_str(),
            status: dependency.verdict.as_str(),
            message: dependency.message.clone(),
            last_check: time(dependency.at),
            response_time_ms: milliseconds(dependency.took),
            error_count: dependency.error_count,
            consecutive_failures: dependency.consecutive_failures,
            details: BTreeMap::from([("target".to_owned(), target)]),
        }
    }
}

fn milliseconds(duration: std::time::Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

fn fact_value(fact: &Fact) -> Value {
    match fact {
        Fact::Flag(flag) => Value::from(*flag),
        Fact::Count(count) => Value::from(*count),
        Fact::Number(number) => finite(*number).map_or(Value::Null, Value::from),
        Fact::Text(text) => Value::from(text.as_str()),
        Fact::List(facts) => facts.iter().map(fact_value).collect(),
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HealthReplyDto {
    pub status: &'static str,
    pub health: HealthDto,
    pub timestamp: String,
}

/// `GET /health`: for load balancers and the contract's probes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicHealthDto {
    pub status: &'static str,
    /// There is no chat in Watchkeeper: a constant of the contract.
    pub chat_enabled: bool,
    pub active_sessions: u64,
    pub total_agents: u64,
}

/// The verdict on one agent's own state, as a check of it.
pub fn check_of_agent(agent: &model::Agent, now: model::Timestamp) -> CheckDto {
    use model::AgentState as State;
    let verdict = match agent.status.state {
        State::Working | State::Idle => Verdict::Healthy,
        State::WaitingHuman | State::WaitingProvider => Verdict::Degraded,
        State::Stalled | State::Failed => Verdict::Unhealthy,
        State::Wedged | State::Dead => Verdict::Critical,
        State::Unknown => Verdict::Unknown,
    };
    let details = BTreeMap::from([
        ("state".to_owned(), Value::from(agent.status.state.as_str())),
        ("phase".to_owned(), agent.status.phase.map_or(Value::Null, |phase| Value::from(phase.as_str()))),
        ("confidence".to_owned(), Value::from(agent.status.confidence.as_str())),
        ("seconds_in_state".to_owned(), Value::from(now.since(agent.status.since).as_secs())),
        ("seconds_without_progress".to_owned(), Value::from(agent.silent_for(now).as_secs())),
    ]);
    let last = agent.status.evidence.last().map(|evidence| evidence.what.as_str()).unwrap_or_default();
    let recovers = agent.status.state.is_stuck();
    CheckDto {
        component: agent.id.to_string(),
        status: verdict.as_str(),
        response_time_ms: 0.0,
        timestamp: time(agent.last_event),
        message: format!("{} is {}. {last}", agent.name, agent.status.state.as_str()).trim_end().to_owned(),
        details,
        dependencies: vec![agent.source.clone()],
        recovery_actions: if recovers { vec!["restart_stuck_agents".to_owned()] } else { Vec::new() },
    }
}
