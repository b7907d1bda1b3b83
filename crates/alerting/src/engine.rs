//! Evaluates the rules, keeps the alerts, and records every change before it is told.
//!
//! `run` waits for the next evaluation of a group, for a nudge, or for the end of an alert's
//! hold. `evaluate` goes through the rules of a group one after the other; `judge` turns what
//! an alerting rule finds into steps, and those of one rule are recorded in one transaction.
//! Only then memory changes, the alert is published and the dispatcher is woken. A rule that
//! fails keeps its alerts. `reload` puts other rules in the place of those that are `loaded`.

mod book;
mod evaluate;
mod judge;
mod loaded;
mod output;
mod reload;
mod run;
mod schedule;
mod warm_up;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Alert, AlertStatus, Timestamp};
use parking_lot::{Mutex, RwLock};
use runtime::SharedClock;
use state::{AlertChange, State, StateError, Transition};
use storage::Appender;
use tokio::sync::{Notify, broadcast};

use crate::backtest::{self, Backtest, BacktestError, Look};
use crate::directory::AgentDirectory;
use crate::dispatcher::Dispatcher;
use crate::error::AckError;
use crate::finding::Finder;
use crate::notify::notifications;
use crate::plain_text;
use crate::rules::RuleGroup;
use crate::settings::AlertingSettings;
use crate::template::Surroundings;
pub(crate) use book::{Book, Tracked};
use judge::Judged;
pub(crate) use loaded::Loaded;
pub use loaded::{ActiveAlert, GroupStatus, Health, RuleStatus};
pub(crate) use output::{Output, series_of};

/// Changes that a slow subscriber may fall behind.
const CHANGES_KEPT: usize = 1024;
/// How long a name of somebody who acknowledges may be.
const WHO_BYTES_MAX: usize = 200;

pub(crate) struct Engine {
    /// Its rules are those of the start; [`loaded`](Engine::loaded) has those of now.
    pub(crate) settings: AlertingSettings,
    surroundings: Surroundings,
    pub(crate) clock: SharedClock,
    queries: promql::Engine,
    appender: Arc<dyn Appender>,
    pub(crate) state: State,
    directory: Arc<dyn AgentDirectory>,
    pub(crate) dispatcher: Dispatcher,
    /// Held for a look or a change, never across an await.
    loaded: RwLock<Arc<Loaded>>,
    /// Shared by evaluations; a reload has it alone, so that none goes on with old rules.
    turn: tokio::sync::RwLock<()>,
    /// Held while alerts are judged, recorded and changed, so that an acknowledgement and an
    /// evaluation do not overwrite each other.
    changing: tokio::sync::Mutex<()>,
    /// Held for a look or a change, never across an await.
    pub(crate) book: Mutex<Book>,
    nudged: Mutex<BTreeSet<String>>,
    nudge: Notify,
    reloaded: Notify,
    pub(crate) changes: broadcast::Sender<Alert>,
    started: Timestamp,
}

/// What the engine works with.
pub(crate) struct EngineParts {
    pub clock: SharedClock,
    pub queries: promql::Engine,
    pub appender: Arc<dyn Appender>,
    pub state: State,
    pub directory: Arc<dyn AgentDirectory>,
    pub dispatcher: Dispatcher,
}

impl Engine {
    /// Takes up the alerts of the last run.
    pub(crate) async fn new(mut settings: AlertingSettings, parts: EngineParts) -> Result<Self, StateError> {
        let EngineParts { clock, queries, appender, state, directory, dispatcher } = parts;
        let rules = std::mem::take(&mut settings.rules);
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let engine = Self {
            loaded: RwLock::new(Arc::new(Loaded::after(None, rules, settings.interval))),
            surroundings: Surroundings {
                external_labels: settings.external_labels.clone(),
                external_url: settings.public_url.clone().unwrap_or_default(),
            },
            started: clock.now(),
            book: Mutex::new(Book::default()),
            settings,
            clock,
            queries,
            appender,
            state,
            directory,
            dispatcher,
            turn: tokio::sync::RwLock::default(),
            changing: tokio::sync::Mutex::default(),
            nudged: Mutex::default(),
            nudge: Notify::new(),
            reloaded: Notify::new(),
            changes,
        };
        engine.take_up().await?;
        Ok(engine)
    }

