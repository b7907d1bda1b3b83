//! `changes` and `resets`: how often a series moved, or fell.

use crate::eval::Window;

/// What is not a number does not change into itself.
pub fn changes(window: Window<'_>, _: &[f64]) -> Option<f64> {
    let differs = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
    Some(window.points.windows(2).filter(|pair| differs(pair[0].value, pair[1].value)).count() as f64)
}

pub fn resets(window: Window<'_>, _: &[f64]) -> Option<f64> {
    Some(window.points.windows(2).filter(|pair| pair[1].value < pair[0].value).count() as f64)
}
