//! Between scalars and vectors: `scalar`, `vector`, and choices between scalars.

use model::LabelSet;

use super::clamp::{larger, smaller};
use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::parse::expression::Expression;
use crate::plan::Grid;

/// The value of the only element, where there is exactly one.
pub fn scalar<'a>(
    evaluator: &mut Evaluator<'a>,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<f64>, EvalError> {
    let rows = match arguments.first() {
        Some(argument) => evaluator.rows(argument, grid)?,
        None => Vec::new(),
    };
    let only = |step: usize| {
        let mut present = rows.iter().filter_map(|row| row.points[step]);
        match (present.next(), present.next()) {
            (Some(value), None) => value,
            _ => f64::NAN,
        }
    };
    Ok((0..grid.count).map(only).collect())
}

pub fn vector<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let values = evaluator.scalars(argument(function, arguments, 0)?, grid)?;
    Ok(vec![Row::new(LabelSet::empty(), false, values.into_iter().map(Some).collect())])
}

pub fn larger_of<'a>(
    evaluator: &mut Evaluator<'a>,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<f64>, EvalError> {
    of_two(evaluator, arguments, grid, larger)
}

pub fn smaller_of<'a>(
    evaluator: &mut Evaluator<'a>,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<f64>, EvalError> {
    of_two(evaluator, arguments, grid, smaller)
}

fn of_two<'a>(
    evaluator: &mut Evaluator<'a>,
    arguments: &'a [Expression],
    grid: Grid,
    choose: fn(f64, f64) -> f64,
) -> Result<Vec<f64>, EvalError> {
    let mut chosen: Option<Vec<f64>> = None;
    for argument in arguments {
        let values = evaluator.scalars(argument, grid)?;
        chosen = Some(match chosen {
            None => values,
            Some(before) => before.into_iter().zip(values).map(|(a, b)| choose(a, b)).collect(),
        });
    }
    Ok(chosen.unwrap_or_else(|| vec![f64::NAN; grid.count]))
}

/// Stands in the table where a function has no vector form.
pub fn of_a_scalar<'a>(
    _: &mut Evaluator<'a>,
    function: &'a Function,
    _: &'a [Expression],
    _: Grid,
) -> Result<Vec<Row>, EvalError> {
    Err(EvalError::Invalid(format!("{} returns a scalar where a vector is needed", function.name)))
}
