//! Arithmetic and comparison between scalars, and between a vector and a scalar.

use std::sync::Arc;

use model::{CounterReset, Histogram};

use super::{Element, Evaluator, Row, changes_meaning};
use crate::EvalError;
use crate::histogram::{Side as TrimSide, Total, divided, merge_hints, same, scaled, trimmed};
use crate::notes::{
    COLLISION_ADDITION, COLLISION_SUBTRACTION, RECONCILED_ADDITION, RECONCILED_SUBTRACTION, Remarks,
};
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
        // The others cut histograms.
        Operator::And | Operator::Or | Operator::Unless | Operator::KeepBelow | Operator::KeepAbove => {
            (left, false)
        }
    }
}

/// As [`of_elements`] for samples of any kind; nothing for kinds that the operator does not
/// bring together.
pub fn of_samples(
    operator: Operator,
    left: &Element,
    right: &Element,
    remarks: &mut Remarks,
) -> Option<(Element, bool)> {
    use Element::{Float, Histogram};
    let histogram = |histogram| Some((Histogram(Arc::new(histogram)), true));
    match (left, right, operator) {
        (Float(left), Float(right), _) if !operator.is_trim() => {
            let (value, holds) = of_elements(operator, *left, *right);
            return Some((Float(value), holds));
        }
        (Histogram(left), Float(right), Operator::Multiply) => return histogram(scaled(left, *right)),
        (Float(left), Histogram(right), Operator::Multiply) => return histogram(scaled(right, *left)),
        (Histogram(left), Float(right), Operator::Divide) => return histogram(divided(left, *right)),
        (Histogram(left), Float(at), Operator::KeepBelow) => {
            return histogram(trimmed(left, TrimSide::Below, *at));
        }
        (Histogram(left), Float(at), Operator::KeepAbove) => {
            return histogram(trimmed(left, TrimSide::Above, *at));
        }
        (Histogram(one), Histogram(other), Operator::Equal) => return Some((left.clone(), same(one, other))),
        (Histogram(one), Histogram(other), Operator::NotEqual) => {
            return Some((left.clone(), !same(one, other)));
        }
        (Histogram(left), Histogram(right), Operator::Add) => return histogram(sum(left, right, remarks)?),
        (Histogram(left), Histogram(right), Operator::Subtract) => {
            return histogram(difference(left, right, remarks)?);
        }
        _ => {}
    }
    remarks.inform("incompatible sample types encountered for binary operator", |kind| {
        let name = |element: &Element| if matches!(element, Float(_)) { "float" } else { "histogram" };
        format!("{kind} {:?}: {} {} {}", operator.name(), name(left), operator.name(), name(right))
    });
    None
}

const INCOMPATIBLE: &str = "incompatible bucket layout encountered for binary operator";

fn sum(left: &Histogram, right: &Histogram, remarks: &mut Remarks) -> Option<Histogram> {
    let mut total = Total::of(left);
    match total.add(right, 1.0) {
        Ok(true) => remarks.inform(RECONCILED_ADDITION, str::to_owned),
        Ok(false) => {}
        Err(_) => {
            remarks.warn(INCOMPATIBLE, |kind| format!("{kind} +"));
            return None;
        }
    }
    let (reset, collides) = merge_hints(left.reset, right.reset);
    if collides {
        remarks.warn(COLLISION_ADDITION, str::to_owned);
    }
    Some(Histogram { reset, ..total.finish() })
}

fn difference(left: &Histogram, right: &Histogram, remarks: &mut Remarks) -> Option<Histogram> {
    let mut total = Total::of(left);
    match total.add(right, -1.0) {
        Ok(true) => remarks.inform(RECONCILED_SUBTRACTION, str::to_owned),
        Ok(false) => {}
        Err(_) => {
            remarks.warn(INCOMPATIBLE, |kind| format!("{kind} -"));
            return None;
        }
    }
    if merge_hints(left.reset, right.reset).1 {
        remarks.warn(COLLISION_SUBTRACTION, str::to_owned);
    }
    // A difference may fall, so it is no counter.
    Some(Histogram { reset: CounterReset::Gauge, ..total.finish() })
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
                Ok(self.with_scalar(binary, rows, &scalars, Side::Left))
            }
            (false, true) => {
                let rows = self.rows(&binary.left, grid)?;
                let scalars = self.scalars(&binary.right, grid)?;
                Ok(self.with_scalar(binary, rows, &scalars, Side::Right))
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

impl Evaluator<'_> {
    fn with_scalar(
        &mut self,
        binary: &Binary,
        mut rows: Vec<Row>,
        scalars: &[f64],
        scalar_side: Side,
    ) -> Vec<Row> {
        let drops_name = changes_meaning(binary.operator) || binary.returns_bool;
        let is_filter = binary.operator.is_comparison();
        let mut remarks = Remarks::default();
        for row in &mut rows {
            row.drop_name |= drops_name;
            if row.histograms.is_empty() && !binary.operator.is_trim() {
                floats_with_scalar(binary, &mut row.points, scalars, scalar_side);
                continue;
            }
            for (step, scalar) in scalars.iter().enumerate() {
                let Some(element) = row.element(step) else { continue };
                let scalar = Element::Float(*scalar);
                let (left, right) =
                    if scalar_side == Side::Left { (&scalar, &element) } else { (&element, &scalar) };
                let result = of_samples(binary.operator, left, right, &mut remarks);
                let result = result.and_then(|(value, holds)| match () {
                    () if binary.returns_bool => Some(Element::Float(f64::from(u8::from(holds)))),
                    () if is_filter => holds.then(|| element.clone()),
                    () => Some(value),
                });
                row.set(step, result);
            }
        }
        self.remark(remarks, binary.left.at);
        rows.retain(|row| !row.is_empty());
        rows
    }
}

fn floats_with_scalar(binary: &Binary, points: &mut [Option<f64>], scalars: &[f64], scalar_side: Side) {
    let is_filter = binary.operator.is_comparison();
    for (point, scalar) in points.iter_mut().zip(scalars) {
        let Some(value) = *point else { continue };
        let (left, right) = if scalar_side == Side::Left { (*scalar, value) } else { (value, *scalar) };
        let (result, holds) = of_elements(binary.operator, left, right);
        *point = match () {
            () if binary.returns_bool => Some(f64::from(u8::from(holds))),
            () if is_filter => holds.then_some(value),
            () => Some(result),
        };
    }
}
