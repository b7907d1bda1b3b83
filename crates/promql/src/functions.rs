//! The functions of PromQL: one table, and one file per function or tight family.
//!
//! A new function is a line in [`TABLE`] and a body. Bodies come in five forms: of one
//! value ([`element`]), of the floats of a range ([`window`]), of its floats and histograms
//! ([`samples`]), of a scalar per step
//! ([`scalar`]), and of the whole vector ([`vector`]), which all the others are built on.

mod absent;
mod calendar;
mod changes;
mod clamp;
mod classic_histogram;
mod conversion;
mod histogram;
mod instant_rate;
mod labels;
mod mathematics;
mod native;
mod over_time;
mod rate;
mod regression;
mod smoothing;
mod sorting;
mod timestamps;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::EvalError;
use crate::eval::{Element, Evaluator, Row, Window};
use crate::notes::{IGNORED_IN_RANGE, Remarks, for_metric};
use crate::parse::expression::{Expression, ValueType};
use crate::plan::Grid;

pub type Evaluate =
    for<'a> fn(&mut Evaluator<'a>, &'a Function, &'a [Expression], Grid) -> Result<Vec<Row>, EvalError>;
pub type EvaluateScalar =
    for<'a> fn(&mut Evaluator<'a>, &'a [Expression], Grid) -> Result<Vec<f64>, EvalError>;

pub struct Function {
    pub name: &'static str,
    pub returns: ValueType,
    pub evaluate: Evaluate,
    /// Present exactly when it returns a scalar.
    pub scalar: Option<EvaluateScalar>,
    body: Body,
}

