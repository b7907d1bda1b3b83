//! Selectors: the latest sample of each step, and the ranges that functions look at.

use std::borrow::Cow;

use model::{LabelSet, is_stale};

use super::{Evaluator, Row, Watch};
use crate::EvalError;
use crate::parse::expression::{Expression, Kind, RangeExpression, RangeSource, Shift};
use crate::plan::{Bounds, Grid, Point, subquery_grid};

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
}

/// The samples of one range that ends at one step's time: `(start, end]`.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Never empty.
    pub points: &'a [Point],
    pub start: i64,
    pub end: i64,
    /// The step's own time, which offset and `@` do not move.
    pub step: i64,
}

impl RangeInput<'_> {
    /// Where the range of the step at `time` ends.
    pub fn end(&self, time: i64) -> i64 {
        self.shift.moment(time, self.bounds)
    }

    /// Calls `compute` for every step that has a sample in its range. Both ends of the
    /// window only ever move forward, so all steps together pass each sample twice.
    pub fn slide(
        &self,
        series: &RangeSeries<'_>,
        grid: Grid,
        mut compute: impl FnMut(usize, Window<'_>) -> Option<f64>,
    ) -> Result<Vec<Option<f64>>, EvalError> {
        let points = &series.points[..];
        let (mut first, mut last, mut work) = (0, 0, WORK_BETWEEN_CHECKS);
        let mut values = Vec::with_capacity(grid.count);
        for (index, step) in grid.times().enumerate() {
            let end = self.end(step);
            let start = end - self.range_ms;
            while last < points.len() && points[last].at <= end {
                last += 1;
            }
            while first < last && points[first].at <= start {
                first += 1;
            }
            work += 1 + last - first;
            if work > WORK_BETWEEN_CHECKS {
                self.watch.check()?;
                work = 0;
            }
            let points = &points[first..last];
            let window = Window { points, start, end, step };
            values.push(if points.is_empty() { None } else { compute(index, window) });
        }
        Ok(values)
    }
}

/// Samples that functions may look at before the clock is asked again: about a millisecond.
const WORK_BETWEEN_CHECKS: usize = 1 << 20;

impl<'a> Evaluator<'a> {
    /// Per step the latest sample within the lookback, unless it ends the series.
    pub fn latest(&mut self, selector: usize, shift: &Shift, grid: Grid) -> Result<Vec<Row>, EvalError> {
        self.latest_points(selector, shift, grid, |point| point.value)
    }

    /// As `latest`, with the time of the sample in seconds instead of its value.
    pub fn latest_times(
        &mut self,
        selector: usize,
        shift: &Shift,
        grid: Grid,
    ) -> Result<Vec<Row>, EvalError> {
        self.latest_points(selector, shift, grid, |point| point.at as f64 / 1000.0)
    }

    fn latest_points(
        &mut self,
        selector: usize,
        shift: &Shift,
        grid: Grid,
        of: impl Fn(&Point) -> f64,
    ) -> Result<Vec<Row>, EvalError> {
        let fetched = &self.evaluation.fetched[selector];
        self.evaluation.watch.check_size(fetched.series.len(), grid.count)?;
        let (bounds, lookback) = (self.bounds, self.evaluation.lookback_ms);
        let mut rows = Vec::with_capacity(fetched.series.len());
        for series in &fetched.series {
            self.evaluation.watch.check()?;
            let mut passed = 0;
            let points = grid.times().map(|time| {
                let moment = shift.moment(time, bounds);
                while passed < series.points.len() && series.points[passed].at <= moment {
                    passed += 1;
                }
                let latest = series.points[..passed].last()?;
                (latest.at > moment - lookback && !is_stale(latest.value)).then(|| of(latest))
            });
            let row = Row::new(series.labels.clone(), false, points.collect());
            if !row.is_empty() {
                rows.push(row);
            }
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
                self.subquery(inner, inner_grid)?
            }
        };
        let watch = &*self.evaluation.watch;
        Ok(RangeInput { series, range_ms: range.range_ms, shift: range.shift, bounds: self.bounds, watch })
    }

    fn fetched_ranges(&self, selector: usize) -> Vec<RangeSeries<'a>> {
        let evaluation = self.evaluation;
        let borrow = |series: &'a crate::plan::FetchedSeries| RangeSeries {
            labels: series.labels.clone(),
            drop_name: false,
            points: Cow::Borrowed(&series.points[..]),
        };
        evaluation.fetched[selector].series.iter().map(borrow).collect()
    }

    fn subquery(&mut self, inner: &'a Expression, grid: Grid) -> Result<Vec<RangeSeries<'a>>, EvalError> {
        let point = |(at, value): (i64, Option<f64>)| Some(Point { at, value: value? });
        let series = self.rows(inner, grid)?.into_iter().map(|row| RangeSeries {
            labels: row.labels,
            drop_name: row.drop_name,
            points: Cow::Owned(grid.times().zip(row.points).filter_map(point).collect()),
        });
        Ok(series.collect())
    }
}
