//! Runs tests and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{Batch, HistogramSample, HistogramSeries, LabelSet, Sample, SeriesSamples, Timestamp};
use promql::notation::Item;
use promql::{EngineSettings, format_value};
use runtime::SharedClock;

use super::file::{AlertTest, QueryTest, Test, TestFile};
use super::memory::Memory;
use crate::engine::{Output, series_of};
use crate::finding::Finder;
use crate::lifecycle::{GAP_MAX, Timing};
use crate::queries::ask;
use crate::rules::{ALERT_NAME, GroupRule, RuleGroup};
use crate::template::Surroundings;
use crate::tracker::Tracker;

mod compare;

pub use compare::Failure;
use compare::{Alerts, Comparison};

/// More evaluations in one test are a mistake.
const STEPS_MAX: u64 = 1_000_000;
/// Tests are not bounded by what a server has to do beside.
const ALERTS_MAX: usize = 1_000_000;

/// What does not hold; nothing when every test passes. `clock` only bounds queries.
pub async fn run(tests: &TestFile, rules: &[RuleGroup], clock: SharedClock) -> Vec<Failure> {
    let mut groups: Vec<&RuleGroup> = rules.iter().collect();
    let order = |name: &str| tests.group_eval_order.iter().position(|other| other == name).unwrap_or(0);
    groups.sort_by_key(|group| order(&group.name));
    let interval = tests.evaluation_interval.filter(|interval| !interval.is_zero()).unwrap_or(MINUTE);
    let mut failures = Vec::new();
    for test in &tests.tests {
        let mut runner = Runner::new(test, &groups, interval, tests.fuzzy_compare, &clock);
        failures.append(&mut runner.run().await);
    }
    failures
}

const MINUTE: Duration = Duration::from_secs(60);

struct Runner<'a> {
    test: &'a Test,
    groups: &'a [&'a RuleGroup],
    interval: Duration,
    memory: Arc<Memory>,
    queries: promql::Engine,
    surroundings: Surroundings,
    /// By the places of group and rule.
    trackers: BTreeMap<(usize, usize), Tracker>,
    written: BTreeMap<(usize, usize), BTreeSet<LabelSet>>,
    comparison: Comparison,
}