enum Body {
    Element(fn(f64) -> f64),
    Window {
        compute: fn(Window<'_>, &[f64]) -> Option<f64>,
    },
    Samples {
        compute: fn(Window<'_>, &str, &mut Remarks) -> Option<Element>,
        keeps_name: bool,
    },
    Whole,
    /// Changes nothing but the order.
    Order,
}

impl Function {
    pub fn only_orders(&self) -> bool {
        matches!(self.body, Body::Order)
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

pub fn find(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
        LazyLock::new(|| TABLE.iter().map(|function| (function.name, function)).collect());
    BY_NAME.get(name).copied()
}

/// Computed from each value alone.
const fn element(name: &'static str, compute: fn(f64) -> f64) -> Function {
    Function {
        name,
        returns: ValueType::Vector,
        evaluate: evaluate_elements,
        scalar: None,
        body: Body::Element(compute),
    }
}

/// Computed from the samples of a range, and from the scalars among the arguments.
const fn window(name: &'static str, compute: fn(Window<'_>, &[f64]) -> Option<f64>) -> Function {
    Function {
        name,
        returns: ValueType::Vector,
        evaluate: evaluate_windows,
        scalar: None,
        body: Body::Window { compute },
    }
}

/// As [`window`], computed from histograms as well. Gets the metric's name for remarks.
const fn samples(
    name: &'static str,
    compute: fn(Window<'_>, &str, &mut Remarks) -> Option<Element>,
) -> Function {
    Function {
        name,
        returns: ValueType::Vector,
        evaluate: evaluate_samples,
        scalar: None,
        body: Body::Samples { compute, keeps_name: false },
    }
}

/// As [`samples`], where the result is a sample of the series itself.
const fn one_of_samples(
    name: &'static str,
    compute: fn(Window<'_>, &str, &mut Remarks) -> Option<Element>,
) -> Function {
    let mut function = samples(name, compute);
    function.body = Body::Samples { compute, keeps_name: true };
    function
}

const fn vector(name: &'static str, evaluate: Evaluate) -> Function {
    Function { name, returns: ValueType::Vector, evaluate, scalar: None, body: Body::Whole }
}

const fn order(name: &'static str, evaluate: Evaluate) -> Function {
    Function { name, returns: ValueType::Vector, evaluate, scalar: None, body: Body::Order }
}

const fn scalar(name: &'static str, compute: EvaluateScalar) -> Function {
    Function {
        name,
        returns: ValueType::Scalar,
        evaluate: conversion::of_a_scalar,
        scalar: Some(compute),
        body: Body::Whole,
    }
}

fn evaluate_elements<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let mut rows = evaluator.float_rows(argument(function, arguments, 0)?, grid)?;
    if let Body::Element(compute) = function.body {
        for row in &mut rows {
            row.drop_name = true;
            row.points.iter_mut().flatten().for_each(|value| *value = compute(*value));
        }
    }
    Ok(rows)
}

fn evaluate_windows<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let Body::Window { compute } = function.body else { return Ok(Vec::new()) };
    let mut scalars = Vec::new();
    let (mut ranges, mut at) = (None, None);
    for argument in arguments {
        match argument.value_type() {
            ValueType::Matrix => {
                ranges = Some(evaluator.range_argument(argument, grid)?);
                at = argument.at;
            }
            _ => scalars.push(evaluator.scalars(argument, grid)?),
        }
    }
    let ranges = ranges.ok_or_else(|| missing(function))?;
    evaluator.evaluation.watch.check_size(ranges.series.len(), grid.count)?;
    let mut rows = Vec::with_capacity(ranges.series.len());
    let mut now = vec![0.0; scalars.len()];
    for series in &ranges.series {
        let mut remarks = Remarks::default();
        let points = ranges.slide(series, grid, |step, window| {
            if !window.histograms.is_empty() {
                remarks.inform(IGNORED_IN_RANGE, for_metric(series.labels.metric_name().unwrap_or("")));
            }
            now.iter_mut().zip(&scalars).for_each(|(now, all)| *now = all[step]);
            compute(window, &now)
        })?;
        evaluator.remark(remarks, at);
        let row = Row::new(series.labels.clone(), true, points);
        if !row.is_empty() {
            rows.push(row);
        }
    }
    Ok(rows)
}

fn evaluate_samples<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let Body::Samples { compute, keeps_name } = function.body else { return Ok(Vec::new()) };
    let argument = argument(function, arguments, 0)?;
    let ranges = evaluator.range_argument(argument, grid)?;
    evaluator.evaluation.watch.check_size(ranges.series.len(), grid.count)?;
    let mut rows = Vec::with_capacity(ranges.series.len());
    for series in &ranges.series {
        let mut remarks = Remarks::default();
        let name = series.labels.metric_name().unwrap_or("");
        let drop_name = series.drop_name || !keeps_name;
        let mut row = Row::new(series.labels.clone(), drop_name, vec![None; grid.count]);
        ranges.windows(series, grid, |step, window| match compute(window, name, &mut remarks) {
            Some(Element::Float(value)) => row.points[step] = Some(value),
            other => row.set(step, other),
        })?;
        evaluator.remark(remarks, argument.at);
        if !row.is_empty() {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The grammar counts arguments, so one is only missing when it is optional.
fn argument<'a>(
    function: &Function,
    arguments: &'a [Expression],
    index: usize,
) -> Result<&'a Expression, EvalError> {
    arguments.get(index).ok_or_else(|| missing(function))
}

fn missing(function: &Function) -> EvalError {
    EvalError::Invalid(format!("an argument is missing in call to '{}'", function.name))
}

static TABLE: &[Function] = &[
    element("abs", f64::abs),
    vector("absent", absent::absent),
    vector("absent_over_time", absent::absent_over_time),
    element("acos", f64::acos),
    element("acosh", f64::acosh),
    element("asin", f64::asin),
    element("asinh", f64::asinh),
    element("atan", f64::atan),
    element("atanh", f64::atanh),
    samples("avg_over_time", over_time::average),
    element("ceil", f64::ceil),
    samples("changes", changes::changes),
    vector("clamp", clamp::clamp),
    vector("clamp_max", clamp::clamp_max),
    vector("clamp_min", clamp::clamp_min),
    element("cos", f64::cos),
    element("cosh", f64::cosh),
    samples("count_over_time", over_time::count),
    vector("day_of_month", calendar::day_of_month),
    vector("day_of_week", calendar::day_of_week),
    vector("day_of_year", calendar::day_of_year),
    vector("days_in_month", calendar::days_in_month),
    element("deg", f64::to_degrees),
    samples("delta", rate::delta),
    window("deriv", regression::derivative),
    vector("double_exponential_smoothing", smoothing::double_exponential),
    scalar("end", timestamps::end),
    element("exp", f64::exp),
    one_of_samples("first_over_time", over_time::first),
    element("floor", f64::floor),
    vector("histogram_avg", native::average),
    vector("histogram_count", native::count),
    vector("histogram_fraction", histogram::fraction),
    vector("histogram_quantile", histogram::quantile),
    vector("histogram_quantiles", histogram::quantiles),
    vector("histogram_stddev", native::standard_deviation),
    vector("histogram_stdvar", native::standard_variance),
    vector("histogram_sum", native::sum),
    vector("hour", calendar::hour),
    samples("idelta", instant_rate::delta),
    samples("increase", rate::increase),
    samples("irate", instant_rate::rate),
    vector("label_join", labels::join),
    vector("label_replace", labels::replace),
    one_of_samples("last_over_time", over_time::last),
    element("ln", f64::ln),
    element("log10", f64::log10),
    element("log2", f64::log2),
    window("mad_over_time", over_time::median_absolute_deviation),
    scalar("max_of", conversion::larger_of),
    window("max_over_time", over_time::maximum),
    scalar("min_of", conversion::smaller_of),
    window("min_over_time", over_time::minimum),
    vector("minute", calendar::minute),
    vector("month", calendar::month),
    scalar("pi", mathematics::pi),
    window("predict_linear", regression::predict),
    samples("present_over_time", over_time::present),
    vector("quantile_over_time", over_time::quantile),
    element("rad", f64::to_radians),
    scalar("range", timestamps::range),
    samples("rate", rate::rate),
    samples("resets", changes::resets),
    vector("round", mathematics::round),
    scalar("scalar", conversion::scalar),
    element("sgn", mathematics::sign),
    element("sin", f64::sin),
    element("sinh", f64::sinh),
    order("sort", sorting::ascending),
    order("sort_by_label", sorting::by_label),
    order("sort_by_label_desc", sorting::by_label_descending),
    order("sort_desc", sorting::descending),
    element("sqrt", f64::sqrt),
    scalar("start", timestamps::start),
    window("stddev_over_time", over_time::standard_deviation),
    window("stdvar_over_time", over_time::variance),
    scalar("step", timestamps::step),
    samples("sum_over_time", over_time::sum),
    element("tan", f64::tan),
    element("tanh", f64::tanh),
    scalar("time", timestamps::time),
    vector("timestamp", timestamps::timestamp),
    samples("ts_of_first_over_time", over_time::time_of_first),
    samples("ts_of_last_over_time", over_time::time_of_last),
    window("ts_of_max_over_time", over_time::time_of_maximum),
    window("ts_of_min_over_time", over_time::time_of_minimum),
    vector("vector", conversion::vector),
    vector("year", calendar::year),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_each_function_once() {
        assert!(TABLE.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn a_function_that_returns_a_scalar_has_a_scalar_body() {
        for function in TABLE {
            assert_eq!(function.returns == ValueType::Scalar, function.scalar.is_some(), "{}", function.name);
        }
    }
}
