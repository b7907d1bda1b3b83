//! What was expected beside what came.

use std::time::Duration;

use model::{Bucket, Histogram, LabelSet};
use promql::notation::{self, Item};
use promql::{Answer, Value};

use super::super::file::{QueryTest, read_labels};
use super::shown;

/// Labels and annotations.
pub(super) type Alerts = Vec<(LabelSet, LabelSet)>;

/// One thing that does not hold, in lines for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

/// Collects what does not hold in one test.
pub(super) struct Comparison {
    test: Option<String>,
    is_fuzzy: bool,
    failures: Vec<Failure>,
}

#[derive(Clone, Debug)]
struct Found {
    labels: LabelSet,
    value: Number,
}

#[derive(Clone, Debug)]
enum Number {
    Float(f64),
    Histogram(Box<Histogram>),
}

impl Comparison {
    pub(super) fn new(test: Option<String>, is_fuzzy: bool) -> Self {
        Self { test, is_fuzzy, failures: Vec::new() }
    }

    pub(super) fn complain(&mut self, text: String) {
        let name = self.test.iter().map(|name| format!("name: {name},\n")).collect::<String>();
        self.failures.push(Failure(format!("{name}{text}")));
    }

    pub(super) fn take(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.failures)
    }

    pub(super) fn alerts(&mut self, name: &str, at: Duration, mut expected: Alerts, mut found: Alerts) {
        expected.sort();
        found.sort();
        if expected != found {
            let (lines, all) = (difference(&expected, &found, |one, other| one == other, alert), found.len());
            self.complain(format!("alertname: {name}, time: {at:?}, {all} alerts fire\n{lines}"));
        }
    }

    pub(super) fn query(&mut self, test: &QueryTest, answer: Result<Answer, String>) {
        let place = format!("expr: {:?}, time: {:?}", test.expr, test.eval_time.unwrap_or_default());
        let both = answer.and_then(found).and_then(|found| Ok((expected(test)?, found)));
        let (mut expected, mut found) = match both {
            Ok(both) => both,
            Err(reason) => return self.complain(format!("{place}, err: {reason}")),
        };
        expected.sort_by(|one, other| one.labels.cmp(&other.labels));
        found.sort_by(|one, other| one.labels.cmp(&other.labels));
        let is_fuzzy = self.is_fuzzy;
        let is_same = |one: &Found, other: &Found| {
            one.labels == other.labels && one.value.is_same(&other.value, is_fuzzy)
        };
        let all_same = expected.len() == found.len()
            && expected.iter().zip(&found).all(|(one, other)| is_same(one, other));
        if !all_same {
            self.complain(format!("{place}\n{}", difference(&expected, &found, is_same, sample)));
        }
    }
}

/// What is missing with a minus, what is too much with a plus, and the rest.
fn difference<T>(
    expected: &[T],
    found: &[T],
    is_same: impl Fn(&T, &T) -> bool,
    shown: impl Fn(&T) -> String,
) -> String {
    let mut left: Vec<&T> = found.iter().collect();
    let mut lines = Vec::new();
    for one in expected {
        let same = left.iter().position(|other| is_same(one, other));
        let sign = if same.is_some() { ' ' } else { '-' };
        same.map(|at| left.remove(at));
        lines.push(format!("  {sign} {}", shown(one)));
    }
    lines.extend(left.into_iter().map(|other| format!("  + {}", shown(other))));
    if lines.is_empty() {
        lines.push("  nothing".to_owned());
    }
    format!("  (- expected and not there, + there and not expected)\n{}", lines.join("\n"))
}

fn alert((labels, annotations): &(LabelSet, LabelSet)) -> String {
    format!("labels: {labels}, annotations: {annotations}")
}

fn sample(found: &Found) -> String {
    match &found.value {
        Number::Float(value) => format!("{} {}", found.labels, shown(*value)),
        Number::Histogram(histogram) => {
            let Histogram { schema, count, sum, zero_count, positive, negative, .. } = histogram.as_ref();
            let counts = |buckets: &[Bucket]| {
                buckets
                    .iter()
                    .map(|bucket| format!("{}:{}", bucket.index, shown(bucket.count)))
                    .collect::<Vec<_>>()
            };
            format!(
                "{} {{{{schema:{schema} count:{} sum:{} z_bucket:{} buckets:{:?} n_buckets:{:?}}}}}",
                found.labels,
                shown(*count),
                shown(*sum),
                shown(*zero_count),
                counts(positive),
                counts(negative),
            )
        }
    }
}

fn found(answer: Answer) -> Result<Vec<Found>, String> {
    let mut found: Vec<Found> = match answer.value {
        Value::Vector(vector) => vector
            .into_iter()
            .map(|(labels, sample)| Found { labels, value: Number::Float(sample.value) })
            .collect(),
        Value::Scalar(sample) => {
            vec![Found { labels: LabelSet::empty(), value: Number::Float(sample.value) }]
        }
        _ => return Err("rule result is not a vector or scalar".to_owned()),
    };
    for series in answer.histograms {
        let Some(sample) = series.samples.last() else { continue };
        let value = Number::Histogram(Box::new(sample.histogram.as_ref().clone()));
        found.push(Found { labels: series.labels, value });
    }
    Ok(found)
}

fn expected(test: &QueryTest) -> Result<Vec<Found>, String> {
    let samples = test.exp_samples.iter().flatten().map(|sample| {
        let value = match &sample.histogram {
            None => Number::Float(sample.value),
            Some(text) => match notation::items(text)?.as_slice() {
                [Item::Histogram(histogram, _)] => Number::Histogram(histogram.clone()),
                _ => return Err(format!("not one histogram: {text:?}")),
            },
        };
        Ok(Found { labels: read_labels(&sample.labels)?, value })
    });
    samples.collect()
}

impl Number {
    fn is_same(&self, other: &Number, is_fuzzy: bool) -> bool {
        match (self, other) {
            (Number::Float(one), Number::Float(other)) => same_float(*one, *other, is_fuzzy),
            (Number::Histogram(one), Number::Histogram(other)) => same_histogram(one, other, is_fuzzy),
            _ => false,
        }
    }
}

fn same_float(one: f64, other: f64, is_fuzzy: bool) -> bool {
    // What two ways of adding up the same numbers may differ in.
    let is_near = || (one - other).abs() <= one.abs().max(other.abs()) * 1e-12;
    one == other || (one.is_nan() && other.is_nan()) || (is_fuzzy && is_near())
}

/// Whatever is known of resets.
fn same_histogram(one: &Histogram, other: &Histogram, is_fuzzy: bool) -> bool {
    let same = |one: f64, other: f64| same_float(one, other, is_fuzzy);
    let filled = |buckets: &[Bucket]| -> Vec<Bucket> {
        buckets.iter().filter(|bucket| bucket.count != 0.0).cloned().collect()
    };
    let same_buckets = |one: &[Bucket], other: &[Bucket]| {
        let (one, other) = (filled(one), filled(other));
        one.len() == other.len()
            && one
                .iter()
                .zip(&other)
                .all(|(one, other)| one.index == other.index && same(one.count, other.count))
    };
    one.schema == other.schema
        && one.custom_bounds == other.custom_bounds
        && same(one.count, other.count)
        && same(one.sum, other.sum)
        && same(one.zero_count, other.zero_count)
        && same_buckets(&one.positive, &other.positive)
        && same_buckets(&one.negative, &other.negative)
}
