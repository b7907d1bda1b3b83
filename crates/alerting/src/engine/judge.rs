//! From one answer of one rule to the next step of each of its alerts. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Alert, AlertStatus, LabelSet, Timestamp};
use state::Transition;

use super::Tracked;
use crate::directory::AgentDirectory;
use crate::finding::Finding;
use crate::lifecycle::{Stage, Step, Timing, next};
use crate::plain_text::{cut, lines, single_line};
use crate::rules::{Rule, severity_of};

/// An alert whose value alone changes is written down this often. Much shorter than
/// [`crate::lifecycle::GAP_MAX`], so that a restart knows how long nobody looked.
const SAVE_EVERY: Duration = Duration::from_secs(60);

const TITLE_BYTES_MAX: usize = 300;
const TEXT_BYTES_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    pub step: Step,
    /// As it is after the step.
    pub tracked: Tracked,
}

impl Judged {
    pub(super) fn transition(&self) -> Option<Transition> {
        match self.step {
            Step::Fire => Some(Transition::Firing),
            Step::Resolve => Some(Transition::Resolved),
            _ => None,
        }
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.step == Step::Forget
    }

    /// Whether the step needs an id that was never used.
    pub(super) fn is_new(&self) -> bool {
        self.tracked.alert.id.is_empty()
    }

    pub(super) fn is_to_be_saved(&self, now: Timestamp) -> bool {
        match self.step {
            Step::Begin | Step::Fire | Step::Resolve => true,
            Step::Wait | Step::Hold => now.since(self.tracked.saved) >= SAVE_EVERY,
            Step::Rest | Step::Linger | Step::Forget => false,
        }
    }
}

/// `unknown` are alerts whose absence proves nothing; they are left as they are.
pub(super) fn judge(
    rule: &Rule,
    timing: Timing,
    found: &[Finding],
    tracked: &BTreeMap<LabelSet, Tracked>,
    unknown: &BTreeSet<LabelSet>,
    directory: &dyn AgentDirectory,
    now: Timestamp,
) -> Vec<Judged> {
    let mut judged = Vec::new();
    for finding in found {
        let before = tracked.get(&finding.labels);
        let step = next(before.map_or(Stage::Absent, Tracked::stage), true, timing, now);
        let alert = described(rule, finding, before.map(|before| &before.alert), directory, now);
        judged.push(present(step, alert, before, now));
    }
    let present: BTreeSet<&LabelSet> = found.iter().map(|finding| &finding.labels).collect();
    for (labels, before) in tracked {
        if !present.contains(labels) && !unknown.contains(labels) {
            judged.push(absent(next(before.stage(), false, timing, now), before, now));
        }
    }
    judged
}

fn present(step: Step, mut alert: Alert, before: Option<&Tracked>, now: Timestamp) -> Judged {
    match step {
        Step::Begin => alert.pending_since = now,
        Step::Fire => {
            alert.status = AlertStatus::Active;
            alert.fired_at = Some(now);
        }
        _ => {}
    }
    let saved = before.map_or(now, |before| before.saved);
    Judged { step, tracked: Tracked { alert, seen: now, ended: None, saved, is_restored: false } }
}

fn absent(step: Step, before: &Tracked, now: Timestamp) -> Judged {
    let alert = if step == Step::Resolve { resolved(&before.alert, now) } else { before.alert.clone() };
    let ended = before.ended.or(Some(now));
    Judged { step, tracked: Tracked { alert, seen: now, ended, is_restored: false, saved: before.saved } }
}

pub(super) fn resolved(alert: &Alert, now: Timestamp) -> Alert {
    Alert { status: AlertStatus::Resolved, resolved_at: Some(now), last_updated: now, ..alert.clone() }
}

/// The alert with what the rule and the directory say about it now. What was known before
/// and is not known any more stays.
fn described(
    rule: &Rule,
    finding: &Finding,
    before: Option<&Alert>,
    directory: &dyn AgentDirectory,
    now: Timestamp,
) -> Alert {
    let Finding { labels, value, .. } = finding;
    let said: Vec<(&str, String)> =
        finding.annotations.iter().map(|(name, text)| (name, cut(&lines(text), TEXT_BYTES_MAX))).collect();
    let known_before = before.iter().flat_map(|before| before.annotations.iter());
    let said = said.iter().map(|(name, text)| (*name, text.as_str()));
    let mut annotations = LabelSet::new(known_before.chain(said));
    if let Some(agent) = labels.get("agent").and_then(|agent| directory.describe(agent)) {
        let model = agent.model.unwrap_or_default();
        let known = [
            ("agent_name", agent.name),
            ("why", agent.why),
            ("model", model),
            ("directory", agent.directory),
        ];
        for (name, text) in known.iter().filter(|(_, text)| !text.is_empty()) {
            annotations = annotations.with(name, &cut(&single_line(text), TEXT_BYTES_MAX));
        }
    }
    let says = |names: [&str; 2]| names.iter().find_map(|name| annotations.get(name));
    let title = single_line(says(["title", "summary"]).unwrap_or(&rule.name));
    let title = titled(&title, annotations.get("agent_name"));
    let severity = labels.get("severity").map_or(rule.severity, severity_of);
    let component = labels.get("component").unwrap_or(&rule.component).to_owned();
    let description = says(["description", "message"]).unwrap_or_default().to_owned();
    let fresh = Alert {
        id: String::new(),
        rule: rule.id.clone(),
        title: String::new(),
        description: String::new(),
        severity,
        status: AlertStatus::Pending,
        component: String::new(),
        tags: rule.tags.clone(),
        labels: labels.clone(),
        annotations: LabelSet::empty(),
        value: *value,
        threshold: rule.threshold,
        pending_since: now,
        fired_at: None,
        last_updated: now,
        resolved_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
    };
    Alert {
        title: cut(&title, TITLE_BYTES_MAX),
        description,
        annotations,
        value: *value,
        last_updated: now,
        severity,
        component,
        tags: rule.tags.clone(),
        threshold: rule.threshold,
        ..before.cloned().unwrap_or(fresh)
    }
}

/// "Agent stalled: billing-refactor".
fn titled(title: &str, agent_name: Option<&str>) -> String {
    match agent_name {
        Some(name) if !title.contains(name) => format!("{title}: {name}"),
        _ => title.to_owned(),
    }
}

/// The ids that a new alert may have, the first that was never used is taken.
pub(super) fn id_candidates(alert: &Alert, is_alone: bool) -> impl Iterator<Item = String> + use<> {
    let short = format!("{}_{}", alert.rule, alert.pending_since.as_secs());
    let long = format!("{short}_{}", fingerprint(&alert.labels));
    let numbered = long.clone();
    is_alone
        .then_some(short)
        .into_iter()
        .chain([long])
        .chain((2..).map(move |number| format!("{numbered}_{number}")))
}

/// Eight hex digits of what tells apart the alerts of one rule.
fn fingerprint(labels: &LabelSet) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for (name, value) in labels.iter() {
        hash.update(name);
        hash.update([0xff]);
        hash.update(value);
        hash.update([0xff]);
    }
    hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}
