//! `count_values`: how many series of a group have which value.

use std::collections::HashMap;

use model::LabelSet;

use super::{Evaluator, Row};
use crate::eval::Element;
use crate::histogram::format_histogram;
use crate::parse::expression::Aggregate;
use crate::plan::Grid;
use crate::{EvalError, format_value};

impl<'a> Evaluator<'a> {
    pub(super) fn count_values(
        &mut self,
        aggregate: &'a Aggregate,
        grid: Grid,
    ) -> Result<Vec<Row>, EvalError> {
        let label = match &aggregate.parameter {
            Some(parameter) => self.label_name(parameter)?,
            None => return Err(EvalError::Invalid("count_values needs a label name".to_owned())),
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut by_labels: HashMap<LabelSet, usize> = HashMap::new();
        for group in self.groups(aggregate, grid)? {
            self.evaluation.watch.check()?;
            let drops_name = group.drops_name();
            for member in &group.members {
                for step in 0..grid.count {
                    let value = match member.element(step) {
                        Some(Element::Float(value)) => format_value(value),
                        Some(Element::Histogram(histogram)) => format_histogram(&histogram),
                        None => continue,
                    };
                    let labels = group.labels.with(label, &value);
                    let index = match by_labels.get(&labels) {
                        Some(index) => *index,
                        None => {
                            // A value of its own at every step would be a row for every step.
                            self.evaluation.watch.check_size(rows.len() + 1, grid.count)?;
                            rows.push(Row::new(labels.clone(), drops_name, vec![None; grid.count]));
                            by_labels.insert(labels, rows.len() - 1);
                            rows.len() - 1
                        }
                    };
                    let count = &mut rows[index].points[step];
                    *count = Some(count.unwrap_or(0.0) + 1.0);
                }
            }
        }
        Ok(rows)
    }
}
