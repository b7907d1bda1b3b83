//! `double_exponential_smoothing`: level and trend, each a running weighted mean.

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::notes::{IGNORED_IN_RANGE, Remarks, for_metric};
use crate::parse::expression::Expression;
use crate::plan::{Grid, Point};

pub fn double_exponential<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let level_factors = evaluator.scalars(argument(function, arguments, 1)?, grid)?;
    let trend_factors = evaluator.scalars(argument(function, arguments, 2)?, grid)?;
    check_factors("smoothing", "sf", &level_factors)?;
    check_factors("trend", "tf", &trend_factors)?;
    let ranges = evaluator.range_argument(argument(function, arguments, 0)?, grid)?;
    let mut rows = Vec::with_capacity(ranges.series.len());
    for series in &ranges.series {
        let mut remarks = Remarks::default();
        let points = ranges.slide(series, grid, |step, window| {
            if !window.histograms.is_empty() {
                remarks.inform(IGNORED_IN_RANGE, for_metric(series.labels.metric_name().unwrap_or("")));
            }
            smoothed(window.points, level_factors[step], trend_factors[step])
        })?;
        evaluator.remark(remarks, arguments.first().and_then(|range| range.at));
        let row = Row::new(series.labels.clone(), true, points);
        if !row.is_empty() {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn check_factors(name: &str, short: &str, factors: &[f64]) -> Result<(), EvalError> {
    match factors.iter().find(|factor| !(**factor > 0.0 && **factor < 1.0)) {
        None => Ok(()),
        Some(factor) => Err(EvalError::execution(format!(
            "invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}"
        ))),
    }
}

fn smoothed(points: &[Point], level_factor: f64, trend_factor: f64) -> Option<f64> {
    let [first, second, ..] = points else { return None };
    let (mut before, mut level) = (0.0, first.value);
    let mut trend = second.value - first.value;
    for (index, point) in points.iter().enumerate().skip(1) {
        if index > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let next = level_factor * point.value + (1.0 - level_factor) * (level + trend);
        (before, level) = (level, next);
    }
    Some(level)
}
