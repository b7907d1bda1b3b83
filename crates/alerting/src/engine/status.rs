//! How each rule is doing.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Severity, Timestamp};

use crate::rules::RuleGroup;

#[derive(Clone, Debug, PartialEq)]
pub struct RuleStatus {
    pub group: String,
    pub name: String,
    pub query: String,
    pub hold: Duration,
    pub severity: Severity,
    /// `unknown` before its first evaluation, then `ok` or `err`.
    pub health: &'static str,
    pub last_error: Option<String>,
    pub last_evaluation: Option<Timestamp>,
    pub took: Duration,
}

#[derive(Debug)]
pub(crate) struct Statuses {
    order: Vec<String>,
    by_name: BTreeMap<String, RuleStatus>,
}

impl Statuses {
    pub(super) fn new(groups: &[RuleGroup]) -> Self {
        let statuses: Vec<RuleStatus> = groups
            .iter()
            .flat_map(|group| {
                group.rules.iter().map(|rule| RuleStatus {
                    group: group.name.clone(),
                    name: rule.name.clone(),
                    query: rule.query.text().trim().to_owned(),
                    hold: rule.hold,
                    severity: rule.severity,
                    health: "unknown",
                    last_error: None,
                    last_evaluation: None,
                    took: Duration::ZERO,
                })
            })
            .collect();
        Self {
            order: statuses.iter().map(|status| status.name.clone()).collect(),
            by_name: statuses.into_iter().map(|status| (status.name.clone(), status)).collect(),
        }
    }

    pub(super) fn last_evaluation(&self, rule: &str) -> Option<Timestamp> {
        self.by_name.get(rule)?.last_evaluation
    }

    pub(super) fn evaluated(&mut self, rule: &str, at: Timestamp, took: Duration, error: Option<String>) {
        if let Some(status) = self.by_name.get_mut(rule) {
            status.health = if error.is_some() { "err" } else { "ok" };
            status.last_error = error;
            status.last_evaluation = Some(at);
            status.took = took;
        }
    }

    /// In the order of the file.
    pub(crate) fn all(&self) -> Vec<RuleStatus> {
        self.order.iter().filter_map(|name| self.by_name.get(name)).cloned().collect()
    }
}