    async fn take_up(&self) -> Result<(), StateError> {
        let loaded = self.loaded();
        for alert in self.state.open_alerts().await? {
            let has_rule = loaded.alert_rule(&alert.rule).is_some();
            match (has_rule, alert.status) {
                (true, _) => self.book.lock().put(Tracked::restored(alert)),
                (false, AlertStatus::Pending) => self.state.remove_alert(&alert.id).await?,
                (false, _) => {
                    let ended = judge::resolved(&alert, self.started);
                    let told = self.told(&ended, Transition::Resolved, self.started);
                    self.state.record_alert(&ended, &told).await?;
                    tracing::warn!(alert = ended.id, "resolved an alert whose rule is gone");
                }
            }
        }
        Ok(())
    }

    /// The rules of now.
    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read())
    }

    pub(crate) fn statuses(&self) -> Vec<GroupStatus> {
        self.loaded().statuses(&self.book)
    }

    pub(crate) async fn backtest(
        &self,
        groups: &[RuleGroup],
        look: &Look,
    ) -> Result<Vec<Backtest>, BacktestError> {
        let finder = Finder {
            queries: &self.queries,
            surroundings: &self.surroundings,
            alerts_max: self.settings.alerts_per_rule_max,
        };
        backtest::groups(groups, look, finder).await
    }

    /// Ids are part of URLs and of what receivers were told: each is used once, ever.
    async fn with_unique_ids(&self, mut judged: Vec<Judged>) -> Result<Vec<Judged>, StateError> {
        let is_alone = judged.len() == 1;
        let mut taken = BTreeSet::new();
        for one in judged.iter_mut().filter(|one| one.is_new()) {
            for id in judge::id_candidates(&one.tracked.alert, is_alone) {
                let is_used = taken.contains(&id) || self.book.lock().has_id(&id);
                if !is_used && self.state.alert(&id).await?.is_none() {
                    taken.insert(id.clone());
                    one.tracked.alert.id = id;
                    break;
                }
            }
        }
        Ok(judged)
    }

    async fn record(&self, judged: &[Judged], now: Timestamp) -> Result<(), StateError> {
        let ended: Vec<String> =
            judged.iter().filter(|one| one.is_forgotten()).map(|one| one.tracked.alert.id.clone()).collect();
        let kept: Vec<&Judged> = judged.iter().filter(|one| !one.is_forgotten()).collect();
        let changes: Vec<AlertChange> = kept
            .iter()
            .filter(|one| one.is_to_be_saved(now))
            .map(|one| {
                let alert = one.tracked.alert.clone();
                let told = one.transition().map(|transition| self.told(&alert, transition, now));
                AlertChange { alert, notifications: told.unwrap_or_default() }
            })
            .collect();
        if !changes.is_empty() || !ended.is_empty() {
            self.state.record_alerts(&changes, &ended).await?;
        }
        let mut book = self.book.lock();
        for one in judged {
            book.apply(one, now);
        }
        drop(book);
        if changes.iter().any(|change| !change.notifications.is_empty()) {
            self.dispatcher.wake();
        }
        for change in changes {
            self.publish(change.alert);
        }
        Ok(())
    }

    /// Marks an open alert as seen by somebody. Saying it again changes the name.
    pub(crate) async fn acknowledge(&self, id: &str, who: &str) -> Result<Alert, AckError> {
        let _changing = self.changing.lock().await;
        let now = self.clock.now();
        let tracked = self.book.lock().fired(id).ok_or_else(|| AckError::NotFound { id: id.to_owned() })?;
        let alert = Alert {
            status: AlertStatus::Acknowledged,
            acknowledged_at: Some(now),
            acknowledged_by: Some(plain_text::cut(&plain_text::single_line(who), WHO_BYTES_MAX)),
            last_updated: now,
            ..tracked.alert.clone()
        };
        self.state.upsert_alert(&alert).await?;
        self.book.lock().put(Tracked { alert: alert.clone(), saved: now, ..tracked });
        self.publish(alert.clone());
        Ok(alert)
    }

    fn told(&self, alert: &Alert, transition: Transition, at: Timestamp) -> Vec<state::NewNotification> {
        notifications(&self.settings.receivers, alert, transition, at, self.settings.public_url.as_deref())
    }

    fn publish(&self, alert: Alert) {
        // Without subscribers there is nobody to tell.
        let _ = self.changes.send(alert);
    }
}

#[cfg(test)]
mod tests;
