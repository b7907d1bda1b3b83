//! After a restart: whether an alert's absence means anything yet.
//!
//! Before the sources have reported, a query answers honestly with nothing. That must not
//! resolve the alerts of the last run, only to raise them again a minute later.

use std::collections::{BTreeMap, BTreeSet};

use model::{LabelSet, Timestamp};
use promql::Value;

use super::{Engine, Tracked};
use crate::error::chain;
use crate::finding::Finding;
use crate::lifecycle::GAP_MAX;
use crate::rules::Rule;

/// Labels that name the thing an alert is about, as far as it survives a change of state.
const WHO: [&str; 3] = ["agent", "source", "instance"];

impl Engine {
    /// The labels of alerts of the last run that are absent from the answer while nothing has
    /// been heard of what they are about. After [`GAP_MAX`] silence counts as absence, as it
    /// does at any other time.
    pub(super) async fn absent_without_proof(
        &self,
        rule: &Rule,
        tracked: &BTreeMap<LabelSet, Tracked>,
        found: &[Finding],
        now: Timestamp,
    ) -> BTreeSet<LabelSet> {
        let mut unknown = BTreeSet::new();
        if now.since(self.started) > GAP_MAX {
            return unknown;
        }
        for (labels, _) in tracked.iter().filter(|(_, tracked)| tracked.is_restored) {
            let is_absent = found.iter().all(|finding| finding.labels != *labels);
            if is_absent && !self.has_been_heard_of(rule, labels, now).await {
                unknown.insert(labels.clone());
            }
        }
        unknown
    }

    /// Whether one of the rule's metrics has a sample of this run about the same thing.
    async fn has_been_heard_of(&self, rule: &Rule, labels: &LabelSet, now: Timestamp) -> bool {
        for metric in rule.query.metric_names() {
            let text = freshness_query(&metric, labels);
            let answer = match promql::parse(&text) {
                Ok(query) => self.queries.instant(&query, now).await.map_err(|error| chain(&error)),
                Err(error) => Err(chain(&error)),
            };
            match answer.map(|answer| answer.value) {
                Ok(Value::Vector(found)) => {
                    if found.iter().any(|(_, newest)| newest.value >= self.started.as_secs_f64()) {
                        return true;
                    }
                }
                Ok(_) => {}
                Err(reason) => tracing::warn!(rule = rule.name, reason, "could not look for fresh samples"),
            }
        }
        false
    }
}

fn freshness_query(metric: &str, labels: &LabelSet) -> String {
    let matchers: Vec<String> = std::iter::once((model::METRIC_NAME, metric))
        .chain(labels.iter().filter(|(name, _)| WHO.contains(name)))
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    format!("max(timestamp({{{}}}))", matchers.join(","))
}

/// As a PromQL string.
fn quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_samples_are_looked_for_about_the_same_thing_in_any_state() {
        let labels = LabelSet::new([("agent", "a\"\\\n"), ("state", "stalled"), ("source", "local")]);
        let query = freshness_query("agent_state", &labels);
        assert_eq!(query, r#"max(timestamp({__name__="agent_state",agent="a\"\\\n",source="local"}))"#);
        assert!(promql::parse(&query).is_ok());
    }
}
