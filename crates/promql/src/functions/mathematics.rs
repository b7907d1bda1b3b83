//! What the standard library does not offer in PromQL's sense: `sgn`, `round`, `pi`.

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::parse::expression::Expression;
use crate::plan::Grid;

/// Zero for zero, unlike `f64::signum`.
pub fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

pub fn pi<'a>(_: &mut Evaluator<'a>, _: &'a [Expression], grid: Grid) -> Result<Vec<f64>, EvalError> {
    Ok(vec![std::f64::consts::PI; grid.count])
}

/// To the nearest multiple; halves go up. Computed with the inverse, so that rounding to
/// 0.1 yields the number that reads as 0.1.
pub fn round<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let multiples = match arguments.get(1) {
        Some(multiple) => evaluator.scalars(multiple, grid)?,
        None => vec![1.0; grid.count],
    };
    let mut rows = evaluator.float_rows(argument(function, arguments, 0)?, grid)?;
    for row in &mut rows {
        row.drop_name = true;
        for (point, multiple) in row.points.iter_mut().zip(&multiples) {
            let inverse = 1.0 / multiple;
            *point = point.map(|value| (value * inverse + 0.5).floor() / inverse);
        }
    }
    Ok(rows)
}
