//! Engines that say what a test wants and remember what they were asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use alerting::{AlertStatistics, Backtest, BacktestError, GroupStatus, Look, ReceiverView, RuleGroup};
use async_trait::async_trait;
use futures::StreamExt;
use model::{
    Agent, AgentId, AgentState, AgentStatus, Alert, AlertStatus, CheckResult, Confidence, CurrentTool,
    Evidence, HealthSummary, LabelSet, Outcome, PendingKind, PendingRequest, RecoveryRun, Severity,
    SourceState, SourceStatus, Timestamp, Todo, Trigger, Verdict,
};
use parking_lot::Mutex;
use testkit::clock::START;
use tokio::sync::{Notify, broadcast};

use crate::engines::{
    AcknowledgeFault, AlertDesk, Change, Changes, ControlFault, DeskError, FleetDesk, HealthDesk,
    PermissionAnswer, TestFault, TriggerFault,
};

/// One set of engines; everything in it can be changed during a test.
#[derive(Debug)]
pub(super) struct Fakes {
    pub agents: Mutex<Vec<Arc<Agent>>>,
    pub alerts: Mutex<Vec<Alert>>,
    pub verdict: Mutex<Verdict>,
    /// What was asked of the engines, in words.
    pub asked: Mutex<Vec<String>>,
    /// What the action `waits` waits for.
    pub gate: Notify,
    pub changes: broadcast::Sender<Change>,
}

impl Default for Fakes {
    fn default() -> Self {
        Self {
            agents: Mutex::new(vec![Arc::new(agent("ses_1", "build-docs", AgentState::Working))]),
            alerts: Mutex::new(vec![alert("agent_stuck_1", AlertStatus::Active)]),
            verdict: Mutex::new(Verdict::Degraded),
            asked: Mutex::default(),
            gate: Notify::new(),
            changes: broadcast::channel(64).0,
        }
    }
}

impl Fakes {
    fn note(&self, what: String) {
        self.asked.lock().push(what);
    }

    /// Only the fleet tells, or each change would be told three times.
    fn told(&self) -> Changes {
        futures::stream::unfold(self.changes.subscribe(), |mut changes| async move {
            changes.recv().await.ok().map(|change| (change, changes))
        })
        .boxed()
    }
}

pub(super) const SECRET_TASK: &str = "rewrite the merger announcement";

pub(super) fn agent(session: &str, name: &str, state: AgentState) -> Agent {
    Agent {
        id: AgentId::new(format!("opencode:127.0.0.1:4096:{session}")),
        kind: "opencode".to_owned(),
        source: "local".to_owned(),
        session: session.to_owned(),
        name: name.to_owned(),
        directory: "/srv/docs".to_owned(),
        project: None,
        parent: None,
        role: Some("build".to_owned()),
        provider: Some("anthropic".to_owned()),
        model: Some("claude".to_owned()),
        version: None,
        task: Some(SECRET_TASK.to_owned()),
        created: START,
        last_event: START,
        last_progress: START,
        status: AgentStatus {
            state,
            phase: None,
            since: START,
            evidence: vec![Evidence { at: START, what: format!("asked to {SECRET_TASK}") }],
            confidence: Confidence::Observed,
        },
        tool: Some(CurrentTool {
            name: "bash".to_owned(),
            call_id: "call_1".to_owned(),
            title: SECRET_TASK.to_owned(),
            started: START,
        }),
        retry: None,
        pending: vec![PendingRequest {
            id: "per_1".to_owned(),
            kind: PendingKind::Permission,
            what: SECRET_TASK.to_owned(),
            since: START,
        }],
        todo: Todo { done: 1, total: 3 },
        totals: model::AgentTotals { turns: 4, ..model::AgentTotals::default() },
        last_error: None,
    }
}

pub(super) fn alert(id: &str, status: AlertStatus) -> Alert {
    Alert {
        id: id.to_owned(),
        rule: "agent_stuck".to_owned(),
        title: "=Agent Stuck".to_owned(),
        description: "Agent has been stuck for more than 10 minutes".to_owned(),
        severity: Severity::Critical,
        status,
        component: "agent".to_owned(),
        tags: vec!["agent".to_owned()],
        labels: LabelSet::new([("agent", "opencode:127.0.0.1:4096:ses_1")]),
        annotations: LabelSet::empty(),
        value: 12.0,
        threshold: Some(10.0),
        pending_since: START,
        fired_at: Some(START),
        last_updated: START,
        resolved_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
    }
}

pub(super) fn run(id: &str, outcome: Outcome) -> RecoveryRun {
    RecoveryRun {
        id: id.to_owned(),
        action: "restart_stuck_agents".to_owned(),
        trigger: Trigger::Manual,
        actor: Some("ada".to_owned()),
        component: "agent_manager".to_owned(),
        agent: Some(AgentId::new("opencode:127.0.0.1:4096:ses_1")),
        agent_name: Some("build-docs".to_owned()),
        started: START,
        finished: Some(START),
        outcome,
        reason: "restarted two minutes ago; the cooldown is ten.".to_owned(),
        before: vec![format!("asked to {SECRET_TASK}")],
        after: Vec::new(),
        steps: Vec::new(),
    }
}

#[async_trait]
impl FleetDesk for Fakes {
    fn agents(&self) -> Vec<Arc<Agent>> {
        self.agents.lock().clone()
    }

