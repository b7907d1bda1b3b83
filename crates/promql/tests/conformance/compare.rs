//! Whether an answer is what a case expects.

use std::collections::BTreeMap;

use model::{Bucket, Histogram, HistogramSeries, LabelSet, Sample};
use promql::{Answer, Value};

use crate::script::{Case, Message, Steps, When};
use promql::notation::Item;

pub fn answer(case: &Case, answer: &Answer) -> Result<(), String> {
    notes("warning", &case.warns, case.no_warning, &answer.warnings)?;
    notes("info", &case.informs, case.no_info, &answer.infos)?;
    values(case, answer)
}

fn values(case: &Case, answer: &Answer) -> Result<(), String> {
    match (&answer.value, case.when) {
        (Value::String(text), _) => equal_text(case, text),
        (Value::Scalar(sample), _) => equal_scalar(case, *sample),
        (Value::Vector(vector), _) => equal_vector(case, vector, &answer.histograms),
        (Value::Matrix(_), When::Over(steps)) => equal_matrix(&case.expected, steps, answer),
        (Value::Matrix(_), When::At(_)) => match case.range_vector {
            Some(steps) => equal_matrix(&case.expected, steps, answer),
            None => Err("a range vector was not expected".to_owned()),
        },
    }
}

/// Each expected remark is there, and where texts are given there are no others.
fn notes(kind: &str, expected: &[Message], none: bool, actual: &[String]) -> Result<(), String> {
    if none && !actual.is_empty() {
        return Err(format!("unexpected {kind}: {actual:?}"));
    }
    for message in expected {
        if !actual.iter().any(|text| fits(message, text)) {
            return Err(format!("expected {kind} {message:?}, got {actual:?}"));
        }
    }
    let stray = actual
        .iter()
        .find(|text| !expected.is_empty() && !expected.iter().any(|message| fits(message, text)));
    stray.map_or(Ok(()), |text| Err(format!("another {kind}: {text}")))
}

pub fn fits(message: &Message, text: &str) -> bool {
    match message {
        Message::Any => true,
        Message::Exactly(expected) => text == expected,
        Message::Matching(pattern) => regex::Regex::new(pattern).unwrap().is_match(text),
    }
}

fn equal_text(case: &Case, text: &str) -> Result<(), String> {
    if case.text.as_deref() == Some(text) {
        Ok(())
    } else {
        Err(format!("expected {:?}, got {text:?}", case.text))
    }
}

fn equal_scalar(case: &Case, actual: Sample) -> Result<(), String> {
    match case.scalar {
        Some(expected) => equal_value(expected, actual.value),
        None => Err(format!("expected no scalar, got {}", actual.value)),
    }
}

fn equal_vector(
    case: &Case,
    actual: &[(LabelSet, Sample)],
    histograms: &[HistogramSeries],
) -> Result<(), String> {
    if case.scalar.is_some() || case.text.is_some() {
        return Err("expected no vector".to_owned());
    }
    for (place, (labels, items)) in case.expected.iter().enumerate() {
        let wrong = |why: String| format!("{labels}: {why}");
        match &items[..] {
            [Item::Float(value)] => {
                let found = actual.iter().position(|(candidate, _)| candidate == labels);
                let found =
                    found.ok_or_else(|| format!("{labels} is missing in {actual:?} {histograms:?}"))?;
                if case.is_ordered && found != place {
                    return Err(format!("{labels} is at {found}, not at {place}"));
                }
                equal_value(*value, actual[found].1.value).map_err(wrong)?;
            }
            [expected @ Item::Histogram(..)] => {
                let found = histograms.iter().find(|series| series.labels == *labels);
                let found =
                    found.ok_or_else(|| format!("{labels} is missing in {histograms:?} {actual:?}"))?;
                equal_histogram(expected, &found.samples[0].histogram).map_err(wrong)?;
            }
            _ => return Err(format!("{labels}: not one value expected")),
        }
    }
    if actual.len() + histograms.len() != case.expected.len() {
        let count = case.expected.len();
        return Err(format!("other elements than {count}: {actual:?} {histograms:?}"));
    }
    Ok(())
}

