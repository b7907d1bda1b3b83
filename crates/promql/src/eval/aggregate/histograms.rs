//! Aggregations to which histograms belong: `sum`, `avg`, `count`, `group`.

use std::sync::Arc;

use model::{CounterReset, Histogram};

use super::{Evaluator, Row};
use crate::EvalError;
use crate::eval::Element;
use crate::histogram::{Total, divided, merge_hints};
use crate::notes::{
    COLLISION_AGGREGATION, MIXED_FLOATS, MIXED_SCHEMAS, RECONCILED_AGGREGATION, Remarks, for_metric,
};
use crate::parse::expression::{Aggregate, AggregateOperator};
use crate::plan::Grid;
use crate::sums;

/// Sum or mean of at least one histogram; nothing when their buckets cannot be added.
pub fn aggregate_histograms<'h>(
    histograms: impl Iterator<Item = &'h Histogram>,
    is_average: bool,
    name: &str,
    remarks: &mut Remarks,
) -> Option<Histogram> {
    let mut histograms = histograms.peekable();
    let first = *histograms.peek()?;
    let (mut hint, mut resets, mut continuations) = (first.reset, false, false);
    // From where the sum would overflow, `total` is the mean of what came before.
    let (mut total, mut count, mut is_mean) = (Total::of(first), 0.0, false);
    for histogram in histograms {
        resets |= histogram.reset == CounterReset::Reset;
        continuations |= histogram.reset == CounterReset::NotReset;
        hint = merge_hints(hint, histogram.reset).0;
        count += 1.0;
        if count == 1.0 {
            continue;
        }
        let added = if is_average && !is_mean {
            let mut next = total.clone();
            let added = next.add(histogram, 1.0);
            if added.is_ok() && next.overflows() {
                is_mean = true;
                total.scale(1.0 / (count - 1.0));
                mean_with(&mut total, histogram, count)
            } else {
                total = next;
                added
            }
        } else if is_mean {
            mean_with(&mut total, histogram, count)
        } else {
            total.add(histogram, 1.0)
        };
        match added {
            Ok(true) => remarks.inform(RECONCILED_AGGREGATION, str::to_owned),
            Ok(false) => {}
            Err(_) => {
                remarks.warn(MIXED_SCHEMAS, for_metric(name));
                return None;
            }
        }
    }
    if resets && continuations {
        remarks.warn(COLLISION_AGGREGATION, str::to_owned);
    }
    let total = total.finish();
    let total = if is_average && !is_mean { divided(&total, count) } else { total };
    Some(Histogram { reset: hint, ..total })
}

fn mean_with(mean: &mut Total, histogram: &Histogram, count: f64) -> Result<bool, crate::histogram::Mixed> {
    mean.scale((count - 1.0) / count);
    // Not times the inverse: that would round differently, and large values not cancel out.
    mean.add(&divided(histogram, count), 1.0)
}

impl<'a> Evaluator<'a> {
    pub(super) fn add_up(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let is_average = aggregate.operator == AggregateOperator::Average;
        let of_floats = |values: &[f64]| {
            let values = values.iter().copied();
            if is_average { sums::mean(values) } else { sums::sum(values) }
        };
        let groups = self.groups(aggregate, grid)?;
        let mut rows = Vec::with_capacity(groups.len());
        let mut values = Vec::new();
        for group in groups {
            self.evaluation.watch.check()?;
            let has_histograms = group.members.iter().any(|row| !row.histograms.is_empty());
            let name = group.members.first().and_then(|row| row.labels.metric_name()).unwrap_or("");
            let mut row = Row::new(group.labels.clone(), group.drops_name(), vec![None; grid.count]);
            let mut remarks = Remarks::default();
            for step in 0..grid.count {
                values.clear();
                values.extend(group.members.iter().filter_map(|row| row.points[step]));
                let mut histograms = group.members.iter().filter_map(|row| row.histogram(step)).peekable();
                let result = match (!values.is_empty(), has_histograms && histograms.peek().is_some()) {
                    (false, false) => None,
                    (true, false) => Some(Element::Float(of_floats(&values))),
                    (false, true) => {
                        let histograms = histograms.map(|histogram| &**histogram);
                        let total = aggregate_histograms(histograms, is_average, name, &mut remarks);
                        total.map(|total| Element::Histogram(Arc::new(total)))
                    }
                    (true, true) => {
                        remarks.warn(MIXED_FLOATS, |kind| format!("{kind} for aggregation"));
                        None
                    }
                };
                row.set(step, result);
            }
            // What mismatched bounds lose is expected of an aggregation across series.
            remarks.infos.retain(|info| info != RECONCILED_AGGREGATION);
            self.remark(remarks, aggregate.inner.at);
            if !row.is_empty() {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// How many there are, or with `group` only that there are some.
    pub(super) fn count(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let is_count = aggregate.operator == AggregateOperator::Count;
        let groups = self.groups(aggregate, grid)?.into_iter().map(|group| {
            let count = |step: usize| group.members.iter().filter(|row| row.has(step)).count();
            let point = |count: usize| (count > 0).then_some(if is_count { count as f64 } else { 1.0 });
            let points = (0..grid.count).map(|step| point(count(step))).collect();
            let drops_name = group.drops_name();
            Row::new(group.labels, drops_name, points)
        });
        Ok(groups.filter(|row| !row.is_empty()).collect())
    }
}
