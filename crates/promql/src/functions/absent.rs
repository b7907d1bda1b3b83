//! `absent` and `absent_over_time`: a 1 where there is nothing.

use std::collections::BTreeMap;

use model::{LabelSet, METRIC_NAME, MatchOp};

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::parse::expression::{Expression, Kind, RangeSource};
use crate::plan::Grid;

pub fn absent<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let argument = argument(function, arguments, 0)?;
    let rows = evaluator.rows(argument, grid)?;
    let is_there = |step: usize| rows.iter().any(|row| row.has(step));
    Ok(ones_where(grid, labels_of(evaluator, argument), |step| !is_there(step)))
}

pub fn absent_over_time<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let argument = argument(function, arguments, 0)?;
    let ranges = evaluator.range_argument(argument, grid)?;
    let mut is_there = vec![false; grid.count];
    for series in &ranges.series {
        ranges.windows(series, grid, |step, _| is_there[step] = true)?;
    }
    Ok(ones_where(grid, labels_of(evaluator, argument), |step| !is_there[step]))
}

fn ones_where(grid: Grid, labels: LabelSet, is_absent: impl Fn(usize) -> bool) -> Vec<Row> {
    let points: Vec<Option<f64>> = (0..grid.count).map(|step| is_absent(step).then_some(1.0)).collect();
    let row = Row::new(labels, false, points);
    if row.is_empty() { Vec::new() } else { vec![row] }
}

/// What is certain about the labels of the missing series: those that the selector
/// demands to be equal to one value, and to nothing else.
fn labels_of(evaluator: &Evaluator<'_>, argument: &Expression) -> LabelSet {
    let selector = match &argument.kind {
        Kind::Instant { selector, .. } => *selector,
        Kind::Range(range) => match &range.source {
            RangeSource::Selector(selector) => *selector,
            RangeSource::Subquery { .. } => return LabelSet::empty(),
        },
        _ => return LabelSet::empty(),
    };
    let mut certain: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for matcher in &evaluator.evaluation.query.selectors()[selector].matchers {
        let value = (matcher.op() == MatchOp::Equal).then_some(matcher.value());
        certain.entry(matcher.name()).and_modify(|known| *known = None).or_insert(value);
    }
    LabelSet::new(
        certain
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .filter(|(name, _)| *name != METRIC_NAME),
    )
}
