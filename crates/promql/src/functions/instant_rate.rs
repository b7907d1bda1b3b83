//! `irate` and `idelta`: from the last two samples of a range.

use std::sync::Arc;

use model::{CounterReset, Histogram};

use crate::eval::{Element, Window};
use crate::histogram::{Total, is_reset, scaled};
use crate::notes::{
    MIXED_FLOATS, MIXED_SCHEMAS, NOT_A_COUNTER, NOT_A_GAUGE, RECONCILED_SUBTRACTION, Remarks, about,
    for_metric,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Counter,
    Gauge,
}

pub fn rate(window: Window<'_>, name: &str, remarks: &mut Remarks) -> Option<Element> {
    change(window, Meaning::Counter, name, remarks)
}

pub fn delta(window: Window<'_>, name: &str, remarks: &mut Remarks) -> Option<Element> {
    change(window, Meaning::Gauge, name, remarks)
}

fn change(window: Window<'_>, meaning: Meaning, name: &str, remarks: &mut Remarks) -> Option<Element> {
    let samples = window.samples();
    let [.., (previous_at, previous), (last_at, last)] = &samples[..] else { return None };
    if previous_at == last_at {
        return None;
    }
    let divisor = if meaning == Meaning::Counter { (last_at - previous_at) as f64 / 1000.0 } else { 1.0 };
    match (previous, last) {
        (Element::Float(previous), Element::Float(last)) => {
            // A counter that fell began again at zero.
            let fell = meaning == Meaning::Counter && last < previous;
            let change = if fell { *last } else { last - previous };
            Some(Element::Float(change / divisor))
        }
        (Element::Histogram(previous), Element::Histogram(last)) => {
            let change = histogram_change(previous, last, meaning, name, remarks)?;
            Some(Element::Histogram(Arc::new(scaled(&change, 1.0 / divisor))))
        }
        _ => {
            remarks.warn(MIXED_FLOATS, for_metric(name));
            None
        }
    }
}

fn histogram_change(
    previous: &Histogram,
    last: &Histogram,
    meaning: Meaning,
    name: &str,
    remarks: &mut Remarks,
) -> Option<Histogram> {
    let gauges = [previous, last].iter().filter(|histogram| histogram.reset == CounterReset::Gauge).count();
    match meaning {
        Meaning::Counter if gauges > 0 => remarks.warn(NOT_A_COUNTER, about(name)),
        Meaning::Gauge if gauges < 2 => remarks.warn(NOT_A_GAUGE, about(name)),
        _ => {}
    }
    let mut change = Total::of(last);
    if meaning == Meaning::Gauge || !is_reset(previous, last) {
        match change.add(previous, -1.0) {
            Ok(true) => remarks.inform(RECONCILED_SUBTRACTION, str::to_owned),
            Ok(false) => {}
            Err(_) => {
                remarks.warn(MIXED_SCHEMAS, for_metric(name));
                return None;
            }
        }
    }
    let mut change = change.finish();
    change.reset = CounterReset::Gauge;
    Some(change)
}
