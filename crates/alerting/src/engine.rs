//! Evaluates the rules, keeps the alerts, and records every change before it is told.
//!
//! [`Engine::run`] waits for the next evaluation, for a nudge, or for the end of an alert's
//! hold. `record` appends what recording rules find; then the queries of the chosen rules run side by side; `judge` turns each answer into
//! steps, and those of one rule are recorded in one transaction. Only then memory changes,
//! the alert is published and the dispatcher is woken. A rule that fails keeps its alerts.

mod book;
mod judge;
mod record;
mod schedule;
mod status;
mod warm_up;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use model::{Alert, AlertStatus, LabelSet, Timestamp};
use parking_lot::Mutex;
use promql::{Query, Value};
use runtime::{SharedClock, Shutdown};
use state::{AlertChange, State, StateError, Transition};
use storage::Appender;
use tokio::sync::{Notify, broadcast};

use crate::directory::AgentDirectory;
use crate::dispatcher::Dispatcher;
use crate::error::AckError;
use crate::lifecycle::{GAP_MAX, Timing};
use crate::notify::notifications;
use crate::plain_text;
use crate::rules::Rule;
use crate::settings::AlertingSettings;
use book::{Book, Tracked};
use judge::{Judged, judge};
use schedule::Schedule;
pub use status::RuleStatus;
use status::Statuses;

/// Queries of rules that run at once: more would take the processor from ingest.
const QUERIES_AT_ONCE: usize = 4;
/// Changes that a slow subscriber may fall behind.
const CHANGES_KEPT: usize = 1024;
/// How long a name of somebody who acknowledges may be.
const WHO_BYTES_MAX: usize = 200;

pub(crate) struct Engine {
    pub(crate) settings: AlertingSettings,
    pub(crate) clock: SharedClock,
    queries: promql::Engine,
    appender: Arc<dyn Appender>,
    pub(crate) state: State,
    directory: Arc<dyn AgentDirectory>,
    pub(crate) dispatcher: Dispatcher,
    /// Every rule with the index of its group.
    rules: Vec<(usize, Arc<Rule>)>,
    /// Held while alerts are judged, recorded and changed, so that an acknowledgement and an
    /// evaluation do not overwrite each other.
    changing: tokio::sync::Mutex<()>,
    /// Held for a look or a change, never across an await.
    pub(crate) book: Mutex<Book>,
    pub(crate) statuses: Mutex<Statuses>,
    /// What each recording rule wrote last, so that what is gone ends.
    recorded: Mutex<BTreeMap<record::Place, BTreeSet<LabelSet>>>,
    nudged: Mutex<BTreeSet<String>>,
    nudge: Notify,
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
    pub(crate) async fn new(settings: AlertingSettings, parts: EngineParts) -> Result<Self, StateError> {
        let EngineParts { clock, queries, appender, state, directory, dispatcher } = parts;
        let started = clock.now();
        let rules: Vec<(usize, Arc<Rule>)> = settings
            .rules
            .iter()
            .enumerate()
            .flat_map(|(index, group)| group.rules.iter().map(move |rule| (index, Arc::new(rule.clone()))))
            .collect();
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let engine = Self {
            statuses: Mutex::new(Statuses::new(&settings.rules)),
            book: Mutex::new(Book::default()),
            settings,
            clock,
            queries,
            appender,
            state,
            directory,
            dispatcher,
            rules,
            changing: tokio::sync::Mutex::default(),
            recorded: Mutex::default(),
            nudged: Mutex::default(),
            nudge: Notify::new(),
            changes,
            started,
        };
        engine.take_up().await?;
        Ok(engine)
    }

    async fn take_up(&self) -> Result<(), StateError> {
        let now = self.started;
        for alert in self.state.open_alerts().await? {
            let has_rule = self.rules.iter().any(|(_, rule)| rule.name == alert.rule);
            match (has_rule, alert.status) {
                (true, _) => self.book.lock().put(Tracked::restored(alert, now)),
                (false, AlertStatus::Pending) => self.state.remove_alert(&alert.id).await?,
                (false, _) => {
                    let ended = judge::resolved(&alert, now);
                    let told = self.told(&ended, Transition::Resolved, now);
                    self.state.record_alert(&ended, &told).await?;
                    tracing::warn!(alert = ended.id, "resolved an alert whose rule is gone");
                }
            }
        }
        Ok(())
    }

    /// Rules that read one of these metrics are evaluated at once.
    pub(crate) fn nudge(&self, metrics: &[&str]) {
        self.nudged.lock().extend(metrics.iter().map(|name| (*name).to_owned()));
        self.nudge.notify_one();
    }

    pub(crate) async fn run(&self, shutdown: Shutdown) {
        let intervals =
            self.settings.rules.iter().map(|group| group.interval.unwrap_or(self.settings.interval));
        let mut schedule = Schedule::new(intervals.collect(), self.clock.monotonic());
        // What the last run left in the outbox does not wait for a change.
        self.dispatcher.wake();
        loop {
            let wait = schedule.wait(self.clock.monotonic()).min(self.until_next_hold_ends());
            tokio::select! {
                () = shutdown.begun() => return,
                () = self.nudge.notified() => {}
                () = self.clock.sleep(wait) => {}
            }
            let groups = schedule.take_due(self.clock.monotonic());
            if shutdown.or(self.append_recordings(&groups)).await.is_none() {
                return;
            }
            let chosen = self.chosen(&groups);
            if shutdown.or(self.evaluate(chosen)).await.is_none() {
                return;
            }
        }
    }

