//! `and`, `or`, `unless`: which series are there, whatever their values.

use super::keys::Grouping;
use super::{Evaluator, Row};
use crate::EvalError;
use crate::parse::expression::{Binary, Matching, Operator};
use crate::plan::Grid;

impl<'a> Evaluator<'a> {
    pub fn set_operation(&mut self, binary: &'a Binary, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let left = self.rows(&binary.left, grid)?;
        let right = self.rows(&binary.right, grid)?;
        let matching = &binary.matching;
        Ok(match binary.operator {
            Operator::And => Presence::of(&right, matching, grid).filtered(left, true),
            Operator::Unless => Presence::of(&right, matching, grid).filtered(left, false),
            _ => {
                let added = Presence::of(&left, matching, grid).filtered(right, false);
                left.into_iter().chain(added).collect()
            }
        })
    }
}

/// At which steps any row of a group has a value.
struct Presence<'a> {
    grouping: Grouping<'a>,
    /// By the number of the group.
    steps: Vec<Vec<bool>>,
}

impl<'a> Presence<'a> {
    fn of(rows: &[Row], matching: &'a Matching, grid: Grid) -> Self {
        let mut presence = Self { grouping: Grouping::new(matching.counted()), steps: Vec::new() };
        for row in rows {
            let number = presence.grouping.number(&row.labels);
            if number == presence.steps.len() {
                presence.steps.push(vec![false; grid.count]);
            }
            for (index, step) in presence.steps[number].iter_mut().enumerate() {
                *step |= row.has(index);
            }
        }
        presence
    }

    /// Keeps the values at steps where the presence of their group is `wanted`.
    fn filtered(mut self, mut rows: Vec<Row>, wanted: bool) -> Vec<Row> {
        for row in &mut rows {
            let steps = self.grouping.find(&row.labels).map(|number| &self.steps[number]);
            for index in 0..row.points.len() {
                if steps.is_some_and(|steps| steps[index]) != wanted {
                    row.set(index, None);
                }
            }
        }
        rows.retain(|row| !row.is_empty());
        rows
    }
}
