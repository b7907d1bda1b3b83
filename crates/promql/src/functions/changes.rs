//! `changes` and `resets`: how often a series moved, or fell.

use crate::eval::{Element, Window};
use crate::histogram::{is_reset, same};
use crate::notes::Remarks;

/// What is not a number does not change into itself.
pub fn changes(window: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    count(window, |one, other| match (one, other) {
        (Element::Float(a), Element::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Element::Histogram(a), Element::Histogram(b)) => !same(a, b),
        _ => true,
    })
}

/// Who becomes a histogram, or ceases to be one, begins again.
pub fn resets(window: Window<'_>, _: &str, _: &mut Remarks) -> Option<Element> {
    count(window, |one, other| match (one, other) {
        (Element::Float(a), Element::Float(b)) => b < a,
        (Element::Histogram(a), Element::Histogram(b)) => is_reset(a, b),
        _ => true,
    })
}

fn count(window: Window<'_>, counts: impl Fn(&Element, &Element) -> bool) -> Option<Element> {
    let samples = window.samples();
    let pairs = samples.windows(2).filter(|pair| counts(&pair[0].1, &pair[1].1));
    Some(Element::Float(pairs.count() as f64))
}
