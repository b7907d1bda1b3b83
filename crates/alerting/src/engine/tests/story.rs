//! A time-line: samples come in, evaluations happen, alerts are looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Alert, Batch, LabelSet, STALE_NAN};
use promql::EngineSettings;
use runtime::Clock;
use state::State;
use storage::Appender;
use testkit::{FakeClock, MemoryStore};

use crate::directory::{AgentDescription, AgentDirectory};
use crate::dispatcher::Dispatcher;
use crate::engine::{Engine, EngineParts};
use crate::rules::{self, RuleGroup};
use crate::settings::{AlertingSettings, ReceiverSettings};

pub(super) const EVERY: Duration = Duration::from_secs(15);

pub(super) struct Story {
    pub clock: FakeClock,
    pub store: Arc<MemoryStore>,
    pub state: State,
    pub engine: Engine,
    settings: AlertingSettings,
    totals: BTreeMap<LabelSet, f64>,
    directory: tempfile::TempDir,
}

pub(super) struct OneAgent;

impl AgentDirectory for OneAgent {
    fn describe(&self, agent: &str) -> Option<AgentDescription> {
        (agent == "ses_1").then(|| AgentDescription {
            name: "billing-refactor".to_owned(),
            why: "no answer of the model\nfor 5 minutes".to_owned(),
            model: Some("sonnet".to_owned()),
            directory: "/src/billing".to_owned(),
        })
    }
}

pub(super) fn default_rules() -> Vec<RuleGroup> {
    rules::parse(rules::DEFAULT_NAME, rules::DEFAULT).unwrap()
}

pub(super) fn one_rule(fields: &str) -> Vec<RuleGroup> {
    rules::parse("own.yml", &format!("groups: [{{name: g, rules: [{{alert: a, {fields}}}]}}]")).unwrap()
}

impl Story {
    pub(super) async fn begin(rules: Vec<RuleGroup>) -> Story {
        Self::with_receivers(rules, Vec::new()).await
    }

    pub(super) async fn with_receivers(rules: Vec<RuleGroup>, receivers: Vec<ReceiverSettings>) -> Story {
        let directory = tempfile::tempdir().unwrap();
        let clock = FakeClock::new();
        let store = Arc::new(MemoryStore::new());
        let settings = AlertingSettings { rules, receivers, ..AlertingSettings::default() };
        let (state, engine) = open(&directory, &clock, &store, &settings).await;
        Story { clock, store, state, engine, settings, totals: BTreeMap::new(), directory }
    }

    /// The process ends, and starts again `after` some time in which nobody looks.
    pub(super) async fn restart(self, after: Duration, rules: Vec<RuleGroup>) -> Story {
        self.state.close().await;
        self.clock.advance(after).await;
        let settings = AlertingSettings { rules, ..self.settings };
        let (state, engine) = open(&self.directory, &self.clock, &self.store, &settings).await;
        Story { state, engine, settings, ..self }
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.clock.advance(time).await;
    }

    pub(super) async fn gauge(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        let mut batch = Batch::default();
        batch.push_sample(LabelSet::metric(name, labels.iter().copied()), self.clock.now(), value);
        self.store.append(batch).await.unwrap();
    }

    /// A counter goes up.
    pub(super) async fn count(&mut self, name: &str, labels: &[(&str, &str)], more: f64) {
        let total = self.totals.entry(LabelSet::metric(name, labels.iter().copied())).or_default();
        *total += more;
        let total = *total;
        self.gauge(name, labels, total).await;
    }

    pub(super) async fn ends(&self, name: &str, labels: &[(&str, &str)]) {
        self.gauge(name, labels, STALE_NAN).await;
    }

    pub(super) async fn evaluate(&self) {
        self.engine.evaluate_everything().await;
    }

    /// What a query yields now.
    pub(super) async fn ask(&self, query: &str) -> Vec<(String, f64)> {
        let query = promql::parse(query).unwrap();
        let found = self.found(&query).await;
        found.into_iter().map(|(labels, value)| (labels.value("instance").to_owned(), value)).collect()
    }

    async fn found(&self, query: &promql::Query) -> Vec<crate::queries::Found> {
        crate::queries::ask(&self.engine.queries, query, self.clock.now()).await.unwrap()
    }

    /// What a query yields now, as series.
    pub(super) async fn series(&self, query: &str) -> Vec<String> {
        let found = self.found(&promql::parse(query).unwrap()).await;
        found.into_iter().map(|(labels, value)| format!("{labels} {value}")).collect()
    }

    pub(super) fn rules(&self) -> Vec<crate::RuleStatus> {
        self.engine.statuses().into_iter().flat_map(|group| group.rules).collect()
    }

    pub(super) fn open(&self) -> Vec<Alert> {
        self.engine.book.lock().open()
    }

    pub(super) fn pending(&self) -> Vec<Alert> {
        self.engine.book.lock().pending()
    }

    pub(super) fn open_rules(&self) -> Vec<String> {
        self.open().into_iter().map(|alert| alert.rule).collect()
    }

    /// What is written in the outbox, of whatever receiver: alert and transition.
    pub(super) async fn queued(&self, receiver: &str) -> Vec<(String, &'static str)> {
        let due = self.state.due(receiver, model::Timestamp::MAX, 100).await.unwrap();
        due.into_iter().map(|row| (row.alert_id, row.transition.as_str())).collect()
    }
}

async fn open(
    directory: &tempfile::TempDir,
    clock: &FakeClock,
    store: &Arc<MemoryStore>,
    settings: &AlertingSettings,
) -> (State, Engine) {
    let clock: runtime::SharedClock = Arc::new(clock.clone());
    let state = State::open(&directory.path().join("state.db"), clock.clone()).await.unwrap();
    // Without workers: what is queued stays to be looked at.
    let dispatcher = Dispatcher::idle(state.clone(), clock.clone());
    let queries = promql::Engine::with_clock(store.clone(), EngineSettings::default(), clock.clone());
    let parts = EngineParts {
        clock,
        queries,
        appender: store.clone(),
        state: state.clone(),
        directory: Arc::new(OneAgent),
        dispatcher,
    };
    (state, Engine::new(settings.clone(), parts).await.unwrap())
}
