//! Recording rules: what their queries find is appended under new names.
//!
//! The rules of a group run one after the other, so that a later one reads what an earlier one
//! has just written. A series that is not found any more ends with a stale marker. A rule that
//! fails is counted and logged; the others go on.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use model::{Batch, LabelSet, STALE_NAN, Timestamp};

use super::{Engine, chain};
use crate::rules::Recording;

/// The group, and the recording rule within it.
pub(super) type Place = (usize, usize);

impl Engine {
    pub(super) async fn append_recordings(&self, groups: &[usize]) {
        for group in groups {
            let Some(rules) = self.settings.rules.get(*group).map(|group| &group.recordings) else {
                continue;
            };
            let now = self.clock.now();
            for (index, rule) in rules.iter().enumerate() {
                let outcome =
                    AssertUnwindSafe(self.append_recording((*group, index), rule, now)).catch_unwind().await;
                if let Err(reason) = outcome.unwrap_or_else(|_| Err("the evaluation panicked".to_owned())) {
                    tracing::error!(rule = rule.name, reason, "a recording rule could not be evaluated");
                    metrics::counter!("watchkeeper_rule_failures_total", "rule" => rule.name.clone())
                        .increment(1);
                }
            }
        }
    }

    async fn append_recording(&self, place: Place, rule: &Recording, now: Timestamp) -> Result<(), String> {
        let at = Timestamp::from_millis(now.as_millis()) - rule.offset;
        let series = rule.series(self.found(&rule.query, at).await?)?;
        let present: BTreeSet<LabelSet> = series.keys().cloned().collect();
        let before = self.recorded.lock().get(&place).cloned().unwrap_or_default();
        let mut batch = Batch::default();
        for (labels, value) in series {
            batch.push_sample(labels, at, value);
        }
        for ended in before.difference(&present) {
            batch.push_sample(ended.clone(), at, STALE_NAN);
        }
        if !batch.is_empty() {
            let appended = self.appender.append(batch).await.map_err(|error| chain(&error))?;
            if appended.refused > 0 {
                let reasons = appended.reasons.join("; ");
                return Err(format!("the store refused {} samples: {reasons}", appended.refused));
            }
        }
        self.recorded.lock().insert(place, present);
        Ok(())
    }
}
