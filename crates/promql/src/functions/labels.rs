//! `label_replace` and `label_join`.

use model::{LabelSet, METRIC_NAME};
use regex::{Regex, RegexBuilder};

use super::{Function, argument, missing};
use crate::EvalError;
use crate::eval::{Evaluator, Row, merge_same_labels, valid_label_name};
use crate::parse::expression::Expression;
use crate::plan::Grid;

/// A compiled expression larger than this is refused: it came from outside.
const REGEX_BYTES_MAX: usize = 1 << 20;

pub fn replace<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let text = |index| argument(function, arguments, index).and_then(|argument| evaluator.text(argument));
    let (destination, replacement, source, pattern) = (text(1)?, text(2)?, text(3)?, text(4)?);
    let regex = anchored(pattern)?;
    check_destination(destination, function)?;
    let mut rows = evaluator.rows(argument(function, arguments, 0)?, grid)?;
    for row in &mut rows {
        let value = row.labels.value(source).to_owned();
        if let Some(captures) = regex.captures(&value) {
            let mut replaced = String::new();
            captures.expand(replacement, &mut replaced);
            relabel(row, destination, &replaced);
        }
    }
    without_twins(rows)
}

pub fn join<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let [vector, texts @ ..] = arguments else { return Err(missing(function)) };
    let texts = texts.iter().map(|text| evaluator.text(text)).collect::<Result<Vec<_>, _>>()?;
    let [destination, separator, sources @ ..] = &texts[..] else { return Err(missing(function)) };
    check_destination(destination, function)?;
    if let Some(source) = sources.iter().find(|source| !valid_label_name(source)) {
        return Err(EvalError::execution(format!("invalid source label name in label_join(): {source}")));
    }
    let mut rows = evaluator.rows(vector, grid)?;
    for row in &mut rows {
        let values: Vec<&str> = sources.iter().map(|source| row.labels.value(source)).collect();
        let joined = values.join(separator);
        relabel(row, destination, &joined);
    }
    without_twins(rows)
}

/// A name that is set here is meant, so it is no longer dropped.
fn relabel(row: &mut Row, name: &str, value: &str) {
    row.labels = row.labels.with(name, value);
    if name == METRIC_NAME {
        row.drop_name = false;
    }
}

fn check_destination(name: &str, function: &Function) -> Result<(), EvalError> {
    if valid_label_name(name) {
        return Ok(());
    }
    Err(EvalError::execution(format!("invalid destination label name in {}(): {name}", function.name)))
}

fn anchored(pattern: &str) -> Result<Regex, EvalError> {
    RegexBuilder::new(&format!("^(?s:{pattern})$")).size_limit(REGEX_BYTES_MAX).build().map_err(|_| {
        EvalError::execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })
}

/// Series that relabelling made equal are an error at once, except where only a name that
/// is about to be dropped tells them apart.
fn without_twins(rows: Vec<Row>) -> Result<Vec<Row>, EvalError> {
    let named = |row: &Row| -> LabelSet { row.labels.clone() };
    let mut seen = std::collections::HashSet::with_capacity(rows.len());
    if rows.iter().all(|row| seen.insert(named(row))) { Ok(rows) } else { merge_same_labels(rows) }
}
