//! Aggregations that keep some of a group's series as they are: `topk`, `bottomk`,
//! `limitk`, `limit_ratio`.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use model::LabelSet;

use super::{Evaluator, Group, Row};
use crate::EvalError;
use crate::parse::expression::{Aggregate, AggregateOperator};
use crate::plan::Grid;

impl<'a> Evaluator<'a> {
    pub(super) fn select_some(
        &mut self,
        aggregate: &'a Aggregate,
        grid: Grid,
    ) -> Result<Vec<Row>, EvalError> {
        let parameters = self.parameter(aggregate, grid)?;
        if parameters.iter().any(|parameter| parameter.is_nan()) {
            return Err(EvalError::execution("Parameter value is NaN"));
        }
        if let Some(huge) = parameters.iter().find(|parameter| parameter.abs() >= i64::MAX as f64) {
            return Err(EvalError::execution(format!("Scalar value {huge} overflows int64")));
        }
        let mut rows = Vec::new();
        for mut group in self.groups(aggregate, grid)? {
            self.evaluation.watch.check()?;
            if aggregate.operator != AggregateOperator::LimitCount {
                self.ignore_histograms(aggregate, &group.members);
                group.members.iter_mut().for_each(|row| row.histograms = Vec::new());
            }
            let order = keep_first(&mut group, aggregate.operator, &parameters);
            let mut members: Vec<Option<Row>> = group.members.into_iter().map(Some).collect();
            let in_order = order.into_iter().filter_map(|index| members[index].take());
            rows.extend(in_order.filter(|row| !row.is_empty()));
        }
        Ok(rows)
    }

    pub(super) fn select_ratio(
        &mut self,
        aggregate: &'a Aggregate,
        grid: Grid,
    ) -> Result<Vec<Row>, EvalError> {
        let mut ratios = self.parameter(aggregate, grid)?;
        let at = aggregate.parameter.as_ref().and_then(|parameter| parameter.at);
        for ratio in &mut ratios {
            if ratio.is_nan() {
                return Err(EvalError::execution("Ratio value is NaN"));
            }
            let capped = ratio.clamp(-1.0, 1.0);
            if capped != *ratio {
                let (got, cap) = (crate::format_value(*ratio), crate::format_value(capped));
                self.warn(format!("ratio value should be between -1 and 1, got {got}, capping to {cap}"), at);
                *ratio = capped;
            }
        }
        let mut rows: Vec<Row> =
            self.groups(aggregate, grid)?.into_iter().flat_map(|group| group.members).collect();
        for row in &mut rows {
            let place = place_of(&row.labels);
            for (step, ratio) in ratios.iter().enumerate() {
                if !is_within(place, *ratio) {
                    row.set(step, None);
                }
            }
        }
        rows.retain(|row| !row.is_empty());
        Ok(rows)
    }
}

/// Per step keeps the first `k` in the operator's order and clears the others. Returns the
/// members in the order of the last step, which is the only one that shows an order.
fn keep_first(group: &mut Group, operator: AggregateOperator, parameters: &[f64]) -> Vec<usize> {
    let mut order = Vec::new();
    for (step, parameter) in parameters.iter().enumerate() {
        order.clear();
        order.extend((0..group.members.len()).filter(|member| group.members[*member].has(step)));
        let value = |member: usize| group.members[member].points[step].unwrap_or(f64::NAN);
        match operator {
            AggregateOperator::Largest => order.sort_by(|a, b| ranked(value(*b), value(*a), value(*a))),
            AggregateOperator::Smallest => order.sort_by(|a, b| ranked(value(*a), value(*b), value(*a))),
            _ => {}
        }
        let kept = if *parameter < 1.0 { 0 } else { (*parameter as usize).min(order.len()) };
        for member in order.split_off(kept) {
            group.members[member].set(step, None);
        }
    }
    let mut is_shown = vec![false; group.members.len()];
    order.iter().for_each(|member| is_shown[*member] = true);
    order.extend((0..group.members.len()).filter(|member| !is_shown[*member]));
    order
}

/// The order of two values; what is not a number comes last in either direction.
/// `left` is the value of the element on the left of the comparison.
fn ranked(one: f64, other: f64, left: f64) -> Ordering {
    match (one.is_nan(), other.is_nan()) {
        (true, true) => Ordering::Equal,
        (false, false) => one.partial_cmp(&other).unwrap_or(Ordering::Equal),
        _ if left.is_nan() => Ordering::Greater,
        _ => Ordering::Less,
    }
}

/// A place between 0 and 1 that a series always has, as evenly spread as a hash is.
/// Which series a ratio selects is promised to be stable, not to be any certain ones; so it
/// is taken of the labels, since a set's own hash may change with the program.
fn place_of(labels: &LabelSet) -> f64 {
    let mut hasher = DefaultHasher::new();
    labels.len().hash(&mut hasher);
    labels.iter().for_each(|label| label.hash(&mut hasher));
    hasher.finish() as f64 / u64::MAX as f64
}

/// A negative ratio selects exactly what its positive complement leaves out.
fn is_within(place: f64, ratio: f64) -> bool {
    if ratio >= 0.0 { place < ratio || ratio == 1.0 } else { place >= 1.0 + ratio }
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_ratio_and_its_complement_share_everything_out() {
        for place in [0.0, 0.19, 0.2, 0.5, 0.99, 1.0] {
            assert_ne!(is_within(place, 0.2), is_within(place, -0.8), "{place}");
        }
    }
}