    fn chosen(&self, groups: &[usize]) -> Vec<Arc<Rule>> {
        let nudged: Vec<String> = std::mem::take(&mut *self.nudged.lock()).into_iter().collect();
        let ripe = self.ripe_rules();
        let is_chosen = |group: &usize, rule: &Rule| {
            groups.contains(group) || rule.reads_any(&nudged) || ripe.contains(&rule.name)
        };
        let rules = self.rules.iter().filter(|(group, rule)| is_chosen(group, rule));
        rules.map(|(_, rule)| rule.clone()).collect()
    }

    /// Rules with a pending alert whose hold is over and that nobody has looked at since.
    fn ripe_rules(&self) -> BTreeSet<String> {
        let now = self.clock.now();
        self.holds().into_iter().filter(|(_, end)| *end <= now).map(|(rule, _)| rule).collect()
    }

    /// An alert fires when its hold ends, not at the evaluation after it.
    fn until_next_hold_ends(&self) -> Duration {
        let now = self.clock.now();
        let next = self.holds().into_iter().map(|(_, end)| end.since(now)).min();
        next.unwrap_or(Duration::MAX).max(Duration::from_secs(1))
    }

    /// The rule of each pending alert, and when its hold ends. One that was looked at since and
    /// is pending still is left out: its rule failed, or nothing is known of what it is about,
    /// and looking again before its time would not help.
    fn holds(&self) -> Vec<(String, Timestamp)> {
        let (book, statuses) = (self.book.lock(), self.statuses.lock());
        let end = |(rule, since): (&str, Timestamp)| {
            let (_, found) = self.rules.iter().find(|(_, candidate)| candidate.name == rule)?;
            let end = since + found.hold;
            statuses.last_evaluation(rule).is_none_or(|at| at < end).then(|| (rule.to_owned(), end))
        };
        book.pending_since().filter_map(end).collect()
    }

    pub(crate) async fn evaluate(&self, rules: Vec<Arc<Rule>>) {
        let now = self.clock.now();
        let mut answers = futures::stream::iter(rules)
            .map(|rule| async move {
                let began = self.clock.monotonic();
                let answer = AssertUnwindSafe(self.ask(&rule, now)).catch_unwind().await;
                let answer = answer.unwrap_or_else(|_| Err("the evaluation panicked".to_owned()));
                (rule, answer, self.clock.monotonic().saturating_sub(began))
            })
            .buffer_unordered(QUERIES_AT_ONCE);
        while let Some((rule, answer, took)) = answers.next().await {
            let outcome = match answer {
                Ok(found) => self.apply(&rule, found, now).await,
                Err(reason) => Err(reason),
            };
            if let Err(reason) = &outcome {
                tracing::error!(
                    rule = rule.name,
                    reason,
                    "a rule could not be evaluated; its alerts are kept"
                );
                metrics::counter!("watchkeeper_rule_failures_total", "rule" => rule.name.clone())
                    .increment(1);
            }
            self.statuses.lock().evaluated(&rule.name, now, took, outcome.err());
        }
    }

    /// What the rule finds, by the labels of its alerts.
    async fn ask(&self, rule: &Rule, now: Timestamp) -> Result<Vec<(LabelSet, f64)>, String> {
        let limit = self.settings.alerts_per_rule_max;
        let limit = rule.limit.map_or(limit, |own| own.min(limit));
        judge::identified(rule, self.found(&rule.query, now - rule.offset).await?, limit)
    }

    async fn found(&self, query: &Query, at: Timestamp) -> Result<Vec<(LabelSet, f64)>, String> {
        // Queries see whole milliseconds. A sample of this very one must not be too late for it:
        // nobody may look again before the next evaluation.
        let at = Timestamp::from_millis(at.as_millis() + 1);
        let answer = self.queries.instant(query, at).await.map_err(|error| chain(&error))?;
        match answer.value {
            Value::Vector(found) => {
                Ok(found.into_iter().map(|(labels, sample)| (labels, sample.value)).collect())
            }
            Value::Scalar(sample) => Ok(vec![(LabelSet::empty(), sample.value)]),
            other => Err(format!("the query yields a {}, not a vector", other.kind())),
        }
    }

    async fn apply(&self, rule: &Rule, found: Vec<(LabelSet, f64)>, now: Timestamp) -> Result<(), String> {
        let _changing = self.changing.lock().await;
        let tracked = self.book.lock().of_rule(&rule.name);
        let unknown = self.absent_without_proof(rule, &tracked, &found, now).await;
        let judged = judge(rule, self.timing(rule), &found, &tracked, &unknown, self.directory.as_ref(), now);
        let judged = self.with_unique_ids(judged).await.map_err(|error| chain(&error))?;
        self.record(&judged, now).await.map_err(|error| chain(&error))
    }

    fn timing(&self, rule: &Rule) -> Timing {
        let group = self.rules.iter().find(|(_, candidate)| candidate.name == rule.name);
        let interval = group.and_then(|(index, _)| self.settings.rules[*index].interval);
        let interval = interval.unwrap_or(self.settings.interval);
        Timing { hold: rule.hold, keep: rule.keep_firing, gap_max: GAP_MAX.max(interval * 2) }
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

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    plain_text::single_line(&text)
}

#[cfg(test)]
mod tests;