fn equal_matrix(expected: &[(LabelSet, Vec<Item>)], steps: Steps, answer: &Answer) -> Result<(), String> {
    let Value::Matrix(actual) = &answer.value else { return Err("no matrix".to_owned()) };
    let mut count = 0;
    for (labels, items) in expected {
        let times = (0..).map(|index| steps.start + steps.step * index);
        let wanted: Vec<(i64, &Item)> =
            times.zip(items).filter(|(at, item)| **item != Item::Gap && *at <= steps.end).collect();
        let floats =
            actual.iter().filter(|series| series.labels == *labels).flat_map(|series| &series.samples);
        let floats: BTreeMap<i64, f64> = floats.map(|sample| (sample.at.as_millis(), sample.value)).collect();
        let own = answer.histograms.iter().filter(|series| series.labels == *labels);
        let histograms: BTreeMap<i64, _> = own
            .flat_map(|series| &series.samples)
            .map(|sample| (sample.at.as_millis(), &sample.histogram))
            .collect();
        if floats.len() + histograms.len() != wanted.len() {
            return Err(format!("{labels}: {floats:?} {histograms:?}, expected {wanted:?}"));
        }
        for (at, item) in &wanted {
            let result = match (item, floats.get(at), histograms.get(at)) {
                (Item::Float(expected), Some(value), None) => equal_value(*expected, *value),
                (Item::Histogram(..), None, Some(histogram)) => equal_histogram(item, histogram),
                (_, float, histogram) => Err(format!("expected {item:?}, got {float:?} {histogram:?}")),
            };
            result.map_err(|why| format!("{labels} at {at}: {why}"))?;
        }
        count += wanted.len();
    }
    let floats: usize = actual.iter().map(|series| series.samples.len()).sum();
    let histograms: usize = answer.histograms.iter().map(|series| series.samples.len()).sum();
    if floats + histograms != count {
        return Err(format!("other samples than {count}: {answer:?}"));
    }
    Ok(())
}

/// Counts within the tolerance; a hint only where one is written.
fn equal_histogram(expected: &Item, actual: &Histogram) -> Result<(), String> {
    let Item::Histogram(expected, is_hinted) = expected else { return Err("no histogram".to_owned()) };
    let describe = |what: &str| format!("{what}: expected {expected:?}, got {actual:?}");
    let wrong = |what: &'static str| move |why: String| format!("{what}: {why}");
    equal_value(expected.count, actual.count).map_err(wrong("count"))?;
    equal_value(expected.sum, actual.sum).map_err(wrong("sum"))?;
    equal_value(expected.zero_count, actual.zero_count).map_err(wrong("zero"))?;
    let same_layout = expected.schema == actual.schema
        && expected.zero_threshold == actual.zero_threshold
        && expected.custom_bounds == actual.custom_bounds;
    if !same_layout {
        return Err(describe("layout"));
    }
    if *is_hinted && expected.reset != actual.reset {
        return Err(describe("hint"));
    }
    for (expected, actual) in [(&expected.positive, &actual.positive), (&expected.negative, &actual.negative)]
    {
        let counts = |bucket: &&Bucket| bucket.count != 0.0;
        let (mut left, mut right) = (expected.iter().filter(counts), actual.iter().filter(counts));
        loop {
            match (left.next(), right.next()) {
                (None, None) => break,
                (Some(a), Some(b)) if a.index == b.index => equal_value(a.count, b.count)?,
                _ => return Err(describe("buckets")),
            }
        }
    }
    Ok(())
}

/// Prometheus' own tolerance.
const EPSILON: f64 = 1e-6;

fn equal_value(expected: f64, actual: f64) -> Result<(), String> {
    let close = || {
        let (difference, size) = ((expected - actual).abs(), expected.abs() + actual.abs());
        if expected == 0.0 || actual == 0.0 || size < f64::MIN_POSITIVE {
            difference < EPSILON * f64::MIN_POSITIVE
        } else {
            difference / size.min(f64::MAX) < EPSILON
        }
    };
    let is_equal = expected == actual || (expected.is_nan() && actual.is_nan()) || close();
    if is_equal { Ok(()) } else { Err(format!("expected {expected}, got {actual}")) }
}
