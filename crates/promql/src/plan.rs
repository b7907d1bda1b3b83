//! Which samples a query needs: one fetch per selector, over the whole time it looks at.
//!
//! Data passes from here to the engine as [`Fetch`]es in the order of the query's
//! selectors; the engine answers each with [`Fetched`], and evaluation indexes into those.

use std::collections::HashMap;
use std::sync::Arc;

use model::{
    CounterReset, Histogram, HistogramSeries, LabelSet, Matcher, Series, TimeRange, Timestamp, is_stale,
};

use crate::histogram::is_reset;

use crate::parse::Query;
use crate::parse::expression::{Anchor, Expression, Kind, RangeExpression, RangeSource, Shift};

/// The steps of an evaluation, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    pub start: i64,
    pub step: i64,
    pub count: usize,
}

impl Grid {
    pub fn instant(at: i64) -> Self {
        Self { start: at, step: 1, count: 1 }
    }

    /// From `start` to `end`, both included when the step hits them.
    pub fn new(start: i64, end: i64, step: i64) -> Self {
        let count =
            if end < start { 0 } else { usize::try_from((end - start) / step).unwrap_or(usize::MAX - 1) + 1 };
        Self { start, step, count }
    }

    pub fn end(self) -> i64 {
        self.start + self.step * (self.count.saturating_sub(1) as i64)
    }

    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |index| self.start + self.step * index as i64)
    }
}

/// Start and end of the query as asked: what `start()` and `end()` mean everywhere in it.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub start: i64,
    pub end: i64,
}

impl Shift {
    /// The time that is looked at on behalf of the step at `time`.
    pub fn moment(&self, time: i64, bounds: Bounds) -> i64 {
        let base = match self.anchor {
            None => time,
            Some(Anchor::Start) => bounds.start,
            Some(Anchor::End) => bounds.end,
            Some(Anchor::Fixed(at)) => at,
        };
        base - self.offset_ms
    }
}

/// The steps of a subquery: multiples of its step within the left-open ranges of all the
/// outer steps.
pub fn subquery_grid(range: &RangeExpression, step: i64, outer: Grid, bounds: Bounds) -> Grid {
    let earliest = range.shift.moment(outer.start, bounds) - range.range_ms;
    let latest = range.shift.moment(outer.end(), bounds);
    Grid::new((earliest.div_euclid(step) + 1) * step, latest, step)
}

/// What must be read for one selector.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub range: TimeRange,
    /// An earlier selector that asks for exactly the same.
    pub same_as: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Plan {
    /// By the index of the selector.
    pub fetches: Vec<Fetch>,
    /// The steps of the longest grid in the query, subqueries among them.
    pub steps_most: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct PlanSettings {
    pub lookback_ms: i64,
    pub subquery_step_ms: i64,
}

pub fn plan(query: &Query, grid: Grid, settings: PlanSettings) -> Plan {
    let nothing = TimeRange::new(Timestamp::MAX, Timestamp::MIN);
    let ranges = vec![nothing; query.selectors().len()];
    let mut planner =
        Planner { settings, bounds: Bounds { start: grid.start, end: grid.end() }, ranges, steps_most: 0 };
    planner.visit(query.root(), grid);
    let mut fetches: Vec<Fetch> = Vec::with_capacity(planner.ranges.len());
    for (index, range) in planner.ranges.iter().enumerate() {
        let selector = &query.selectors()[index];
        let same_as = (0..index).find(|earlier| {
            let other = &query.selectors()[*earlier];
            fetches[*earlier].same_as.is_none()
                && planner.ranges[*earlier] == *range
                && other.is_range == selector.is_range
                && other.tells_resets == selector.tells_resets
                && same_matchers(&other.matchers, &selector.matchers)
        });
        fetches.push(Fetch { range: *range, same_as });
    }
    Plan { fetches, steps_most: planner.steps_most }
}

fn same_matchers(one: &[Matcher], other: &[Matcher]) -> bool {
    let same = |a: &Matcher, b: &Matcher| a.name() == b.name() && a.op() == b.op() && a.value() == b.value();
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
}

struct Planner {
    settings: PlanSettings,
    bounds: Bounds,
    ranges: Vec<TimeRange>,
    steps_most: usize,
}

impl Planner {
    fn visit(&mut self, expression: &Expression, grid: Grid) {
        self.steps_most = self.steps_most.max(grid.count);
        match &expression.kind {
            Kind::Number(_) | Kind::Text(_) => {}
            Kind::Instant { selector, shift } => self.need(*selector, shift, self.settings.lookback_ms, grid),
            Kind::Range(range) => match &range.source {
                RangeSource::Selector(selector) => self.need(*selector, &range.shift, range.range_ms, grid),
                RangeSource::Subquery { inner, step_ms } => {
                    let step = step_ms.unwrap_or(self.settings.subquery_step_ms);
                    self.visit(inner, subquery_grid(range, step, grid, self.bounds));
                }
            },
            Kind::Negate(inner) => self.visit(inner, grid),
            Kind::Binary(binary) => {
                self.visit(&binary.left, grid);
                self.visit(&binary.right, grid);
            }
            Kind::Aggregate(aggregate) => {
                if let Some(parameter) = &aggregate.parameter {
                    self.visit(parameter, grid);
                }
                self.visit(&aggregate.inner, grid);
            }
            Kind::Call { arguments, .. } => arguments.iter().for_each(|argument| self.visit(argument, grid)),
        }
    }

    fn need(&mut self, selector: usize, shift: &Shift, length: i64, grid: Grid) {
        if grid.count == 0 {
            return;
        }
        let first = shift.moment(grid.start, self.bounds) - length + 1;
        let last = shift.moment(grid.end(), self.bounds);
        // Samples are finer than milliseconds; the last one is wanted to its end.
        let end = Timestamp::from_nanos(Timestamp::from_millis(last).as_nanos().saturating_add(999_999));
        self.ranges[selector] = TimeRange::new(Timestamp::from_millis(first), end);
    }
}

/// A sample in evaluation: milliseconds, as everywhere in PromQL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: i64,
    pub value: f64,
}

