//! `rate`, `increase` and `delta`: the change over a range, extrapolated to its borders.

use std::sync::Arc;

use model::{CounterReset, Histogram};

use crate::eval::{Element, Window};
use crate::histogram::{Total, is_reset, scaled};
use crate::notes::{
    MIXED_FLOATS, MIXED_SCHEMAS, NOT_A_COUNTER, NOT_A_GAUGE, RECONCILED_ADDITION, RECONCILED_SUBTRACTION,
    Remarks, about, for_metric,
};
use crate::plan::HistogramPoint;

pub fn rate(window: Window<'_>, name: &str, remarks: &mut Remarks) -> Option<Element> {
    let range_secs = (window.end - window.start) as f64 / 1000.0;
    extrapolated(window, Meaning::Counter, range_secs, name, remarks)
}

pub fn increase(window: Window<'_>, name: &str, remarks: &mut Remarks) -> Option<Element> {
    extrapolated(window, Meaning::Counter, 1.0, name, remarks)
}

pub fn delta(window: Window<'_>, name: &str, remarks: &mut Remarks) -> Option<Element> {
    extrapolated(window, Meaning::Gauge, 1.0, name, remarks)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Only falls when it begins again at zero, and was never below it.
    Counter,
    Gauge,
}

fn extrapolated(
    window: Window<'_>,
    meaning: Meaning,
    divisor: f64,
    name: &str,
    remarks: &mut Remarks,
) -> Option<Element> {
    if !window.points.is_empty() && !window.histograms.is_empty() {
        remarks.warn(MIXED_FLOATS, for_metric(name));
        return None;
    }
    if let [first, .., last] = window.histograms {
        let change = histogram_change(window.histograms, meaning, name, remarks)?;
        let times = (first.at, last.at, window.histograms.len());
        let factor = stretch(window, times, meaning, (first.histogram.count, change.count));
        return Some(Element::Histogram(Arc::new(scaled(&change, factor / divisor))));
    }
    let [first, .., last] = window.points else { return None };
    if meaning == Meaning::Counter && !window.series.is_named_as_counter {
        remarks.inform(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket",
            about(name),
        );
    }
    let mut change = last.value - first.value;
    if meaning == Meaning::Counter && window.series.falls {
        let falls = window.points.windows(2).filter(|pair| pair[1].value < pair[0].value);
        change = falls.fold(change, |change, pair| change + pair[0].value);
    }
    let times = (first.at, last.at, window.points.len());
    Some(Element::Float(change * stretch(window, times, meaning, (first.value, change)) / divisor))
}

/// Samples rarely lie on the borders of the range. The change between the first and last
/// sample is stretched to a border that is about as near as the next sample would be, and
/// by half a sample's distance towards one that is farther away.
fn stretch(
    window: Window<'_>,
    (first_at, last_at, count): (i64, i64, usize),
    meaning: Meaning,
    (first, change): (f64, f64),
) -> f64 {
    let secs = |from: i64, to: i64| (to - from) as f64 / 1000.0;
    let sampled = secs(first_at, last_at);
    let distance = sampled / (count - 1) as f64;
    let near = distance * 1.1;
    let mut to_start = secs(window.start, first_at);
    if to_start >= near {
        to_start = distance / 2.0;
    }
    if meaning == Meaning::Counter && change > 0.0 && first >= 0.0 {
        // Before that time the counter would have been negative.
        to_start = to_start.min(sampled * (first / change));
    }
    let mut to_end = secs(last_at, window.end);
    if to_end >= near {
        to_end = distance / 2.0;
    }
    (sampled + to_start + to_end) / sampled
}

/// The difference between the last and the first, with what was lost at resets.
fn histogram_change(
    points: &[HistogramPoint],
    meaning: Meaning,
    name: &str,
    remarks: &mut Remarks,
) -> Option<Histogram> {
    let (first, last) = (&points.first()?.histogram, &points.last()?.histogram);
    let is_gauge = |histogram: &Histogram| histogram.reset == CounterReset::Gauge;
    if meaning == Meaning::Counter && points.iter().any(|point| is_gauge(&point.histogram)) {
        remarks.warn(NOT_A_COUNTER, about(name));
    }
    if meaning == Meaning::Gauge && !(is_gauge(first) && is_gauge(last)) {
        remarks.warn(NOT_A_GAUGE, about(name));
    }
    // What was before a reset right at the start plays no part, not even by its layout.
    let second = &points.get(1)?.histogram;
    let starts_anew = meaning == Meaning::Counter && is_reset(first, second);
    let compared = if starts_anew { &points[1..] } else { points };
    let uses_custom = compared.first()?.histogram.has_custom_buckets();
    let is_mixed = match meaning {
        Meaning::Counter => compared.iter().any(|point| point.histogram.has_custom_buckets() != uses_custom),
        Meaning::Gauge => last.has_custom_buckets() != uses_custom,
    };
    if is_mixed {
        remarks.warn(MIXED_SCHEMAS, for_metric(name));
        return None;
    }
    let mut change = Total::of(last);
    if !starts_anew && change.add(first, -1.0).ok()? {
        remarks.inform(RECONCILED_SUBTRACTION, str::to_owned);
    }
    if meaning == Meaning::Counter {
        for pair in compared.windows(2).filter(|pair| is_reset(&pair[0].histogram, &pair[1].histogram)) {
            if change.add(&pair[0].histogram, 1.0).ok()? {
                remarks.inform(RECONCILED_ADDITION, str::to_owned);
            }
        }
    }
    let mut change = change.finish();
    change.reset = CounterReset::Gauge;
    Some(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::SeriesFacts;
    use crate::plan::Point;

    fn check(points: &[(i64, f64)], meaning: Meaning, expected: Option<f64>) {
        let points: Vec<Point> = points.iter().map(|(at, value)| Point { at: *at, value: *value }).collect();
        let falls = points.windows(2).any(|pair| pair[1].value < pair[0].value);
        let series = SeriesFacts { falls, is_named_as_counter: true };
        let window = Window { points: &points, histograms: &[], start: 0, end: 60_000, step: 60_000, series };
        let actual = extrapolated(window, meaning, 1.0, "a_total", &mut Remarks::default());
        assert_eq!(actual, expected.map(Element::Float));
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
