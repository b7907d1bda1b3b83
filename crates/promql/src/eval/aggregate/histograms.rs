//! Aggregations to which histograms belong: `sum`, `avg`, `count`, `group`.

use std::sync::Arc;

use model::{CounterReset, Histogram};

use super::reduce::accumulated;
use super::{Evaluator, Group, Row};
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
        let groups = self.groups(aggregate, grid)?;
        let mut rows = Vec::with_capacity(groups.len());
        for Group { labels, members } in groups {
            self.evaluation.watch.check()?;
            let floats = match is_average {
                true => accumulated::<sums::Mean>(&members, grid),
                false => accumulated::<sums::Sum>(&members, grid),
            };
            let drops_name = members.iter().any(|row| row.drop_name);
            let mut row = Row::new(labels, drops_name, floats);
            if members.iter().any(|row| !row.histograms.is_empty()) {
                self.add_histograms(&mut row, &members, aggregate);
            }
            if !row.is_empty() {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Adds the histograms of a group to the row of its floats.
    fn add_histograms(&mut self, row: &mut Row, members: &[Row], aggregate: &Aggregate) {
        let is_average = aggregate.operator == AggregateOperator::Average;
        let name = members.first().and_then(|row| row.labels.metric_name()).unwrap_or("");
        let mut remarks = Remarks::default();
        for step in 0..row.points.len() {
            let mut histograms = members.iter().filter_map(|row| row.histogram(step)).peekable();
            if histograms.peek().is_none() {
                continue;
            }
            if row.points[step].is_some() {
                remarks.warn(MIXED_FLOATS, |kind| format!("{kind} for aggregation"));
                row.set(step, None);
                continue;
            }
            let histograms = histograms.map(|histogram| &**histogram);
            let total = aggregate_histograms(histograms, is_average, name, &mut remarks);
            row.set(step, total.map(|total| Element::Histogram(Arc::new(total))));
        }
        // What mismatched bounds lose is expected of an aggregation across series.
        remarks.infos.retain(|info| info != RECONCILED_AGGREGATION);
        self.remark(remarks, aggregate.inner.at);
    }

    /// How many there are, or with `group` only that there are some.
    pub(super) fn count(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let is_count = aggregate.operator == AggregateOperator::Count;
        let groups = self.groups(aggregate, grid)?.into_iter().map(|group| {
            let mut counts = vec![0_usize; grid.count];
            for member in &group.members {
                for (step, count) in counts.iter_mut().enumerate() {
                    *count += usize::from(member.has(step));
                }
            }
            let point = |count: usize| (count > 0).then_some(if is_count { count as f64 } else { 1.0 });
            let drops_name = group.drops_name();
            Row::new(group.labels, drops_name, counts.into_iter().map(point).collect())
        });
        Ok(groups.filter(|row| !row.is_empty()).collect())
    }
}
