//! Selectors: the latest sample of each step, and the ranges that functions look at.

use std::borrow::Cow;

use std::sync::Arc;

use model::{CounterReset, Histogram, LabelSet, is_stale};

use super::{Element, Evaluator, Row, Watch};
use crate::EvalError;
use crate::parse::expression::{Expression, Kind, RangeExpression, RangeSource, Shift};
use crate::plan::{Bounds, FetchedSeries, Grid, HistogramPoint, Point, subquery_grid};

/// Whole series from which windows are cut.
#[derive(Debug)]
pub struct RangeInput<'a> {
    pub series: Vec<RangeSeries<'a>>,
    pub range_ms: i64,
    shift: Shift,
    bounds: Bounds,
    watch: &'a Watch,
}

#[derive(Debug)]
pub struct RangeSeries<'a> {
    pub labels: LabelSet,
    pub drop_name: bool,
    /// In order of time. Borrowed from what was fetched, or made by a subquery.
    pub points: Cow<'a, [Point]>,
    /// See [`SeriesFacts::falls`].
    pub falls: bool,
    pub histograms: Cow<'a, [HistogramPoint]>,
}

/// The samples of one range that ends at one step's time: `(start, end]`.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Not empty when `histograms` is.
    pub points: &'a [Point],
    pub histograms: &'a [HistogramPoint],
    pub start: i64,
    pub end: i64,
    /// The step's own time, which offset and `@` do not move.
    pub step: i64,
    pub series: SeriesFacts,
}

/// What is found out once about a whole series, so that not every window asks again.
#[derive(Clone, Copy, Debug)]
pub struct SeriesFacts {
    /// Whether any value is less than the one before. Windows of most counters need not
    /// look for resets.
    pub falls: bool,
    /// Whether its name is that of a counter by convention, or it has none.
    pub is_named_as_counter: bool,
}

impl SeriesFacts {
    fn of(series: &RangeSeries<'_>) -> Self {
        let name = series.labels.metric_name().unwrap_or("");
        Self {
            falls: series.falls,
            is_named_as_counter: name.is_empty()
                || ["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix)),
        }
    }
}

impl Window<'_> {
    pub fn first(&self) -> Option<(i64, Element)> {
        let float = self.points.first().map(|point| (point.at, Element::Float(point.value)));
        let histogram = self.histograms.first().map(of_histogram);
        float.into_iter().chain(histogram).min_by_key(|(at, _)| *at)
    }

    pub fn last(&self) -> Option<(i64, Element)> {
        let float = self.points.last().map(|point| (point.at, Element::Float(point.value)));
        let histogram = self.histograms.last().map(of_histogram);
        float.into_iter().chain(histogram).max_by_key(|(at, _)| *at)
    }

    /// Floats and histograms in order of time.
    pub fn samples(&self) -> Vec<(i64, Element)> {
        let floats = self.points.iter().map(|point| (point.at, Element::Float(point.value)));
        let mut samples: Vec<_> = floats.chain(self.histograms.iter().map(of_histogram)).collect();
        if !self.histograms.is_empty() {
            samples.sort_by_key(|(at, _)| *at);
        }
        samples
    }
}

fn of_histogram(point: &HistogramPoint) -> (i64, Element) {
    (point.at, Element::Histogram(Arc::clone(&point.histogram)))
}

/// The part of samples in order of time that a window shows. Both ends only move forward.
#[derive(Default)]
struct Edges {
    first: usize,
    last: usize,
}

impl Edges {
    fn slide<'a, T>(&mut self, all: &'a [T], at: impl Fn(&T) -> i64, start: i64, end: i64) -> &'a [T] {
        while self.last < all.len() && at(&all[self.last]) <= end {
            self.last += 1;
        }
        while self.first < self.last && at(&all[self.first]) <= start {
            self.first += 1;
        }
        &all[self.first..self.last]
    }
}

