//! Times as numbers: `time`, `timestamp`, and the bounds of the query.

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::parse::expression::{Expression, Kind};
use crate::plan::Grid;

pub fn time<'a>(_: &mut Evaluator<'a>, _: &'a [Expression], grid: Grid) -> Result<Vec<f64>, EvalError> {
    Ok(grid.times().map(seconds).collect())
}

/// Of a selector the times of its samples; of anything else the time of evaluation.
pub fn timestamp<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let argument = argument(function, arguments, 0)?;
    let mut rows = match &argument.kind {
        Kind::Instant { selector, shift } => evaluator.latest_times(*selector, shift, grid)?,
        _ => {
            let mut rows = evaluator.rows(argument, grid)?;
            for row in &mut rows {
                for (step, time) in grid.times().enumerate() {
                    row.points[step] = row.has(step).then(|| seconds(time));
                }
                row.histograms.clear();
            }
            rows
        }
    };
    rows.iter_mut().for_each(|row| row.drop_name = true);
    Ok(rows)
}

pub fn start<'a>(
    evaluator: &mut Evaluator<'a>,
    _: &'a [Expression],
    grid: Grid,
) -> Result<Vec<f64>, EvalError> {
    Ok(vec![seconds(evaluator.bounds.start); grid.count])
}

pub fn end<'a>(
    evaluator: &mut Evaluator<'a>,
    _: &'a [Expression],
    grid: Grid,
) -> Result<Vec<f64>, EvalError> {
    Ok(vec![seconds(evaluator.bounds.end); grid.count])
}

pub fn range<'a>(
    evaluator: &mut Evaluator<'a>,
    _: &'a [Expression],
    grid: Grid,
) -> Result<Vec<f64>, EvalError> {
    Ok(vec![seconds(evaluator.bounds.end - evaluator.bounds.start); grid.count])
}

/// Zero for an instant query, which has no step.
pub fn step<'a>(
    evaluator: &mut Evaluator<'a>,
    _: &'a [Expression],
    grid: Grid,
) -> Result<Vec<f64>, EvalError> {
    let whole = evaluator.evaluation.grid;
    let step = if whole.count > 1 { seconds(whole.step) } else { 0.0 };
    Ok(vec![step; grid.count])
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
