//! The `_over_time` family: aggregations of one series along time.

use std::sync::Arc;

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{self, Element, Evaluator, Row, Window, aggregate_histograms};
use crate::notes::{IGNORED_IN_RANGE, MIXED_FLOATS, Remarks, for_metric};
use crate::parse::expression::Expression;
use crate::plan::{Grid, Point};
use crate::sums;

fn values<'a>(window: Window<'a>) -> impl Iterator<Item = f64> + Clone + use<'a> {
    window.points.iter().map(|point| point.value)
}

pub fn sum(window: Window<'_>, name: &str, remarks: &mut Remarks) -> Option<Element> {
    of_one_kind(window, name, remarks, |window| sums::sum(values(window)), false)
}

pub fn average(window: Window<'_>, name: &str, remarks: &mut Remarks) -> Option<Element> {
    of_one_kind(window, name, remarks, |window| sums::mean(values(window)), true)
}

fn of_one_kind(
    window: Window<'_>,
    name: &str,
    remarks: &mut Remarks,
    compute: fn(Window<'_>) -> f64,
    is_average: bool,
) -> Option<Element> {
    match (window.points.is_empty(), window.histograms.is_empty()) {
        (false, true) => Some(Element::Float(compute(window))),
        (true, false) => {
            let histograms = window.histograms.iter().map(|point| &*point.histogram);
            let total = aggregate_histograms(histograms, is_average, name, remarks)?;
            Some(Element::Histogram(Arc::new(total)))
        }
        _ => {
            remarks.warn(MIXED_FLOATS, for_metric(name));
            None
        }
    }
}

pub fn count(window: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    Some(Element::Float((window.points.len() + window.histograms.len()) as f64))
}

pub fn present(_: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    Some(Element::Float(1.0))
}

pub fn first(window: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    Some(window.first()?.1)
}

pub fn last(window: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    Some(window.last()?.1)
}

pub fn time_of_first(window: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    Some(Element::Float(window.first()?.0 as f64 / 1000.0))
}

pub fn time_of_last(window: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    Some(Element::Float(window.last()?.0 as f64 / 1000.0))
}

pub fn minimum(window: Window<'_>, _: &[f64]) -> Option<f64> {
    Some(sums::minimum(values(window)))
}

pub fn maximum(window: Window<'_>, _: &[f64]) -> Option<f64> {
    Some(sums::maximum(values(window)))
}

pub fn variance(window: Window<'_>, _: &[f64]) -> Option<f64> {
    Some(sums::variance(values(window)))
}

pub fn standard_deviation(window: Window<'_>, _: &[f64]) -> Option<f64> {
    Some(sums::variance(values(window)).sqrt())
}

/// The median of the distances to the median.
pub fn median_absolute_deviation(window: Window<'_>, _: &[f64]) -> Option<f64> {
    let mut values: Vec<f64> = values(window).collect();
    if values.iter().any(|value| value.is_nan()) {
        return Some(f64::NAN);
    }
    let median = eval::quantile(0.5, &mut values);
    values.iter_mut().for_each(|value| *value = (*value - median).abs());
    Some(eval::quantile(0.5, &mut values))
}

pub fn quantile<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let parameter = argument(function, arguments, 0)?;
    let quantiles = evaluator.scalars(parameter, grid)?;
    let ranges = evaluator.range_argument(argument(function, arguments, 1)?, grid)?;
    let mut rows = Vec::with_capacity(ranges.series.len());
    for series in &ranges.series {
        let mut remarks = Remarks::default();
        let points = ranges.slide(series, grid, |step, window| {
            if !window.histograms.is_empty() {
                remarks.inform(IGNORED_IN_RANGE, for_metric(series.labels.metric_name().unwrap_or("")));
            }
            let mut values: Vec<f64> = values(window).collect();
            Some(eval::quantile(quantiles[step], &mut values))
        })?;
        evaluator.remark(remarks, arguments.get(1).and_then(|range| range.at));
        let row = Row::new(series.labels.clone(), true, points);
        if !row.is_empty() {
            rows.push(row);
        }
    }
    if !rows.is_empty() {
        quantiles.iter().for_each(|quantile| evaluator.check_quantile(*quantile, parameter.at));
    }
    Ok(rows)
}

/// Of equal values the later one counts.
pub fn time_of_maximum(window: Window<'_>, _: &[f64]) -> Option<f64> {
    let later = |most: Point, point: Point| {
        if point.value >= most.value || most.value.is_nan() { point } else { most }
    };
    window.points.iter().copied().reduce(later).map(|point| seconds(&point))
}

pub fn time_of_minimum(window: Window<'_>, _: &[f64]) -> Option<f64> {
    let later = |least: Point, point: Point| {
        if point.value <= least.value || least.value.is_nan() { point } else { least }
    };
    window.points.iter().copied().reduce(later).map(|point| seconds(&point))
}

fn seconds(point: &Point) -> f64 {
    point.at as f64 / 1000.0
}
