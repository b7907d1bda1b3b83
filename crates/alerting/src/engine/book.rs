//! The alerts that are not over, in memory.

use std::collections::BTreeMap;

use model::{Alert, AlertStatus, LabelSet, Timestamp};

use super::judge::Judged;
use crate::lifecycle::{Stage, Step};

/// An alert with what the next evaluation needs to know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tracked {
    pub alert: Alert,
    /// The last evaluation that looked at it.
    pub seen: Timestamp,
    /// The first evaluation at which its condition did not hold any more.
    pub ended: Option<Timestamp>,
    /// When it was last written down.
    pub saved: Timestamp,
    /// From the last run, and not seen in this one yet.
    pub is_restored: bool,
}

impl Tracked {
    pub(super) fn restored(alert: Alert) -> Self {
        let seen = alert.last_updated;
        // A kept alert is kept for the whole time again: nobody looked meanwhile.
        Self { alert, seen, ended: None, saved: seen, is_restored: true }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.alert.status {
            AlertStatus::Pending => Stage::Pending { since: self.alert.pending_since, seen: self.seen },
            _ => Stage::Firing { ended: self.ended },
        }
    }
}

/// By the id of the rule, and labels.
#[derive(Debug, Default)]
pub(crate) struct Book(BTreeMap<String, BTreeMap<LabelSet, Tracked>>);

impl Book {
    pub(super) fn put(&mut self, tracked: Tracked) {
        let rule = self.0.entry(tracked.alert.rule.clone()).or_default();
        rule.insert(tracked.alert.labels.clone(), tracked);
    }

    pub(super) fn of_rule(&self, rule: &str) -> BTreeMap<LabelSet, Tracked> {
        self.0.get(rule).cloned().unwrap_or_default()
    }

    pub(super) fn apply(&mut self, judged: &Judged, now: Timestamp) {
        match judged.step {
            Step::Forget | Step::Resolve => {
                self.remove(&judged.tracked.alert);
            }
            _ if judged.is_to_be_saved(now) => self.put(Tracked { saved: now, ..judged.tracked.clone() }),
            _ => self.put(judged.tracked.clone()),
        }
    }

    /// The fired alert of this id.
    pub(super) fn fired(&self, id: &str) -> Option<Tracked> {
        self.all().find(|tracked| tracked.alert.id == id && tracked.alert.status.is_open()).cloned()
    }

    /// The rule of each pending alert, and since when it is pending.
    pub(super) fn pending_since(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.all()
            .filter(|tracked| tracked.alert.status == AlertStatus::Pending)
            .map(|tracked| (tracked.alert.rule.as_str(), tracked.alert.pending_since))
    }

    /// Fired and not over, newest first.
    pub(crate) fn open(&self) -> Vec<Alert> {
        self.newest_first(|alert| alert.status.is_open())
    }

    /// Not fired yet, newest first.
    pub(crate) fn pending(&self) -> Vec<Alert> {
        self.newest_first(|alert| alert.status == AlertStatus::Pending)
    }

    fn newest_first(&self, is_wanted: impl Fn(&Alert) -> bool) -> Vec<Alert> {
        let mut alerts: Vec<Alert> =
            self.all().map(|tracked| &tracked.alert).filter(|alert| is_wanted(alert)).cloned().collect();
        alerts.sort_by_key(|alert| {
            std::cmp::Reverse((alert.fired_at.unwrap_or(alert.pending_since), alert.id.clone()))
        });
        alerts
    }

    pub(super) fn remove(&mut self, alert: &Alert) {
        if let Some(rule) = self.0.get_mut(&alert.rule) {
            rule.remove(&alert.labels);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Tracked> {
        self.0.values().flat_map(BTreeMap::values)
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
        self.all().any(|tracked| tracked.alert.id == id)
    }
}
