//! `label_replace` and `label_join`.

use std::collections::HashSet;

use model::METRIC_NAME;
use regex::{Regex, RegexBuilder};

use super::{Function, argument, missing};
use crate::EvalError;
use crate::eval::{Evaluator, Row, merge_same_labels};
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
    let (replacement, source, pattern) = (text(2)?, text(3)?, text(4)?);
    let destination = evaluator.label_name(argument(function, arguments, 1)?)?;
    let regex = anchored(pattern)?;
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
    let [vector, destination, separator, sources @ ..] = arguments else { return Err(missing(function)) };
    let (destination, separator) = (evaluator.label_name(destination)?, evaluator.text(separator)?);
    let sources: Vec<&str> =
        sources.iter().map(|source| evaluator.label_name(source)).collect::<Result<_, _>>()?;
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

fn anchored(pattern: &str) -> Result<Regex, EvalError> {
    RegexBuilder::new(&format!("^(?s:{pattern})$")).size_limit(REGEX_BYTES_MAX).build().map_err(|_| {
        EvalError::execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })
}

/// Series that relabelling made equal are an error at once, unless they never meet at a step.
fn without_twins(rows: Vec<Row>) -> Result<Vec<Row>, EvalError> {
    let mut seen = HashSet::with_capacity(rows.len());
    if rows.iter().all(|row| seen.insert(&row.labels)) { Ok(rows) } else { merge_same_labels(rows) }
}
