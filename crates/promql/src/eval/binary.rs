//! Arithmetic and comparison between scalars, and between a vector and a scalar.

use super::{Evaluator, Row, changes_meaning};
use crate::EvalError;
use crate::parse::expression::{Binary, Operator, ValueType};
use crate::plan::Grid;

/// The result of an operator on two numbers, and whether a comparison lets it through.
pub fn of_elements(operator: Operator, left: f64, right: f64) -> (f64, bool) {
    match operator {
        Operator::Add => (left + right, true),
        Operator::Subtract => (left - right, true),
        Operator::Multiply => (left * right, true),
        Operator::Divide => (left / right, true),
        Operator::Modulo => (left % right, true),
        Operator::Power => (left.powf(right), true),
        Operator::Atan2 => (left.atan2(right), true),
        Operator::Equal => (left, left == right),
        Operator::NotEqual => (left, left != right),
        Operator::Less => (left, left < right),
        Operator::LessOrEqual => (left, left <= right),
        Operator::Greater => (left, left > right),
        Operator::GreaterOrEqual => (left, left >= right),
        // Set operators look at labels only and have their own module.
        Operator::And | Operator::Or | Operator::Unless => (left, false),
    }
}

/// A comparison between scalars is always a `bool` one.
pub fn of_scalars(operator: Operator, left: f64, right: f64) -> f64 {
    let (value, holds) = of_elements(operator, left, right);
    if operator.is_comparison() { f64::from(u8::from(holds)) } else { value }
}

impl<'a> Evaluator<'a> {
    /// Any operator but the set operators, where at least one side is a vector.
    pub fn vector_operation(&mut self, binary: &'a Binary, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let is_scalar = |side: ValueType| side == ValueType::Scalar;
        match (is_scalar(binary.left.value_type()), is_scalar(binary.right.value_type())) {
            (true, _) => {
                let scalars = self.scalars(&binary.left, grid)?;
                let rows = self.rows(&binary.right, grid)?;
                Ok(with_scalar(binary, rows, &scalars, Side::Left))
            }
            (false, true) => {
                let rows = self.rows(&binary.left, grid)?;
                let scalars = self.scalars(&binary.right, grid)?;
                Ok(with_scalar(binary, rows, &scalars, Side::Right))
            }
            (false, false) => self.matched_operation(binary, grid),
        }
    }
}

/// Where the scalar stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn with_scalar(binary: &Binary, mut rows: Vec<Row>, scalars: &[f64], scalar_side: Side) -> Vec<Row> {
    let drops_name = changes_meaning(binary.operator) || binary.returns_bool;
    for row in &mut rows {
        row.drop_name |= drops_name;
        for (point, scalar) in row.points.iter_mut().zip(scalars) {
            let Some(element) = *point else { continue };
            let (left, right) =
                if scalar_side == Side::Left { (*scalar, element) } else { (element, *scalar) };
            let (value, holds) = of_elements(binary.operator, left, right);
            *point = if binary.returns_bool {
                Some(f64::from(u8::from(holds)))
            } else if binary.operator.is_comparison() {
                holds.then_some(element)
            } else {
                Some(value)
            };
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}
