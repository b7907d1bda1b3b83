//! `irate` and `idelta`: from the last two samples of a range.

use crate::eval::Window;

pub fn rate(window: Window<'_>, _: &[f64]) -> Option<f64> {
    let [.., previous, last] = window.points else { return None };
    let elapsed_ms = last.at - previous.at;
    if elapsed_ms == 0 {
        return None;
    }
    // A counter that fell began again at zero.
    let increase = if last.value < previous.value { last.value } else { last.value - previous.value };
    Some(increase / (elapsed_ms as f64 / 1000.0))
}

pub fn delta(window: Window<'_>, _: &[f64]) -> Option<f64> {
    let [.., previous, last] = window.points else { return None };
    (last.at != previous.at).then_some(last.value - previous.value)
}
