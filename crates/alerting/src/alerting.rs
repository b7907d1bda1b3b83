//! The entry point: starts the engine and the dispatcher, and answers questions about them.

use std::sync::Arc;
use std::time::Duration;

use model::{Alert, AlertStatus, Timestamp};
use runtime::{SharedClock, Supervisor};
use state::{NewNotification, Receipt, State, StateError, Transition};
use storage::Appender;
use tokio::sync::broadcast;

use crate::backtest::{Backtest, BacktestError, Look};
use crate::directory::AgentDirectory;
use crate::dispatcher::Dispatcher;
use crate::engine::{Engine, EngineParts, GroupStatus};
use crate::error::{AckError, StartError, TestError};
use crate::message::{Message, test_alert};
use crate::receivers::{self, ReadyReceiver, ReceiverView};
use crate::rules::RuleGroup;
use crate::settings::AlertingSettings;
use crate::statistics::{AlertStatistics, Configured, statistics};

/// How long somebody waits for the receipt of a test message.
const TEST_WAIT: Duration = Duration::from_secs(45);
/// The contract's window of history.
const HISTORY: Duration = Duration::from_secs(24 * 3600);

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Alerting(Arc<Engine>);

/// What alerting works with.
pub struct AlertingParts {
    pub clock: SharedClock,
    pub engine: promql::Engine,
    /// Where recording rules write.
    pub appender: Arc<dyn Appender>,
    pub state: State,
    pub directory: Arc<dyn AgentDirectory>,
    pub supervisor: Supervisor,
}

impl Alerting {
    /// Takes up the alerts and the unsent notifications of the last run, and goes on.
    pub async fn start(settings: AlertingSettings, parts: AlertingParts) -> Result<Alerting, StartError> {
        let AlertingParts { clock, engine, appender, state, directory, supervisor } = parts;
        let ready = ready_receivers(&settings)?;
        let dispatcher = Dispatcher::start(state.clone(), clock.clone(), &supervisor, ready).await?;
        let parts = EngineParts { clock, queries: engine, appender, state, directory, dispatcher };
        let engine = Arc::new(Engine::new(settings, parts).await?);
        let running = engine.clone();
        supervisor.spawn("alerting", move |shutdown| {
            let engine = running.clone();
            async move {
                engine.run(shutdown).await;
                Ok(())
            }
        });
        Ok(Alerting(engine))
    }

    /// Fired and not over, newest first.
    pub fn open_alerts(&self) -> Vec<Alert> {
        self.0.book.lock().open()
    }

    /// Conditions that hold, not yet for long enough.
    pub fn pending(&self) -> Vec<Alert> {
        self.0.book.lock().pending()
    }

    /// Every alert that fired since `start`, and every open one, newest first.
    pub async fn history(&self, start: Timestamp) -> Result<Vec<Alert>, StateError> {
        let mut alerts = self.0.state.alerts_since(start).await?;
        alerts.retain(|alert| alert.status != AlertStatus::Pending);
        Ok(alerts)
    }

    pub async fn statistics(&self) -> Result<AlertStatistics, StateError> {
        let settings = &self.0.settings;
        let configured = Configured {
            rules: self.0.loaded().alert_count(),
            channels: settings.receivers.len(),
            enabled_channels: settings.receivers.iter().filter(|receiver| receiver.enabled).count(),
        };
        let history = self.history(self.0.clock.now() - HISTORY).await?;
        Ok(statistics(&configured, &self.open_alerts(), &history))
    }

    pub async fn acknowledge(&self, id: &str, who: &str) -> Result<Alert, AckError> {
        self.0.acknowledge(id, who).await
    }

    /// Evaluates at once every rule that reads one of these metrics. Many calls become one
    /// evaluation.
    pub fn nudge(&self, metrics: &[&str]) {
        self.0.nudge(metrics);
    }

    /// Each alert after each change that was recorded.
    pub fn subscribe(&self) -> broadcast::Receiver<Alert> {
        self.0.changes.subscribe()
    }

