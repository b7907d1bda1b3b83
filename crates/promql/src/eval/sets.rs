//! `and`, `or`, `unless`: which series are there, whatever their values.

use std::collections::HashMap;

use model::LabelSet;

use super::matching::signature;
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
            Operator::And => filtered(left, &presence(&right, matching, grid), matching, true),
            Operator::Unless => filtered(left, &presence(&right, matching, grid), matching, false),
            _ => {
                let taken = presence(&left, matching, grid);
                let added = filtered(right, &taken, matching, false);
                left.into_iter().chain(added).collect()
            }
        })
    }
}

/// Per signature, at which steps any row of it has a value.
type Presence = HashMap<LabelSet, Vec<bool>>;

fn presence(rows: &[Row], matching: &Matching, grid: Grid) -> Presence {
    let mut presence = Presence::new();
    for row in rows {
        let steps =
            presence.entry(signature(&row.labels, matching)).or_insert_with(|| vec![false; grid.count]);
        for (index, step) in steps.iter_mut().enumerate() {
            *step |= row.has(index);
        }
    }
    presence
}

/// Keeps the values at steps where the presence of their signature is `wanted`.
fn filtered(mut rows: Vec<Row>, presence: &Presence, matching: &Matching, wanted: bool) -> Vec<Row> {
    for row in &mut rows {
        let steps = presence.get(&signature(&row.labels, matching));
        for index in 0..row.points.len() {
            if steps.is_some_and(|steps| steps[index]) != wanted {
                row.set(index, None);
            }
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}
