//! Aggregations: rows are grouped by labels once, then every step of a group is reduced.
//!
//! `reduce` makes one row of a group, `select` keeps some of its rows, `count_values`
//! makes a row per value.

mod count_values;
mod histograms;
mod reduce;
mod select;

use model::LabelSet;

use super::keys::{Counted, Grouping};
use super::{Evaluator, Row};
use crate::EvalError;
use crate::parse::expression::{Aggregate, AggregateOperator};
use crate::plan::Grid;
use crate::sums;

pub use histograms::aggregate_histograms;
pub use reduce::quantile;

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
            Minimum => self.accumulate::<sums::Minimum>(aggregate, grid),
            Maximum => self.accumulate::<sums::Maximum>(aggregate, grid),
            StandardDeviation => self.accumulate::<sums::Deviation>(aggregate, grid),
            Variance => self.accumulate::<sums::Variance>(aggregate, grid),
        }
    }

    /// In the order in which the groups' first rows come.
    fn groups(&mut self, aggregate: &'a Aggregate, grid: Grid) -> Result<Vec<Group>, EvalError> {
        let rows = self.rows(&aggregate.inner, grid)?;
        let labels = &aggregate.labels;
        let counted = if aggregate.is_without { Counted::AllBut(labels) } else { Counted::Only(labels) };
        let mut grouping = Grouping::new(counted);
        let mut groups: Vec<Group> = Vec::new();
        for row in rows {
            let number = grouping.number(&row.labels);
            if number == groups.len() {
                groups.push(Group { labels: grouping.labels(&row.labels), members: Vec::new() });
            }
            groups[number].members.push(row);
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
