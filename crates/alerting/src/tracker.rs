//! The alerts of one rule without a database, for tests of rules.
//!
//! It takes the same steps as the running engine, by [`lifecycle`](crate::lifecycle).

use std::collections::{BTreeMap, BTreeSet};

use model::{LabelSet, Timestamp};

use crate::engine::ActiveAlert;
use crate::finding::Finding;
use crate::lifecycle::{Stage, Step, Timing, next};
use crate::rules::{ALERT_NAME, Rule};

#[derive(Debug, Default)]
pub(crate) struct Tracker(BTreeMap<LabelSet, Held>);

#[derive(Debug)]
struct Held {
    stage: Stage,
    since: Timestamp,
    value: f64,
    annotations: LabelSet,
}

impl Tracker {
    /// One evaluation.
    pub(crate) fn observe(&mut self, found: &[Finding], timing: Timing, now: Timestamp) {
        let mut present = BTreeSet::new();
        for finding in found {
            present.insert(&finding.labels);
            let before = self.0.get(&finding.labels);
            let stage = before.map_or(Stage::Absent, |held| held.stage);
            let step = next(stage, true, timing, now);
            let since = before.filter(|_| step != Step::Begin).map_or(now, |held| held.since);
            let stage = stage.after(step, now);
            let (value, annotations) = (finding.value, finding.annotations.clone());
            self.0.insert(finding.labels.clone(), Held { stage, since, value, annotations });
        }
        let absent: Vec<LabelSet> =
            self.0.keys().filter(|labels| !present.contains(labels)).cloned().collect();
        for labels in absent {
            self.miss(&labels, timing, now);
        }
    }

    fn miss(&mut self, labels: &LabelSet, timing: Timing, now: Timestamp) {
        let Some(held) = self.0.get_mut(labels) else { return };
        held.stage = held.stage.after(next(held.stage, false, timing, now), now);
        if held.stage == Stage::Absent {
            self.0.remove(labels);
        }
    }

    /// Pending and firing ones, in order of labels.
    pub(crate) fn alerts(&self, rule: &Rule) -> Vec<ActiveAlert> {
        let alert = |(labels, held): (&LabelSet, &Held)| ActiveAlert {
            labels: labels.with(ALERT_NAME, &rule.name),
            annotations: held.annotations.clone(),
            is_firing: matches!(held.stage, Stage::Firing { .. }),
            active_at: held.since,
            keep_firing_since: match held.stage {
                Stage::Firing { ended } => ended,
                _ => None,
            },
            value: held.value,
        };
        self.0.iter().map(alert).collect()
    }
}
