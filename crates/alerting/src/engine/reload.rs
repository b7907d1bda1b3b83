//! Other rules in the place of those that are loaded.

use std::sync::Arc;

use model::{AlertStatus, Batch, STALE_NAN, Timestamp};
use state::{AlertChange, StateError, Transition};

use super::{Engine, Loaded, Tracked, judge};
use crate::error::chain;
use crate::rules::RuleGroup;

impl Engine {
    pub(crate) async fn reload(&self, rules: Vec<RuleGroup>) -> Result<(), StateError> {
        let _turn = self.turn.write().await;
        let _changing = self.changing.lock().await;
        let now = self.clock.now();
        let before = self.loaded();
        let after = Loaded::after(Some(&before), rules, self.settings.interval);
        self.end_alerts_without_rule(&after, now).await?;
        self.end_series(&before, &after, now).await;
        *self.loaded.write() = Arc::new(after);
        self.reloaded.notify_one();
        Ok(())
    }

    async fn end_alerts_without_rule(&self, after: &Loaded, now: Timestamp) -> Result<(), StateError> {
        let gone: Vec<Tracked> = self
            .book
            .lock()
            .all()
            .filter(|one| after.alert_rule(&one.alert.rule).is_none())
            .cloned()
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        let (pending, fired): (Vec<_>, Vec<_>) =
            gone.iter().map(|one| &one.alert).partition(|alert| alert.status == AlertStatus::Pending);
        let forgotten: Vec<String> = pending.iter().map(|alert| alert.id.clone()).collect();
        let changes: Vec<AlertChange> = fired
            .into_iter()
            .map(|alert| {
                let alert = judge::resolved(alert, now);
                let notifications = self.told(&alert, Transition::Resolved, now);
                AlertChange { alert, notifications }
            })
            .collect();
        self.state.record_alerts(&changes, &forgotten).await?;
        let mut book = self.book.lock();
        gone.iter().for_each(|one| book.remove(&one.alert));
        drop(book);
        self.dispatcher.wake();
        changes.into_iter().for_each(|change| self.publish(change.alert));
        Ok(())
    }

    /// What only rules that are gone have written ends now. A store that does not take that
    /// is no reason to keep the rules: the series end by themselves a little later.
    async fn end_series(&self, before: &Loaded, after: &Loaded, now: Timestamp) {
        let at = Timestamp::from_millis(now.as_millis());
        let mut batch = Batch::default();
        for ended in before.written().difference(&after.written()) {
            batch.push_sample(ended.clone(), at, STALE_NAN);
        }
        if batch.is_empty() {
            return;
        }
        if let Err(error) = self.appender.append(batch).await {
            tracing::warn!(reason = chain(&error), "series of rules that are gone could not be ended");
            metrics::counter!("watchkeeper_rule_append_failures_total").increment(1);
        }
    }
}
