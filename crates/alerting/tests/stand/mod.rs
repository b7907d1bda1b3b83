//! Alerting with one rule, a store in memory and a mail server that keeps what it is told.

mod mailbox;

use std::sync::Arc;
use std::time::Duration;

use alerting::{
    AgentDescription, AgentDirectory, Alerting, AlertingParts, AlertingSettings, ReceiverSettings,
    StartError, rules,
};
use model::{Batch, LabelSet};
use promql::EngineSettings;
use runtime::{Clock, SharedClock, Shutdown, Supervisor, SystemClock};
use state::{Receipt, State};
use storage::Appender;
use testkit::{FakeClock, MemoryStore};

pub use mailbox::Mailbox;

const RULES: &str = r#"
groups:
  - name: g
    rules:
      - alert: a
        expr: x > 0
        labels: { severity: high }
        annotations: { title: "x is up: {{ $labels.of }}", description: It should not be., tags: t }
"#;

/// How long the machine may take for anything, however busy it is.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Stand {
    pub alerting: Alerting,
    clock: FakeClock,
    store: Arc<MemoryStore>,
    state: State,
    supervisor: Supervisor,
    receivers: Vec<ReceiverSettings>,
    directory: tempfile::TempDir,
}

struct Nobody;

impl AgentDirectory for Nobody {
    fn describe(&self, _: &str) -> Option<AgentDescription> {
        None
    }
}

impl Stand {
    pub async fn start(receivers: Vec<ReceiverSettings>) -> Stand {
        Self::try_start(receivers).await.unwrap()
    }

    pub async fn try_start(receivers: Vec<ReceiverSettings>) -> Result<Stand, StartError> {
        let directory = tempfile::tempdir().unwrap();
        Self::open(directory, FakeClock::new(), Arc::new(MemoryStore::new()), receivers).await
    }

    async fn open(
        directory: tempfile::TempDir,
        clock: FakeClock,
        store: Arc<MemoryStore>,
        receivers: Vec<ReceiverSettings>,
    ) -> Result<Stand, StartError> {
        let shared: SharedClock = Arc::new(clock.clone());
        let state = State::open(&directory.path().join("state.db"), shared.clone()).await?;
        let supervisor = Supervisor::new(shared.clone(), Shutdown::new());
        let settings = AlertingSettings {
            rules: rules::parse("stand.yml", RULES).unwrap(),
            receivers: receivers.clone(),
            ..AlertingSettings::default()
        };
        let parts = AlertingParts {
            clock: shared.clone(),
            engine: promql::Engine::with_clock(store.clone(), EngineSettings::default(), shared),
            appender: store.clone(),
            state: state.clone(),
            directory: Arc::new(Nobody),
            supervisor: supervisor.clone(),
        };
        let alerting = Alerting::start(settings, parts).await?;
        Ok(Stand { alerting, clock, store, state, supervisor, receivers, directory })
    }

    pub async fn restarted(self) -> Stand {
        assert!(self.supervisor.stop(PATIENCE).await.is_empty());
        self.state.close().await;
        Self::open(self.directory, self.clock, self.store, self.receivers).await.unwrap()
    }

    /// The rule's metric has this value, and the engine knows.
    pub async fn set(&self, value: f64) {
        self.set_of("one", value).await;
        self.nudge();
    }

    pub async fn set_of(&self, of: &str, value: f64) {
        // Of two samples at one instant the last wins; time is not needed to tell them apart.
        let mut batch = Batch::default();
        batch.push_sample(LabelSet::metric("x", [("of", of)]), self.clock.now(), value);
        self.store.append(batch).await.unwrap();
    }

    pub fn nudge(&self) {
        self.alerting.nudge(&["x"]);
    }

    pub async fn pass(&self, time: Duration) {
        self.clock.advance(time).await;
    }

    pub async fn receipts(&self) -> Vec<Receipt> {
        self.state.receipts(100).await.unwrap()
    }

    pub async fn until_receipts(&self, count: usize) {
        self.until(async |stand| stand.receipts().await.len() >= count).await;
        assert_eq!(self.receipts().await.len(), count);
    }

    /// Lets time pass, a little at a time, until the condition holds. Sockets and the
    /// database live in real time: they are given room between the steps.
    pub async fn until(&self, condition: impl AsyncFn(&Stand) -> bool) {
        let machine = SystemClock::shared();
        let waiting = async {
            while !condition(self).await {
                self.pass(Duration::from_millis(100)).await;
                machine.sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it happens within the machine's patience");
    }
}
