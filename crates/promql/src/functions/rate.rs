//! `rate`, `increase` and `delta`: the change over a range, extrapolated to its borders.

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row, Window};
use crate::parse::expression::Expression;
use crate::plan::Grid;

pub fn rate<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    of_counters(evaluator, function, arguments, grid, |window| {
        let range_secs = (window.end - window.start) as f64 / 1000.0;
        extrapolated(window, Meaning::Counter).map(|increase| increase / range_secs)
    })
}

pub fn increase<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    of_counters(evaluator, function, arguments, grid, |window| extrapolated(window, Meaning::Counter))
}

pub fn delta(window: Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(window, Meaning::Gauge)
}

fn of_counters<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
    compute: fn(Window<'_>) -> Option<f64>,
) -> Result<Vec<Row>, EvalError> {
    let argument = argument(function, arguments, 0)?;
    let ranges = evaluator.range_argument(argument, grid)?;
    evaluator.evaluation.watch.check_size(ranges.series.len(), grid.count)?;
    let mut rows = Vec::with_capacity(ranges.series.len());
    for series in &ranges.series {
        let points = ranges.slide(series, grid, |_, window| compute(window))?;
        let row = Row::new(series.labels.clone(), true, points);
        if !row.is_empty() {
            doubt_counter(evaluator, row.labels.metric_name().unwrap_or(""), argument);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// By convention a counter can be told by its name.
fn doubt_counter(evaluator: &mut Evaluator<'_>, name: &str, argument: &Expression) {
    let is_named_as_counter = name.is_empty()
        || ["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix));
    if !is_named_as_counter {
        evaluator.inform(
            format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ),
            argument.at,
        );
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Only falls when it begins again at zero, and was never below it.
    Counter,
    Gauge,
}

/// Samples rarely lie on the borders of the range. The change between the first and last
/// sample is stretched to a border that is about as near as the next sample would be, and
/// by half a sample's distance towards one that is farther away.
fn extrapolated(window: Window<'_>, meaning: Meaning) -> Option<f64> {
    let [first, .., last] = window.points else { return None };
    let mut change = last.value - first.value;
    if meaning == Meaning::Counter {
        let falls = window.points.windows(2).filter(|pair| pair[1].value < pair[0].value);
        change = falls.fold(change, |change, pair| change + pair[0].value);
    }
    let secs = |from: i64, to: i64| (to - from) as f64 / 1000.0;
    let sampled = secs(first.at, last.at);
    let distance = sampled / (window.points.len() - 1) as f64;
    let near = distance * 1.1;
    let mut to_start = secs(window.start, first.at);
    if to_start >= near {
        to_start = distance / 2.0;
    }
    if meaning == Meaning::Counter && change > 0.0 && first.value >= 0.0 {
        // Before that time the counter would have been negative.
        to_start = to_start.min(sampled * (first.value / change));
    }
    let mut to_end = secs(last.at, window.end);
    if to_end >= near {
        to_end = distance / 2.0;
    }
    Some(change * ((sampled + to_start + to_end) / sampled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Point;

    fn check(points: &[(i64, f64)], meaning: Meaning, expected: Option<f64>) {
        let points: Vec<Point> = points.iter().map(|(at, value)| Point { at: *at, value: *value }).collect();
        let window = Window { points: &points, start: 0, end: 60_000, step: 60_000 };
        assert_eq!(extrapolated(window, meaning), expected);
    }

    #[test]
    fn one_sample_says_nothing_about_change() {
        check(&[(30_000, 5.0)], Meaning::Gauge, None);
    }

    #[test]
    fn near_borders_are_reached_and_far_ones_by_half_a_distance() {
        check(&[(10_000, 100.0), (30_000, 120.0), (50_000, 140.0)], Meaning::Gauge, Some(60.0));
        check(&[(30_000, 100.0), (40_000, 110.0)], Meaning::Gauge, Some(20.0));
    }

    #[test]
    fn a_counter_that_fell_began_again_at_zero() {
        check(&[(0, 0.0), (30_000, 20.0), (60_000, 5.0)], Meaning::Counter, Some(25.0));
    }

    #[test]
    fn a_counter_is_not_extrapolated_below_zero() {
        check(&[(20_000, 0.0), (40_000, 10.0), (60_000, 20.0)], Meaning::Counter, Some(20.0));
    }
}
