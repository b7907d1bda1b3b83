//! `clamp`, `clamp_min`, `clamp_max`.

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::parse::expression::Expression;
use crate::plan::Grid;

pub fn clamp<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let lower = evaluator.scalars(argument(function, arguments, 1)?, grid)?;
    let upper = evaluator.scalars(argument(function, arguments, 2)?, grid)?;
    clamped(evaluator, argument(function, arguments, 0)?, grid, |step, value| {
        // Nothing lies between bounds that have changed places.
        (upper[step] >= lower[step] || upper[step].is_nan() || lower[step].is_nan())
            .then(|| larger(lower[step], smaller(upper[step], value)))
    })
}

pub fn clamp_max<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let upper = evaluator.scalars(argument(function, arguments, 1)?, grid)?;
    clamped(evaluator, argument(function, arguments, 0)?, grid, |step, value| {
        Some(smaller(upper[step], value))
    })
}

pub fn clamp_min<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let lower = evaluator.scalars(argument(function, arguments, 1)?, grid)?;
    clamped(evaluator, argument(function, arguments, 0)?, grid, |step, value| {
        Some(larger(lower[step], value))
    })
}

fn clamped<'a>(
    evaluator: &mut Evaluator<'a>,
    vector: &'a Expression,
    grid: Grid,
    clamp: impl Fn(usize, f64) -> Option<f64>,
) -> Result<Vec<Row>, EvalError> {
    let mut rows = evaluator.float_rows(vector, grid)?;
    for row in &mut rows {
        row.drop_name = true;
        for (step, point) in row.points.iter_mut().enumerate() {
            *point = point.and_then(|value| clamp(step, value));
        }
    }
    rows.retain(|row| !row.is_empty());
    Ok(rows)
}

/// Unlike `f64::max`, not a number when either is not.
pub fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

pub fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}
