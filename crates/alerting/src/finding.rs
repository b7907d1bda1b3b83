//! What an alerting rule finds, with everything its templates say of it.

use std::collections::BTreeSet;

use model::{LabelSet, METRIC_NAME, Timestamp};

use crate::queries::{Found, ask};
use crate::rules::{ALERT_NAME, Rule};
use crate::template::{Facts, Surroundings, expand};

/// One thing that meets the rule's condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// Of its alert: those of the sample without its name, with the rule's own.
    pub labels: LabelSet,
    pub value: f64,
    pub annotations: LabelSet,
}

/// What finds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finder<'a> {
    pub queries: &'a promql::Engine,
    pub surroundings: &'a Surroundings,
    /// A rule that finds more is at fault: `alerts.per_rule_max`.
    pub alerts_max: usize,
}

impl Finder<'_> {
    /// `at` counts whole milliseconds. The error is a reason.
    pub(crate) async fn findings(&self, rule: &Rule, at: Timestamp) -> Result<Vec<Finding>, String> {
        let found = ask(self.queries, &rule.query, at - rule.offset).await?;
        self.is_within_limit(rule, found.len())?;
        let mut seen = BTreeSet::new();
        let mut findings = Vec::with_capacity(found.len());
        for one in found {
            let labels = self.identity(rule, &one, at).await;
            if !seen.insert(labels.clone()) {
                return Err(format!("it finds {labels} twice"));
            }
            let annotations = self.expanded(rule, &rule.annotations, &one, at).await;
            findings.push(Finding { labels, value: one.1, annotations: LabelSet::new(annotations) });
        }
        Ok(findings)
    }

    fn is_within_limit(&self, rule: &Rule, count: usize) -> Result<(), String> {
        if let Some(limit) = rule.limit.filter(|limit| count > *limit) {
            return Err(format!("exceeded limit of {limit} with {count} alerts"));
        }
        if count > self.alerts_max {
            let most = self.alerts_max;
            return Err(format!(
                "it finds {count} things at once; narrow it, or raise `alerts.per_rule_max` ({most})"
            ));
        }
        Ok(())
    }

    /// The labels of the alert of what was found.
    pub(crate) async fn identity(&self, rule: &Rule, found: &Found, at: Timestamp) -> LabelSet {
        let own = self.expanded(rule, &rule.labels, found, at).await;
        let sample = found.0.without(&[METRIC_NAME, ALERT_NAME]);
        LabelSet::new(sample.iter().chain(own.iter().map(|(name, text)| (*name, text.as_str()))))
    }

    async fn expanded<'r>(
        &self,
        rule: &Rule,
        templates: &'r [(String, crate::template::Template)],
        (labels, value): &Found,
        at: Timestamp,
    ) -> Vec<(&'r str, String)> {
        let facts = Facts { labels, value: *value, at, surroundings: self.surroundings };
        let mut expanded = Vec::with_capacity(templates.len());
        for (name, template) in templates {
            expanded.push((name.as_str(), expand(template, &rule.name, facts, self.queries).await));
        }
        expanded
    }
}
