//! Aggregations: rows are grouped by labels once, then every step of a group is reduced.
//!
//! `reduce` makes one row of a group, `select` keeps some of its rows, `count_values`
//! makes a row per value.

mod count_values;
mod histograms;
mod reduce;
mod select;

use std::collections::HashMap;

use model::{LabelSet, METRIC_NAME};

use super::{Evaluator, Row};
use crate::EvalError;
use crate::parse::expression::{Aggregate, AggregateOperator};
use crate::plan::Grid;

pub use histograms::aggregate_histograms;
pub use reduce::{quantile, sorted_for_quantile};

/// Rows that are aggregated together.
struct Group {
    labels: LabelSet,
    members: Vec<Row>,
}

impl Group {
    fn drops_name(&self) -> bool {
        self.members.iter().any(|row| row.drop_name)
    }
}

impl<'a> Evaluator<'a> {
    pub fn aggregate(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<Row>, EvalError> {
        use AggregateOperator::*;
        match aggregate.operator {
            CountValues => self.count_values(aggregate, grid),
            Largest | Smallest | LimitCount => self.select_some(aggregate, grid),
            LimitRatio => self.select_ratio(aggregate, grid),
            Quantile => self.quantile(aggregate, grid),
            Sum | Average => self.add_up(aggregate, grid),
            Count | Group => self.count(aggregate, grid),
            _ => {
                let reduce = reduce::by_operator(aggregate.operator);
                self.reduce(aggregate, grid, |_, values| reduce(values))
            }
        }
    }

    /// In the order in which the groups' first rows come.
    fn groups(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<Group>, EvalError> {
        let rows = self.rows(&aggregate.inner, grid)?;
        let mut by_labels: HashMap<LabelSet, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for row in rows {
            let labels = grouping_labels(aggregate, &row.labels);
            let index = *by_labels.entry(labels).or_insert_with_key(|labels| {
                groups.push(Group { labels: labels.clone(), members: Vec::new() });
                groups.len() - 1
            });
            groups[index].members.push(row);
        }
        Ok(groups)
    }

    /// The number that a parameter has at each step.
    fn parameter(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<f64>, EvalError> {
        match &aggregate.parameter {
            Some(parameter) => self.scalars(parameter, grid),
            None => Err(EvalError::Invalid("the aggregation needs a parameter".to_owned())),
        }
    }
}

fn grouping_labels(aggregate: &Aggregate, labels: &LabelSet) -> LabelSet {
    let listed = |name: &str| aggregate.labels.iter().any(|label| label == name);
    if aggregate.is_without {
        LabelSet::new(labels.iter().filter(|(name, _)| *name != METRIC_NAME && !listed(name)))
    } else if aggregate.labels.is_empty() {
        LabelSet::empty()
    } else {
        LabelSet::new(labels.iter().filter(|(name, _)| listed(name)))
    }
}
