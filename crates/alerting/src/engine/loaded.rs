//! The rules as they are loaded now, and how each is doing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Alert, AlertStatus, LabelSet, Timestamp};
use parking_lot::Mutex;

use super::book::{Book, Tracked};
use super::schedule::Rhythm;
use crate::rules::{ALERT_NAME, GroupRule, Rule, RuleGroup};

/// Replaced as a whole by a reload.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Counts reloads.
    pub generation: u64,
    pub groups: Vec<LoadedGroup>,
    /// Where each alerting rule is, by its id: its group, and its place there.
    places: BTreeMap<String, (usize, usize)>,
}

#[derive(Debug)]
pub(crate) struct LoadedGroup {
    pub group: RuleGroup,
    pub rhythm: Rhythm,
    /// Held while rules of the group are evaluated, so that what is older is never written
    /// after what is newer.
    pub turn: tokio::sync::Mutex<()>,
    /// Held for a look or a change, never across an await.
    pub progress: Mutex<Progress>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub evaluated: Option<Timestamp>,
    pub took: Duration,
    /// One for each rule.
    pub rules: Vec<RuleProgress>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct RuleProgress {
    pub evaluated: Option<Timestamp>,
    pub took: Duration,
    pub error: Option<String>,
    /// The series that were written last, so that what is gone ends.
    pub written: BTreeSet<LabelSet>,
}

impl Loaded {
    /// The rules of `groups`; those that `before` has too go on where they are.
    pub(super) fn after(before: Option<&Loaded>, groups: Vec<RuleGroup>, interval: Duration) -> Self {
        let generation = before.map_or(0, |before| before.generation + 1);
        let groups = groups.into_iter().map(|group| {
            let interval = group.interval.unwrap_or(interval);
            let progress = progress(before.and_then(|before| before.same_group(&group)), &group);
            LoadedGroup {
                rhythm: Rhythm::new(interval, &format!("{};{}", group.file, group.name)),
                turn: tokio::sync::Mutex::default(),
                progress: Mutex::new(progress),
                group,
            }
        });
        let groups: Vec<LoadedGroup> = groups.collect();
        Self { generation, places: places(&groups), groups }
    }

    fn same_group(&self, group: &RuleGroup) -> Option<&LoadedGroup> {
        self.groups.iter().find(|known| known.group.file == group.file && known.group.name == group.name)
    }

    pub(super) fn alert_rule(&self, id: &str) -> Option<(&LoadedGroup, usize, &Rule)> {
        let (group, index) = *self.places.get(id)?;
        let group = self.groups.get(group)?;
        match group.group.rules.get(index)? {
            GroupRule::Alert(rule) => Some((group, index, rule)),
            GroupRule::Record(_) => None,
        }
    }

    pub(crate) fn alert_count(&self) -> usize {
        self.groups.iter().map(|group| group.group.alerts().count()).sum()
    }

    /// Every series that its rules have written last.
    pub(super) fn written(&self) -> BTreeSet<LabelSet> {
        let of_group = |group: &LoadedGroup| {
            group.progress.lock().rules.iter().flat_map(|rule| rule.written.clone()).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(of_group).collect()
    }
}

fn places(groups: &[LoadedGroup]) -> BTreeMap<String, (usize, usize)> {
    let of_group = |(at, group): (usize, &LoadedGroup)| {
        let rules = group.group.rules.iter().enumerate();
        let id = |(index, rule): (usize, &GroupRule)| match rule {
            GroupRule::Alert(rule) => Some((rule.id.clone(), (at, index))),
            GroupRule::Record(_) => None,
        };
        rules.filter_map(id).collect::<Vec<_>>()
    };
    groups.iter().enumerate().flat_map(of_group).collect()
}

fn progress(before: Option<&LoadedGroup>, group: &RuleGroup) -> Progress {
    let known = before.map(|before| before.progress.lock().clone()).unwrap_or_default();
    let mut left: Vec<(&GroupRule, RuleProgress)> =
        before.iter().flat_map(|before| &before.group.rules).zip(known.rules).collect();
    let rules = group.rules.iter().map(|rule| {
        let same = left.iter().position(|(other, _)| is_same(other, rule));
        same.map(|index| left.remove(index).1).unwrap_or_default()
    });
    Progress { rules: rules.collect(), ..known }
}

fn is_same(one: &GroupRule, other: &GroupRule) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
        && one.name() == other.name()
        && one.labels() == other.labels()
}

/// How a group is doing.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    pub file: String,
    pub name: String,
    pub interval: Duration,
    pub limit: Option<usize>,
    pub last_evaluation: Option<Timestamp>,
    pub took: Duration,
    /// In the order of the file.
    pub rules: Vec<RuleStatus>,
}

/// How a rule is doing.
#[derive(Clone, Debug)]
pub struct RuleStatus {
    pub rule: GroupRule,
    pub health: Health,
    pub last_error: Option<String>,
    pub last_evaluation: Option<Timestamp>,
    pub took: Duration,
    /// Pending and firing ones, in order of labels.
    pub alerts: Vec<ActiveAlert>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Not evaluated yet.
    Unknown,
    Ok,
    Err,
}

impl Health {
    /// Prometheus' word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Ok => "ok",
            Health::Err => "err",
        }
    }
}

/// An alert as Prometheus sees it: pending or firing.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveAlert {
    /// With `alertname`.
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub is_firing: bool,
    /// When the condition was first seen.
    pub active_at: Timestamp,
    /// Since when it fires only because its rule has `keep_firing_for`.
    pub keep_firing_since: Option<Timestamp>,
    pub value: f64,
}

impl ActiveAlert {
    pub(super) fn of(rule: &Rule, tracked: &Tracked) -> Self {
        let Alert { labels, annotations, status, pending_since, value, .. } = &tracked.alert;
        Self {
            labels: labels.with(ALERT_NAME, &rule.name),
            annotations: annotations.clone(),
            is_firing: *status != AlertStatus::Pending,
            active_at: *pending_since,
            keep_firing_since: tracked.ended,
            value: *value,
        }
    }
}

impl Loaded {
    /// In order of files, then of names, as Prometheus shows them.
    pub(crate) fn statuses(&self, book: &Mutex<Book>) -> Vec<GroupStatus> {
        let mut statuses: Vec<GroupStatus> = self.groups.iter().map(|group| group.status(book)).collect();
        statuses.sort_by(|one, other| (&one.file, &one.name).cmp(&(&other.file, &other.name)));
        statuses
    }
}

impl LoadedGroup {
    fn status(&self, book: &Mutex<Book>) -> GroupStatus {
        let progress = self.progress.lock().clone();
        let rules = self.group.rules.iter().zip(progress.rules).map(|(rule, progress)| RuleStatus {
            rule: rule.clone(),
            health: match (&progress.error, progress.evaluated) {
                (Some(_), _) => Health::Err,
                (None, Some(_)) => Health::Ok,
                (None, None) => Health::Unknown,
            },
            last_error: progress.error,
            last_evaluation: progress.evaluated,
            took: progress.took,
            alerts: match rule {
                GroupRule::Alert(rule) => {
                    book.lock().of_rule(&rule.id).values().map(|one| ActiveAlert::of(rule, one)).collect()
                }
                GroupRule::Record(_) => Vec::new(),
            },
        });
        GroupStatus {
            file: self.group.file.clone(),
            name: self.group.name.clone(),
            interval: self.rhythm.interval,
            limit: self.group.limit,
            last_evaluation: progress.evaluated,
            took: progress.took,
            rules: rules.collect(),
        }
    }
}
