//! Rules in Prometheus' rule file format, read strictly.
//!
//! `file` is what the operator wrote; a [`Rule`] is what raises alerts, a [`Recording`] what
//! becomes samples of a new metric. Everything that can
//! be wrong with a rule is found when it is loaded: unknown keys, queries that do not parse,
//! durations, severities and templates. The error names file, group, rule and reason.

mod file;
mod recording;

use std::time::Duration;

use model::Severity;
use promql::Query;

use crate::template::Template;

pub use file::{parse, parse_all};
pub use recording::Recording;

/// The rules that Watchkeeper comes with.
pub const DEFAULT: &str = include_str!("../default-rules.yml");

/// The name of the default rules in errors.
pub const DEFAULT_NAME: &str = "default-rules.yml";

/// Rules that are evaluated together, at one interval.
#[derive(Clone, Debug)]
pub struct RuleGroup {
    pub name: String,
    /// The setting's interval when absent.
    pub interval: Option<Duration>,
    /// Evaluated one after the other, before the alerts of the group: each sees what those
    /// before it have recorded.
    pub recordings: Vec<Recording>,
    pub rules: Vec<Rule>,
}

/// When to raise an alert, and what it says.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Also the first part of the ids of its alerts.
    pub name: String,
    pub query: Query,
    /// How far in the past the query looks: `query_offset` of the group.
    pub offset: Duration,
    /// How many things it may find: `limit` of the group.
    pub limit: Option<usize>,
    /// How long the condition must hold before the alert fires.
    pub hold: Duration,
    /// How long the alert goes on after the condition was last met.
    pub keep_firing: Duration,
    pub severity: Severity,
    pub title: Template,
    pub description: Template,
    pub component: String,
    pub tags: Vec<String>,
    pub threshold: Option<f64>,
    /// Put onto the labels of the query's answer.
    pub labels: Vec<(String, Template)>,
    pub annotations: Vec<(String, Template)>,
}

impl Rule {
    /// Whether its query reads one of these metrics.
    pub fn reads_any(&self, metrics: &[String]) -> bool {
        self.query.metric_names().iter().any(|name| metrics.contains(name))
    }
}

/// Why a rule file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", self.place())]
pub struct RuleError {
    pub file: String,
    pub group: Option<String>,
    pub rule: Option<String>,
    pub reason: String,
}

impl RuleError {
    fn place(&self) -> String {
        let mut place = format!("rule file `{}`", self.file);
        if let Some(group) = &self.group {
            place.push_str(&format!(", group `{group}`"));
        }
        if let Some(rule) = &self.rule {
            place.push_str(&format!(", rule `{rule}`"));
        }
        place
    }
}

/// `base` with each rule replaced by the one of the same name in `own`; the others of `own`
/// keep their groups.
pub fn merge(base: Vec<RuleGroup>, own: Vec<RuleGroup>) -> Vec<RuleGroup> {
    let replaced = |rule: &Rule| own.iter().flat_map(|group| &group.rules).any(|new| new.name == rule.name);
    let mut groups: Vec<RuleGroup> = base
        .into_iter()
        .map(|mut group| {
            group.rules.retain(|rule| !replaced(rule));
            group
        })
        .filter(|group| !group.rules.is_empty() || !group.recordings.is_empty())
        .collect();
    groups.extend(own);
    groups
}

#[cfg(test)]
mod tests;