    fn find(&self, name: &str) -> Option<Arc<Agent>> {
        let is_meant =
            |agent: &&Arc<Agent>| agent.id.as_str() == name || agent.session == name || agent.name == name;
        self.agents.lock().iter().find(is_meant).cloned()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        vec![SourceStatus {
            name: "local".to_owned(),
            kind: "opencode".to_owned(),
            url: "http://127.0.0.1:4096".to_owned(),
            state: SourceState::Live,
            reason: String::new(),
            since: START,
            last_seen: Some(START),
            version: None,
        }]
    }

    fn changes(&self) -> Changes {
        self.told()
    }

    async fn abort(&self, agent: &AgentId) -> Result<(), ControlFault> {
        self.note(format!("abort {agent}"));
        Ok(())
    }

    async fn prompt(&self, agent: &AgentId, text: &str) -> Result<(), ControlFault> {
        self.note(format!("prompt {agent} {text}"));
        Ok(())
    }

    async fn reply_permission(
        &self,
        agent: &AgentId,
        request: &str,
        answer: PermissionAnswer,
    ) -> Result<(), ControlFault> {
        if request != "per_1" {
            return Err(ControlFault::Unknown(format!("it does not ask for the permission `{request}`")));
        }
        self.note(format!("reply {agent} {request} {answer:?}"));
        Ok(())
    }
}

#[async_trait]
impl AlertDesk for Fakes {
    fn open(&self) -> Vec<Alert> {
        self.alerts.lock().iter().filter(|alert| alert.status.is_open()).cloned().collect()
    }

    async fn history(&self, _: Timestamp) -> Result<Vec<Alert>, DeskError> {
        Ok(self.alerts.lock().clone())
    }

    async fn statistics(&self) -> Result<AlertStatistics, DeskError> {
        let open = AlertDesk::open(self);
        let severities = open.iter().map(|alert| (alert.severity, 1)).collect();
        Ok(AlertStatistics {
            active_alerts: open.len(),
            total_rules: 7,
            enabled_rules: 7,
            severity_distribution: severities,
            ..AlertStatistics::default()
        })
    }

    fn rules(&self) -> Vec<GroupStatus> {
        super::rules::groups()
    }

    async fn backtest(&self, rules: &[RuleGroup], look: &Look) -> Result<Vec<Backtest>, BacktestError> {
        super::rules::backtest(rules, look)
    }

    async fn receivers(&self) -> Result<Vec<ReceiverView>, DeskError> {
        Ok(vec![ReceiverView {
            id: "webhook_alerts".to_owned(),
            name: "Webhook".to_owned(),
            kind: "webhook",
            enabled: true,
            severities: None,
            last_receipt: None,
        }])
    }

    async fn acknowledge(&self, id: &str, who: &str) -> Result<Alert, AcknowledgeFault> {
        let mut alerts = self.alerts.lock();
        let alert = alerts.iter_mut().find(|alert| alert.id == id).ok_or(AcknowledgeFault::NotOpen)?;
        if !alert.status.is_open() {
            return Err(AcknowledgeFault::NotOpen);
        }
        alert.status = AlertStatus::Acknowledged;
        alert.acknowledged_by = Some(who.to_owned());
        Ok(alert.clone())
    }

    async fn send_test(&self, receiver: &str) -> Result<state::Receipt, TestFault> {
        self.note(format!("test {receiver}"));
        Err(TestFault::Unknown)
    }

    fn changes(&self) -> Changes {
        futures::stream::pending().boxed()
    }
}

#[async_trait]
impl HealthDesk for Fakes {
    fn summary(&self) -> HealthSummary {
        let verdict = *self.verdict.lock();
        HealthSummary {
            verdict,
            message: String::new(),
            last_check: Some(START),
            checks: vec![CheckResult {
                component: "agent_manager".to_owned(),
                verdict,
                message: "one agent is stuck".to_owned(),
                took: std::time::Duration::from_millis(3),
                at: START,
                details: model::Facts::new(),
                depends_on: Vec::new(),
                recovery_actions: Vec::new(),
            }],
            dependencies: Vec::new(),
            auto_recovery: true,
            recovery_runs: 0,
        }
    }

    fn check_counts(&self, _: Timestamp) -> BTreeMap<Verdict, u64> {
        BTreeMap::from([(Verdict::Healthy, 9), (Verdict::Degraded, 1)])
    }

    async fn trigger(
        &self,
        action: &str,
        agent: Option<AgentId>,
        actor: &str,
    ) -> Result<Vec<RecoveryRun>, TriggerFault> {
        let agent = agent.map_or_else(|| "all".to_owned(), |agent| agent.to_string());
        self.note(format!("{action} on {agent} by {actor}"));
        match action {
            "restart_stuck_agents" => Ok(vec![run("run_1", Outcome::Verified)]),
            "guarded" => Ok(vec![run("run_2", Outcome::Skipped)]),
            "optimize_database" => Err(TriggerFault::NotYet),
            "waits" => {
                self.gate.notified().await;
                Ok(vec![run("run_3", Outcome::Verified)])
            }
            "panics" => panic!("on purpose"),
            _ => Err(TriggerFault::UnknownAction),
        }
    }

    fn changes(&self) -> Changes {
        futures::stream::pending().boxed()
    }
}