/// The series of one selector.
#[derive(Debug, Default)]
pub struct Fetched {
    pub series: Vec<FetchedSeries>,
}

#[derive(Debug)]
pub struct FetchedSeries {
    pub labels: LabelSet,
    pub points: Vec<Point>,
    /// Whether any value may be less than the one before it in `points`.
    pub falls: bool,
    pub histograms: Vec<HistogramPoint>,
}

#[derive(Clone, Debug)]
pub struct HistogramPoint {
    pub at: i64,
    pub histogram: Arc<Histogram>,
}

impl Fetched {
    /// Ranges know no stale markers, so they are left out once and for all.
    pub fn new(series: Vec<Series>, is_range: bool) -> Self {
        let series = series.into_iter().map(|series| {
            let (mut falls, mut before) = (false, f64::NEG_INFINITY);
            let samples = series.samples.into_iter();
            let kept = samples.filter(|sample| !(is_range && is_stale(sample.value)));
            let points = kept.map(|sample| {
                falls |= sample.value < before;
                before = sample.value;
                Point { at: sample.at.as_millis(), value: sample.value }
            });
            let points = points.collect();
            FetchedSeries { labels: series.labels, points, falls, histograms: Vec::new() }
        });
        Self { series: series.filter(|series| !series.points.is_empty()).collect() }
    }

    /// Adds the histograms of the same selector. With `tells_resets`, each that does not say
    /// whether it counts on from the one before is compared with that.
    pub fn add_histograms(&mut self, from: Vec<HistogramSeries>, is_range: bool, tells_resets: bool) {
        let mut known: HashMap<LabelSet, usize> = HashMap::new();
        if !from.is_empty() {
            known
                .extend(self.series.iter().enumerate().map(|(index, series)| (series.labels.clone(), index)));
        }
        for HistogramSeries { labels, samples } in from {
            let samples = samples.into_iter().filter(|sample| !(is_range && sample.histogram.is_stale()));
            let mut histograms: Vec<HistogramPoint> = samples
                .map(|sample| HistogramPoint { at: sample.at.as_millis(), histogram: sample.histogram })
                .collect();
            if tells_resets {
                tell_resets(&mut histograms);
            }
            match known.get(&labels) {
                Some(index) => {
                    let points = &mut self.series[*index].points;
                    points.retain(|point| histograms.binary_search_by_key(&point.at, |own| own.at).is_err());
                    // What is left may fall where it did not before.
                    let falls = points.windows(2).any(|pair| pair[1].value < pair[0].value);
                    self.series[*index].falls = falls;
                    self.series[*index].histograms = histograms;
                }
                None if histograms.is_empty() => {}
                None => {
                    self.series.push(FetchedSeries { labels, points: Vec::new(), falls: false, histograms });
                }
            }
        }
        self.series.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
}

fn tell_resets(histograms: &mut [HistogramPoint]) {
    for index in 1..histograms.len() {
        let (before, now) = (&histograms[index - 1].histogram, &histograms[index].histogram);
        if now.reset == CounterReset::Unknown && !now.is_stale() && !before.is_stale() {
            let is_reset = is_reset(before, now);
            let reset = if is_reset { CounterReset::Reset } else { CounterReset::NotReset };
            histograms[index].histogram = Arc::new(Histogram { reset, ..(**now).clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ranges(text: &str, grid: Grid) -> Vec<(i64, i64)> {
        let query = crate::parse(text).unwrap();
        let settings = PlanSettings { lookback_ms: 300_000, subquery_step_ms: 60_000 };
        let secs = |at: Timestamp| at.as_millis();
        plan(&query, grid, settings)
            .fetches
            .iter()
            .map(|fetch| (secs(fetch.range.start), secs(fetch.range.end)))
            .collect()
    }

    #[test]
    fn a_range_query_reads_once_from_the_first_lookback_to_the_last_step() {
        assert_eq!(ranges("up", Grid::new(1_000_000, 2_000_000, 500_000)), [(700_001, 2_000_000)]);
    }

    #[test]
    fn offset_and_at_move_what_is_read() {
        let grid = Grid::instant(1_000_000);
        assert_eq!(ranges("up[10s] offset 1m", grid), [(930_001, 940_000)]);
        assert_eq!(ranges("up[10s] @ 500", grid), [(490_001, 500_000)]);
        assert_eq!(ranges("up[10s] offset -1m", grid), [(1_050_001, 1_060_000)]);
    }

    #[test]
    fn a_subquery_reads_for_the_steps_within_its_range() {
        assert_eq!(ranges("sum_over_time(up[2m:1m])[1m:10s]", Grid::instant(600_000)).len(), 1);
        assert_eq!(ranges("up[2m:50s]", Grid::instant(600_000)), [(200_001, 600_000)]);
    }

    #[test]
    fn the_same_selector_is_read_once() {
        let query = crate::parse("up / up").unwrap();
        let settings = PlanSettings { lookback_ms: 1, subquery_step_ms: 1 };
        let fetches = plan(&query, Grid::instant(0), settings).fetches;
        assert_eq!(fetches[1].same_as, Some(0));
    }
}