impl<'a> Runner<'a> {
    fn new(
        test: &'a Test,
        groups: &'a [&'a RuleGroup],
        interval: Duration,
        is_fuzzy: bool,
        clock: &SharedClock,
    ) -> Self {
        let memory = Arc::new(Memory::default());
        let step = test.interval.filter(|step| !step.is_zero()).unwrap_or(interval);
        memory.add(loaded(test, step));
        let reader: Arc<dyn storage::SampleReader> = memory.clone();
        Self {
            queries: promql::Engine::with_clock(reader, EngineSettings::default(), clock.clone()),
            surroundings: Surroundings {
                external_labels: LabelSet::new(test.external_labels.iter()),
                external_url: test.external_url.clone(),
            },
            test,
            groups,
            interval,
            memory,
            trackers: BTreeMap::new(),
            written: BTreeMap::new(),
            comparison: Comparison::new(test.name.clone(), is_fuzzy),
        }
    }

    async fn run(&mut self) -> Vec<Failure> {
        for test in &self.test.alert_rule_test {
            if test.alertname.is_empty() {
                let time = test.eval_time.unwrap_or_default();
                self.comparison.complain(format!(
                    "an item under alert_rule_test misses required attribute alertname at eval_time {time:?}"
                ));
                return self.comparison.take();
            }
        }
        let times = self.test.alert_rule_test.iter().map(|test| test.eval_time);
        let times = times.chain(self.test.promql_expr_test.iter().map(|test| test.eval_time));
        let last = times.map(Option::unwrap_or_default).max().unwrap_or_default();
        let steps = last.as_nanos() / self.interval.as_nanos().max(1);
        let Some(steps) = u64::try_from(steps).ok().filter(|steps| *steps <= STEPS_MAX) else {
            self.comparison.complain(format!("it takes more than {STEPS_MAX} evaluations"));
            return self.comparison.take();
        };
        for step in 0..=steps {
            let at = Timestamp::from_secs(0) + self.interval * u32::try_from(step).unwrap_or(u32::MAX);
            if !self.evaluate(at).await {
                return self.comparison.take();
            }
            self.check_alerts(at);
        }
        for test in &self.test.promql_expr_test {
            self.check_query(test).await;
        }
        self.comparison.take()
    }

    /// Whether every rule could be evaluated.
    async fn evaluate(&mut self, at: Timestamp) -> bool {
        let mut is_whole = true;
        for (group_at, group) in self.groups.iter().enumerate() {
            for (rule_at, rule) in group.rules.iter().enumerate() {
                if let Err(reason) = self.evaluate_rule((group_at, rule_at), rule, at).await {
                    let time = Duration::from_nanos(at.as_nanos().unsigned_abs());
                    let name = rule.name();
                    self.comparison.complain(format!("rule: {name}, time: {time:?}, err: {reason}"));
                    is_whole = false;
                }
            }
        }
        is_whole
    }

    async fn evaluate_rule(
        &mut self,
        place: (usize, usize),
        rule: &GroupRule,
        at: Timestamp,
    ) -> Result<(), String> {
        let (series, offset) = match rule {
            GroupRule::Record(rule) => {
                (rule.series(ask(&self.queries, &rule.query, at - rule.offset).await?)?, rule.offset)
            }
            GroupRule::Alert(rule) => {
                let finder = Finder {
                    queries: &self.queries,
                    surroundings: &self.surroundings,
                    alerts_max: ALERTS_MAX,
                };
                let found = finder.findings(rule, at).await?;
                let gap_max = GAP_MAX.max(self.interval * 2);
                let timing = Timing { hold: rule.hold, keep: rule.keep_firing, gap_max };
                let tracker = self.trackers.entry(place).or_default();
                tracker.observe(&found, timing, at);
                (series_of(&tracker.alerts(rule)), rule.offset)
            }
        };
        let before = self.written.entry(place).or_default();
        let present = series.keys().cloned().collect();
        let mut output = Output::default();
        output.write(place.1, series, before, at - offset);
        *before = present;
        self.memory.add(output.take().0);
        Ok(())
    }

    /// The tests that look between this evaluation and the next.
    fn check_alerts(&mut self, at: Timestamp) {
        let time = Duration::from_nanos(at.as_nanos().unsigned_abs());
        let is_now = |test: &&AlertTest| {
            let wanted = test.eval_time.unwrap_or_default();
            time <= wanted && wanted < time + self.interval
        };
        for test in self.test.alert_rule_test.iter().filter(is_now) {
            let found = self.firing(&test.alertname);
            let expected = test.exp_alerts.iter().flatten().map(|alert| {
                let labels = alert.exp_labels.iter().map(|(name, text)| (name.as_str(), text.as_str()));
                let labels = LabelSet::new(labels.chain([(ALERT_NAME, test.alertname.as_str())]));
                (labels, LabelSet::new(alert.exp_annotations.iter()))
            });
            let expected: Alerts = expected.collect();
            self.comparison.alerts(&test.alertname, test.eval_time.unwrap_or_default(), expected, found);
        }
    }

    fn firing(&self, name: &str) -> Alerts {
        let mut firing = Alerts::new();
        for ((group, rule), tracker) in &self.trackers {
            let rule = self.groups.get(*group).and_then(|group| group.rules.get(*rule));
            let Some(GroupRule::Alert(rule)) = rule.filter(|rule| rule.name() == name) else { continue };
            let alerts = tracker.alerts(rule).into_iter().filter(|alert| alert.is_firing);
            firing.extend(alerts.map(|alert| (alert.labels, alert.annotations)));
        }
        firing
    }

    async fn check_query(&mut self, test: &QueryTest) {
        let at = Timestamp::from_secs(0) + test.eval_time.unwrap_or_default();
        let answer = match promql::parse(&test.expr) {
            Ok(query) => self.queries.instant(&query, at).await.map_err(|error| crate::error::chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        self.comparison.query(test, answer);
    }
}

/// The input series, a value at each step from the beginning of time.
fn loaded(test: &Test, step: Duration) -> Batch {
    let mut batch = Batch::default();
    let at = |index: usize| Timestamp::from_secs(0) + step * u32::try_from(index).unwrap_or(u32::MAX);
    for input in &test.input_series {
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        for (index, item) in input.values.iter().enumerate() {
            match item {
                Item::Gap => {}
                Item::Float(value) => samples.push(Sample { at: at(index), value: *value }),
                Item::Histogram(histogram, _) => {
                    histograms
                        .push(HistogramSample { at: at(index), histogram: Arc::new((**histogram).clone()) });
                }
            }
        }
        batch.series.push(SeriesSamples { labels: input.labels.clone(), samples });
        if !histograms.is_empty() {
            batch.histograms.push(HistogramSeries { labels: input.labels.clone(), samples: histograms });
        }
    }
    batch
}

/// A number in a message.
fn shown(value: f64) -> String {
    format_value(value)
}
