//! Aggregations that make one value of all values of a group: `sum`, `avg`, `quantile`…

use std::cmp::Ordering;

use super::{Evaluator, Row};
use crate::EvalError;
use crate::parse::expression::Aggregate;
use crate::plan::Grid;
use crate::sums::Accumulate;

/// Row by row, as they lie in memory: the value of each step at which any member has one.
pub fn accumulated<A: Accumulate>(members: &[Row], grid: Grid) -> Vec<Option<f64>> {
    let mut totals: Vec<Option<A>> = vec![None; grid.count];
    for member in members {
        for (total, value) in totals.iter_mut().zip(&member.points) {
            if let Some(value) = value {
                *total = Some(total.map_or_else(|| A::starting_at(*value), |total| total.plus(*value)));
            }
        }
    }
    totals.into_iter().map(|total| total.map(A::total)).collect()
}

impl<'a> Evaluator<'a> {
    /// Aggregations that know floats only.
    pub(super) fn accumulate<A: Accumulate>(
        &mut self,
        aggregate: &'a Aggregate,
        grid: Grid,
    ) -> Result<Vec<Row>, EvalError> {
        self.reduce(aggregate, grid, |members| accumulated::<A>(members, grid))
    }

    /// `reduce` gets the members of a group.
    fn reduce(
        &mut self,
        aggregate: &'a Aggregate,
        grid: Grid,
        reduce: impl Fn(&[Row]) -> Vec<Option<f64>>,
    ) -> Result<Vec<Row>, EvalError> {
        let groups = self.groups(aggregate, grid)?;
        let mut rows = Vec::with_capacity(groups.len());
        for group in groups {
            self.evaluation.watch.check()?;
            let points = reduce(&group.members);
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
        self.reduce(aggregate, grid, |members| {
            let mut values = Vec::with_capacity(members.len());
            let quantile = |(step, parameter)| {
                values.clear();
                values.extend(members.iter().filter_map(|row| row.points[step]));
                (!values.is_empty()).then(|| quantile(parameter, &mut values))
            };
            parameters.iter().copied().enumerate().map(quantile).collect()
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

/// Interpolates linearly between the two values next to the quantile's rank. The order of
/// `values` is lost: only those two are brought to their places.
pub fn quantile(quantile: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    let last = values.len() - 1;
    let rank = quantile * last as f64;
    let weight = rank - rank.floor();
    let (_, lower, above) = values.select_nth_unstable_by((rank.floor() as usize).min(last), ascending);
    let upper = above.iter().copied().min_by(ascending).unwrap_or(*lower);
    *lower * (1.0 - weight) + upper * weight
}

/// What is not a number counts as smaller than everything.
fn ascending(a: &f64, b: &f64) -> Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b))
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn a_quantile_lies_between_its_neighbours_in_any_order() {
        for (rank, expected) in [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.9, 4.6), (1.0, 5.0)] {
            let actual = quantile(rank, &mut [4.0, 1.0, 5.0, 3.0, 2.0]);
            assert!((actual - expected).abs() < 1e-12, "{rank}: {actual}");
        }
        assert!(quantile(0.0, &mut [1.0, f64::NAN, f64::NEG_INFINITY]).is_nan());
        assert_eq!(quantile(0.5, &mut [1.0, f64::NAN, f64::NEG_INFINITY]), f64::NEG_INFINITY);
        assert_eq!(quantile(1.1, &mut [1.0]), f64::INFINITY);
        assert!(quantile(0.5, &mut []).is_nan());
    }
}