impl RangeInput<'_> {
    /// Where the range of the step at `time` ends.
    pub fn end(&self, time: i64) -> i64 {
        self.shift.moment(time, self.bounds)
    }

    /// Calls `compute` for every step that has a float in its range.
    pub fn slide(
        &self,
        series: &RangeSeries<'_>,
        grid: Grid,
        mut compute: impl FnMut(usize, Window<'_>) -> Option<f64>,
    ) -> Result<Vec<Option<f64>>, EvalError> {
        let mut points = vec![None; grid.count];
        self.windows(series, grid, |step, window| {
            if !window.points.is_empty() {
                points[step] = compute(step, window);
            }
        })?;
        Ok(points)
    }

    /// Calls `see` for every step that has any sample in its range. Both ends of the window
    /// only ever move forward, so all steps together pass each sample twice.
    pub fn windows(
        &self,
        series: &RangeSeries<'_>,
        grid: Grid,
        mut see: impl FnMut(usize, Window<'_>),
    ) -> Result<(), EvalError> {
        let (mut floats, mut others, mut work) = (Edges::default(), Edges::default(), WORK_BETWEEN_CHECKS);
        let facts = SeriesFacts::of(series);
        for (index, step) in grid.times().enumerate() {
            let end = self.end(step);
            let start = end - self.range_ms;
            let points = floats.slide(&series.points, |point| point.at, start, end);
            let histograms = others.slide(&series.histograms, |point| point.at, start, end);
            work += 1 + points.len() + histograms.len();
            if work > WORK_BETWEEN_CHECKS {
                self.watch.check()?;
                work = 0;
            }
            if !points.is_empty() || !histograms.is_empty() {
                see(index, Window { points, histograms, start, end, step, series: facts });
            }
        }
        Ok(())
    }
}

/// Samples that functions may look at before the clock is asked again: about a millisecond.
const WORK_BETWEEN_CHECKS: usize = 1 << 20;

impl<'a> Evaluator<'a> {
    /// Per step the latest sample within the lookback, unless it ends the series.
    pub fn latest(&mut self, selector: usize, shift: &Shift, grid: Grid) -> Result<Vec<Row>, EvalError> {
        self.latest_samples(selector, shift, grid, |_, element| element)
    }

    /// As `latest`, with the time of the sample in seconds instead of its value.
    pub fn latest_times(
        &mut self,
        selector: usize,
        shift: &Shift,
        grid: Grid,
    ) -> Result<Vec<Row>, EvalError> {
        self.latest_samples(selector, shift, grid, |at, _| Element::Float(at as f64 / 1000.0))
    }

    fn latest_samples(
        &mut self,
        selector: usize,
        shift: &Shift,
        grid: Grid,
        of: impl Fn(i64, Element) -> Element,
    ) -> Result<Vec<Row>, EvalError> {
        let fetched = &self.evaluation.fetched[selector];
        self.evaluation.watch.check_size(fetched.series.len(), grid.count)?;
        let (bounds, lookback) = (self.bounds, self.evaluation.lookback_ms);
        let mut rows = Vec::with_capacity(fetched.series.len());
        for series in &fetched.series {
            self.evaluation.watch.check()?;
            let (mut floats, mut others) = (Edges::default(), Edges::default());
            let mut row = Row::new(series.labels.clone(), false, vec![None; grid.count]);
            for (step, time) in grid.times().enumerate() {
                let end = shift.moment(time, bounds);
                let start = end - lookback;
                let points = floats.slide(&series.points, |point| point.at, start, end);
                let histograms = others.slide(&series.histograms, |point| point.at, start, end);
                if let Some((at, element)) = latest_of(points, histograms) {
                    row.set(step, Some(of(at, element)));
                }
            }
            if !row.is_empty() {
                rows.push(row);
            }
        }
        if let Some(counts) = &mut self.counts {
            counts.add_rows(&rows);
        }
        Ok(rows)
    }

    /// The argument of a range function.
    pub fn range_argument(
        &mut self,
        argument: &'a Expression,
        grid: Grid,
    ) -> Result<RangeInput<'a>, EvalError> {
        match &argument.kind {
            Kind::Range(range) => self.range_input(range, grid),
            _ => Err(super::unexpected(argument, crate::parse::expression::ValueType::Matrix)),
        }
    }

    pub fn range_input(
        &mut self,
        range: &'a RangeExpression,
        grid: Grid,
    ) -> Result<RangeInput<'a>, EvalError> {
        let series = match &range.source {
            RangeSource::Selector(selector) => self.fetched_ranges(*selector),
            RangeSource::Subquery { inner, step_ms } => {
                let step = step_ms.unwrap_or(self.evaluation.subquery_step_ms);
                let inner_grid = subquery_grid(range, step, grid, self.bounds);
                // Its samples count where the range is looked at.
                let counts = self.counts.take();
                let series = self.subquery(inner, inner_grid);
                self.counts = counts;
                series?
            }
        };
        let watch = &*self.evaluation.watch;
        let (range_ms, shift, bounds) = (range.range_ms, range.shift, self.bounds);
        let input = RangeInput { series, range_ms, shift, bounds, watch };
        if let Some(counts) = &mut self.counts {
            counts.add_windows(&input, grid)?;
        }
        Ok(input)
    }

    fn fetched_ranges(&self, selector: usize) -> Vec<RangeSeries<'a>> {
        let evaluation = self.evaluation;
        let borrow = |series: &'a FetchedSeries| RangeSeries {
            labels: series.labels.clone(),
            drop_name: false,
            points: Cow::Borrowed(&series.points[..]),
            falls: series.falls,
            histograms: Cow::Borrowed(&series.histograms[..]),
        };
        evaluation.fetched[selector].series.iter().map(borrow).collect()
    }

    fn subquery(&mut self, inner: &'a Expression, grid: Grid) -> Result<Vec<RangeSeries<'a>>, EvalError> {
        let point = |(at, value): (i64, Option<f64>)| Some(Point { at, value: value? });
        // `a or b` may take a series now from one side and now from the other.
        let merged = super::merge_same_labels(self.rows(inner, grid)?)?;
        let histogram = |(at, histogram): (i64, Option<Arc<Histogram>>)| {
            Some(HistogramPoint { at, histogram: without_hint(histogram?) })
        };
        let series = merged.into_iter().map(|row| {
            let points: Vec<Point> = grid.times().zip(row.points).filter_map(point).collect();
            RangeSeries {
                labels: row.labels,
                drop_name: row.drop_name,
                falls: points.windows(2).any(|pair| pair[1].value < pair[0].value),
                points: Cow::Owned(points),
                histograms: Cow::Owned(grid.times().zip(row.histograms).filter_map(histogram).collect()),
            }
        });
        Ok(series.collect())
    }
}

fn latest_of(points: &[Point], histograms: &[HistogramPoint]) -> Option<(i64, Element)> {
    let float = points.last();
    if let Some(last) = histograms.last().filter(|last| float.is_none_or(|float| float.at <= last.at)) {
        return (!last.histogram.is_stale()).then(|| of_histogram(last));
    }
    let float = float.filter(|float| !is_stale(float.value))?;
    Some((float.at, Element::Float(float.value)))
}

/// The steps of a subquery skip samples, so what a histogram says about the one before it
/// no longer holds.
fn without_hint(histogram: Arc<Histogram>) -> Arc<Histogram> {
    match histogram.reset {
        CounterReset::Reset | CounterReset::NotReset => {
            Arc::new(Histogram { reset: CounterReset::Unknown, ..(*histogram).clone() })
        }
        CounterReset::Unknown | CounterReset::Gauge => histogram,
    }
}
