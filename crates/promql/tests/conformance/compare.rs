//! Whether an answer is what a case expects.

use model::{LabelSet, Sample};
use promql::{Answer, Value};

use crate::script::{Case, Message, Steps, When};
use crate::series::Item;

pub fn answer(case: &Case, answer: &Answer) -> Result<(), String> {
    notes("warning", &case.warns, case.no_warning, &answer.warnings)?;
    notes("info", &case.informs, case.no_info, &answer.infos)?;
    values(case, &case.expected, answer)
}

/// Whether the floats among the expected values are right, and nothing else is there: what
/// can be asked of an engine without native histograms.
pub fn floats(case: &Case, answer: &Answer) -> Result<(), String> {
    let gap = |item: &Item| if *item == Item::Histogram { Item::Gap } else { *item };
    let without = case.expected.iter().map(|(labels, items)| {
        let items: Vec<Item> = items.iter().map(gap).collect();
        (labels.clone(), items)
    });
    let expected: Vec<_> =
        without.filter(|(_, items)| items.iter().any(|item| matches!(item, Item::Float(_)))).collect();
    values(case, &expected, answer)
}

fn values(case: &Case, expected: &[(LabelSet, Vec<Item>)], answer: &Answer) -> Result<(), String> {
    match (&answer.value, case.when) {
        (Value::String(text), _) => equal_text(case, text),
        (Value::Scalar(sample), _) => equal_scalar(case, *sample),
        (Value::Vector(vector), _) => equal_vector(case, expected, vector),
        (Value::Matrix(_), When::Over(steps)) => equal_matrix(expected, steps, &answer.value),
        (Value::Matrix(_), When::At(_)) => match case.range_vector {
            Some(steps) => equal_matrix(expected, steps, &answer.value),
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
    expected: &[(LabelSet, Vec<Item>)],
    actual: &[(LabelSet, Sample)],
) -> Result<(), String> {
    if case.scalar.is_some() || case.text.is_some() {
        return Err("expected no vector".to_owned());
    }
    for (place, (labels, items)) in expected.iter().enumerate() {
        let found = actual.iter().position(|(candidate, _)| candidate == labels);
        let found = found.ok_or_else(|| format!("{labels} is missing in {actual:?}"))?;
        if case.is_ordered && found != place {
            return Err(format!("{labels} is at {found}, not at {place}"));
        }
        let [Item::Float(value)] = items[..] else {
            return Err(format!("{labels}: not one float expected"));
        };
        equal_value(value, actual[found].1.value).map_err(|why| format!("{labels}: {why}"))?;
    }
    if actual.len() != expected.len() {
        return Err(format!("{} elements instead of {}: {actual:?}", actual.len(), expected.len()));
    }
    Ok(())
}

fn equal_matrix(expected: &[(LabelSet, Vec<Item>)], steps: Steps, value: &Value) -> Result<(), String> {
    let Value::Matrix(actual) = value else { return Err("no matrix".to_owned()) };
    let mut expected_count = 0;
    for (labels, items) in expected {
        let wanted: Vec<(i64, f64)> = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| match item {
                Item::Float(value) => Some((steps.start + steps.step * index as i64, *value)),
                _ => None,
            })
            .filter(|(at, _)| *at <= steps.end)
            .collect();
        if items.contains(&Item::Histogram) {
            return Err(format!("{labels}: histograms are expected"));
        }
        if wanted.is_empty() {
            continue;
        }
        expected_count += 1;
        let series = actual.iter().find(|series| series.labels == *labels);
        let series = series.ok_or_else(|| format!("{labels} is missing in {actual:?}"))?;
        let times: Vec<i64> = series.samples.iter().map(|sample| sample.at.as_millis()).collect();
        if times != wanted.iter().map(|(at, _)| *at).collect::<Vec<_>>() {
            return Err(format!("{labels}: samples at {times:?}, expected {wanted:?}"));
        }
        for (sample, (at, expected)) in series.samples.iter().zip(&wanted) {
            equal_value(*expected, sample.value).map_err(|why| format!("{labels} at {at}: {why}"))?;
        }
    }
    if actual.len() != expected_count {
        return Err(format!("{} series instead of {expected_count}: {actual:?}", actual.len()));
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