    /// The groups of rules in order of files and names, with the alerts of each.
    pub fn rules(&self) -> Vec<GroupStatus> {
        self.0.statuses()
    }

    /// Puts these rules in the place of those before, as a whole or, on an error, not at all.
    /// A rule that is the same goes on with its alerts; the alerts of one that is gone are
    /// resolved. Waits for evaluations that are under way.
    pub async fn reload(&self, rules: Vec<RuleGroup>) -> Result<(), StateError> {
        self.0.reload(rules).await
    }

    /// What each alerting rule of these groups would have done, one after the other. The
    /// interval of `look` is that of groups that have none.
    pub async fn backtest(&self, groups: &[RuleGroup], look: &Look) -> Result<Vec<Backtest>, BacktestError> {
        self.0.backtest(groups, look).await
    }

    pub async fn receivers(&self) -> Result<Vec<ReceiverView>, StateError> {
        let mut views = Vec::new();
        for receiver in &self.0.settings.receivers {
            views.push(ReceiverView {
                id: receiver.id.clone(),
                name: receiver.name.clone(),
                kind: receiver.kind.as_str(),
                enabled: receiver.enabled,
                severities: receiver.severities.clone(),
                last_receipt: self.0.state.last_receipt(&receiver.id).await?,
            });
        }
        Ok(views)
    }

    /// Sends a test message on the way that alerts take, once, and answers with what came of it.
    pub async fn send_test(&self, receiver: &str) -> Result<Receipt, TestError> {
        let engine = &self.0;
        let found = engine.settings.receivers.iter().find(|candidate| candidate.id == receiver);
        let settings = found.ok_or_else(|| TestError::NotFound { id: receiver.to_owned() })?;
        if !settings.enabled {
            return Err(TestError::Disabled { id: receiver.to_owned() });
        }
        let now = engine.clock.now();
        let alert = test_alert(&settings.name, now);
        let message = Message::new(&alert, now, engine.settings.public_url.as_deref());
        let payload = serde_json::to_string(&message).expect("a message has only values that JSON can say");
        let notification = NewNotification {
            key: format!("msg_{}", uuid::Uuid::now_v7().simple()),
            receiver: receiver.to_owned(),
            alert_id: alert.id,
            transition: Transition::Test,
            payload,
        };
        let mut ended = engine.dispatcher.ended();
        let id = engine.state.queue(&notification).await?;
        engine.dispatcher.wake();
        let mut has_waited = false;
        loop {
            if let Some(receipt) = engine.state.receipt_of(id).await? {
                return Ok(receipt);
            }
            if has_waited {
                return Err(TestError::TooSlow(TEST_WAIT));
            }
            tokio::select! {
                // One that was missed among many others is found by looking.
                () = async { while !matches!(ended.recv().await, Ok(done) if done == id) {} } => {}
                () = engine.clock.sleep(TEST_WAIT) => has_waited = true,
            }
        }
    }

    pub async fn receipts(&self, limit: u32) -> Result<Vec<Receipt>, StateError> {
        self.0.state.receipts(limit).await
    }
}

impl std::fmt::Debug for Alerting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerting").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AlertingParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlertingParts").finish_non_exhaustive()
    }
}

/// Those that are switched on, ready to be spoken to.
fn ready_receivers(settings: &AlertingSettings) -> Result<Vec<ReadyReceiver>, StartError> {
    let mut ready = Vec::new();
    for (index, receiver) in settings.receivers.iter().enumerate() {
        if settings.receivers[..index].iter().any(|earlier| earlier.id == receiver.id) {
            return Err(StartError::SameReceiver { id: receiver.id.clone() });
        }
        let built = receivers::build(receiver)
            .map_err(|reason| StartError::Receiver { id: receiver.id.clone(), reason })?;
        if receiver.enabled {
            ready.push(ReadyReceiver { id: receiver.id.clone(), receiver: built });
        }
    }
    Ok(ready)
}
