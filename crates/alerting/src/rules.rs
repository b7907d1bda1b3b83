//! Rules in Prometheus' rule file format, read strictly.
//!
//! `file` is what the operator wrote; a [`Rule`] is what raises alerts, a [`Recording`] what
//! becomes samples of a new metric. Files that Prometheus takes are taken as they are.
//! What is wrong with a rule is found when it is loaded: unknown keys, queries that do not
//! parse, durations and templates. The error names file, group, rule and reason.

mod file;
mod identity;
mod recording;
mod severity;

use std::sync::Arc;
use std::time::Duration;

use model::{LabelSet, Severity};
use promql::Query;

use crate::template::Template;

pub use file::{parse, parse_all};
pub use recording::Recording;
pub use severity::severity_of;

/// The rules that Watchkeeper comes with.
pub const DEFAULT: &str = include_str!("../default-rules.yml");

/// The name of the default rules in errors.
pub const DEFAULT_NAME: &str = "default-rules.yml";

/// The label that Prometheus puts the name of the rule into.
pub const ALERT_NAME: &str = "alertname";

/// Rules that are evaluated one after the other, at one interval: each sees what those before
/// it have written.
#[derive(Clone, Debug)]
pub struct RuleGroup {
    /// As errors and `/api/v1/rules` name it.
    pub file: String,
    pub name: String,
    /// The setting's interval when absent.
    pub interval: Option<Duration>,
    /// How many series or alerts each rule may find.
    pub limit: Option<usize>,
    /// In the order of the file.
    pub rules: Vec<GroupRule>,
}

#[derive(Clone, Debug)]
pub enum GroupRule {
    Alert(Arc<Rule>),
    Record(Arc<Recording>),
}

impl RuleGroup {
    pub fn alerts(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().filter_map(|rule| match rule {
            GroupRule::Alert(rule) => Some(rule),
            GroupRule::Record(_) => None,
        })
    }

    pub fn recordings(&self) -> impl Iterator<Item = &Arc<Recording>> {
        self.rules.iter().filter_map(|rule| match rule {
            GroupRule::Record(rule) => Some(rule),
            GroupRule::Alert(_) => None,
        })
    }
}

impl GroupRule {
    pub fn name(&self) -> &str {
        match self {
            GroupRule::Alert(rule) => &rule.name,
            GroupRule::Record(rule) => &rule.name,
        }
    }

    pub fn query(&self) -> &Query {
        match self {
            GroupRule::Alert(rule) => &rule.query,
            GroupRule::Record(rule) => &rule.query,
        }
    }

    /// As they are written, templates and all.
    pub fn labels(&self) -> LabelSet {
        match self {
            GroupRule::Alert(rule) => written(&rule.labels),
            GroupRule::Record(rule) => LabelSet::new(rule.labels.iter().map(|(name, text)| (name, text))),
        }
    }
}

/// When to raise an alert, and what it says.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The label `alertname` of its alerts.
    pub name: String,
    /// The name, made fit for the ids of its alerts and different from that of every other
    /// rule: several may have one name.
    pub id: String,
    pub query: Query,
    /// How far in the past the query looks: `query_offset` of the group.
    pub offset: Duration,
    /// How many things it may find: `limit` of the group.
    pub limit: Option<usize>,
    /// How long the condition must hold before the alert fires.
    pub hold: Duration,
    /// How long the alert goes on after the condition was last met.
    pub keep_firing: Duration,
    /// Of alerts without a label that says it.
    pub severity: Severity,
    /// Of alerts without a label that says it.
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

    /// Whether its templates ask queries of their own.
    pub(crate) fn asks_in_templates(&self) -> bool {
        let mut templates = self.labels.iter().chain(&self.annotations);
        templates.any(|(_, template)| !template.is_constant() && template.text().contains("query"))
    }

    /// Whether the labels of its alerts depend on more than the labels of the series.
    pub(crate) fn labels_change_with_time(&self) -> bool {
        // The value, the time and the store: nothing else of what a template knows changes.
        let words = ["alue", "query", "now"];
        let mut templates = self.labels.iter().filter(|(_, template)| !template.is_constant());
        templates.any(|(_, template)| words.iter().any(|word| template.text().contains(word)))
    }

    /// As they are written, templates and all.
    pub fn written_annotations(&self) -> LabelSet {
        written(&self.annotations)
    }
}

fn written(templates: &[(String, Template)]) -> LabelSet {
    LabelSet::new(templates.iter().map(|(name, template)| (name, template.text())))
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

/// `base` with each alerting rule replaced by the one of the same name in `own`; the others
/// of `own` keep their groups.
pub fn merge(base: Vec<RuleGroup>, own: Vec<RuleGroup>) -> Vec<RuleGroup> {
    let replaced = |rule: &GroupRule| match rule {
        GroupRule::Alert(rule) => own.iter().flat_map(RuleGroup::alerts).any(|new| new.name == rule.name),
        GroupRule::Record(_) => false,
    };
    let mut groups: Vec<RuleGroup> = base
        .into_iter()
        .map(|mut group| {
            group.rules.retain(|rule| !replaced(rule));
            group
        })
        .filter(|group| !group.rules.is_empty())
        .collect();
    groups.extend(own);
    identity::tell_apart(&mut groups);
    groups
}

#[cfg(test)]
mod tests;
