//! Aggregations that make one value of all values of a group: `sum`, `avg`, `quantile`…

use super::{Evaluator, Row};
use crate::EvalError;
use crate::parse::expression::{Aggregate, AggregateOperator};
use crate::plan::Grid;
use crate::sums;

pub fn by_operator(operator: AggregateOperator) -> fn(&[f64]) -> f64 {
    match operator {
        AggregateOperator::Minimum => |values| sums::minimum(values.iter().copied()),
        AggregateOperator::Maximum => |values| sums::maximum(values.iter().copied()),
        AggregateOperator::StandardDeviation => |values| sums::variance(values.iter().copied()).sqrt(),
        _ => |values| sums::variance(values.iter().copied()),
    }
}

impl<'a> Evaluator<'a> {
    /// `reduce` gets the index of the step and its values, of which there is at least one.
    pub(super) fn reduce(
        &mut self,
        aggregate: &'a Aggregate,
        grid: Grid,
        reduce: impl Fn(usize, &[f64]) -> f64,
    ) -> Result<Vec<Row>, EvalError> {
        let groups = self.groups(aggregate, grid)?;
        let mut rows = Vec::with_capacity(groups.len());
        let mut values = Vec::new();
        for group in groups {
            self.evaluation.watch.check()?;
            let mut points = Vec::with_capacity(grid.count);
            for step in 0..grid.count {
                values.clear();
                values.extend(group.members.iter().filter_map(|row| row.points[step]));
                points.push((!values.is_empty()).then(|| reduce(step, &values)));
            }
            self.ignore_histograms(aggregate, &group.members);
            let drops_name = group.drops_name();
            let row = Row::new(group.labels, drops_name, points);
            if !row.is_empty() {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    pub(super) fn quantile(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let parameters = self.parameter(aggregate, grid)?;
        let at = aggregate.parameter.as_ref().and_then(|parameter| parameter.at);
        for parameter in &parameters {
            self.check_quantile(*parameter, at);
        }
        self.reduce(aggregate, grid, |step, values| {
            quantile(parameters[step], &sorted_for_quantile(values.iter().copied()))
        })
    }

    pub(super) fn ignore_histograms(&mut self, aggregate: &'a Aggregate, members: &[Row]) {
        if members.iter().any(|row| row.histograms.iter().any(Option::is_some)) {
            let name = aggregate.operator.name();
            self.inform(format!("ignored histogram in {name} aggregation"), aggregate.inner.at);
        }
    }

    pub fn check_quantile(&mut self, quantile: f64, at: Option<usize>) {
        if !(0.0..=1.0).contains(&quantile) {
            let shown = crate::format_value(quantile);
            self.warn(format!("quantile value should be between 0 and 1, got {shown}"), at);
        }
    }
}

/// Smallest first; what is not a number counts as smaller than everything.
pub fn sorted_for_quantile(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.collect();
    let key = |value: f64| if value.is_nan() { f64::NEG_INFINITY } else { value };
    sorted.sort_by(|a, b| key(*a).total_cmp(&key(*b)).then(b.is_nan().cmp(&a.is_nan())));
    sorted
}

/// Interpolates linearly between the two values next to the quantile's rank.
pub fn quantile(quantile: f64, sorted: &[f64]) -> f64 {
    if sorted.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    let last = sorted.len() - 1;
    let rank = quantile * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    sorted[lower] * (1.0 - weight) + sorted[upper] * weight
}
