//! At which evaluations of a window the condition of each alert held.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{LabelSet, Series, Timestamp};
use promql::Value;

use super::BacktestError;
use crate::error::chain;
use crate::finding::Finder;
use crate::rules::Rule;

/// Queries that may fail in one look back: each costs time and tells nothing.
const FAILURES_MAX: u64 = 500;

/// Evaluations that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub start: Timestamp,
    pub interval: Duration,
    pub count: u64,
}

impl Window {
    pub(super) fn at(self, step: u64) -> Timestamp {
        self.start + self.interval * step as u32
    }

    fn step_of(self, at: Timestamp) -> u64 {
        (at.since(self.start).as_millis() / self.interval.as_millis().max(1)) as u64
    }

    fn halves(self) -> [(Window, u64); 2] {
        let first = self.count / 2;
        let rest = Window { start: self.at(first), count: self.count - first, ..self };
        [(Window { count: first, ..self }, 0), (rest, first)]
    }
}

/// Evaluations that would have failed.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub count: u64,
    pub first: Option<String>,
    queries: u64,
}

impl Failures {
    fn note(&mut self, count: u64, reason: impl FnOnce() -> String) {
        self.count += count;
        if self.first.is_none() && count > 0 {
            self.first = Some(reason());
        }
    }
}

/// What was found in a window. Steps are counted from its start.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// By the labels of the alert, in order.
    pub held: BTreeMap<LabelSet, Vec<u64>>,
    /// The steps at which the rule would have failed.
    pub failed: BTreeSet<u64>,
}

/// A window that cannot be answered as a whole is answered in halves: only those evaluations
/// fail that would have failed by themselves.
pub(super) async fn look(
    rule: &Rule,
    finder: &Finder<'_>,
    window: Window,
    failures: &mut Failures,
) -> Result<Presence, BacktestError> {
    let mut found: Vec<Series> = Vec::new();
    let mut presence = Presence::default();
    let mut open = vec![(window, 0)];
    while let Some((part, offset)) = open.pop() {
        match matrix(rule, finder, part).await {
            Ok(series) => found.extend(series),
            Err(reason) => {
                failures.queries += 1;
                if failures.queries > FAILURES_MAX {
                    return Err(BacktestError::Failing { rule: rule.name.clone(), reason });
                }
                if part.count == 1 {
                    presence.failed.insert(offset);
                    failures.note(1, || reason);
                } else {
                    let halves = part.halves().map(|(half, behind)| (half, offset + behind));
                    open.extend(halves.into_iter().filter(|(half, _)| half.count > 0));
                }
            }
        }
    }
    for series in found {
        add(&mut presence.held, rule, finder, window, &series).await;
    }
    forget_what_fails(&mut presence, rule, finder.alerts_max, window, failures);
    Ok(presence)
}

async fn matrix(rule: &Rule, finder: &Finder<'_>, window: Window) -> Result<Vec<Series>, String> {
    let (start, end) = (window.start - rule.offset, window.at(window.count - 1) - rule.offset);
    let answer = finder.queries.range(&rule.query, start, end, window.interval).await;
    match answer.map_err(|error| chain(&error))?.value {
        Value::Matrix(series) => Ok(series),
        other => Err(format!("the query yields a {}, not a vector", other.kind())),
    }
}

async fn add(
    held: &mut BTreeMap<LabelSet, Vec<u64>>,
    rule: &Rule,
    finder: &Finder<'_>,
    window: Window,
    series: &Series,
) {
    let changes = rule.labels_change_with_time();
    let mut identity: Option<LabelSet> = None;
    for sample in &series.samples {
        let at = sample.at + rule.offset;
        let labels = match identity.take().filter(|_| !changes) {
            Some(labels) => labels,
            None => finder.identity(rule, &(series.labels.clone(), sample.value), at).await,
        };
        match held.get_mut(&labels) {
            Some(steps) => steps.push(window.step_of(at)),
            None => {
                held.insert(labels.clone(), vec![window.step_of(at)]);
            }
        }
        identity = Some(labels);
    }
}

/// An evaluation fails that finds too much, or two things with the same labels.
fn forget_what_fails(
    presence: &mut Presence,
    rule: &Rule,
    alerts_max: usize,
    window: Window,
    failures: &mut Failures,
) {
    let most = rule.limit.map_or(alerts_max, |limit| limit.min(alerts_max)) as u64;
    let mut counts = vec![0_u64; window.count as usize];
    let mut twice = BTreeSet::new();
    for steps in presence.held.values_mut() {
        steps.sort_unstable();
        twice.extend(steps.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]));
        for step in steps.iter() {
            if let Some(count) = counts.get_mut(*step as usize) {
                *count += 1;
            }
        }
    }
    failures.note(twice.len() as u64, || "it finds two things with the same labels".to_owned());
    let too_many = (0..window.count).filter(|step| counts[*step as usize] > most && !twice.contains(step));
    let too_many: Vec<u64> = too_many.collect();
    failures.note(too_many.len() as u64, || format!("it finds more than {most} things at once"));
    presence.failed.extend(twice.into_iter().chain(too_many));
}
