//! A histogram in words, as `count_values` makes it a label.

use std::fmt::Write;

use model::Histogram;

use super::{bound, custom_range};
use crate::format_value;

pub fn format_histogram(histogram: &Histogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", format_value(histogram.count), format_value(histogram.sum));
    let mut bucket = |open, lower: f64, upper: f64, close, count: f64| {
        let (lower, upper, count) = (format_value(lower), format_value(upper), format_value(count));
        // Writing to a string does not fail.
        let _ = write!(text, ", {open}{lower},{upper}{close}:{count}");
    };
    let exponential = |index: i32| bound(histogram.schema, index);
    for each in histogram.negative.iter().rev().filter(|bucket| bucket.count != 0.0) {
        let (near, far) = (exponential(each.index.saturating_sub(1)), exponential(each.index));
        bucket('[', -far, -near, ')', each.count);
    }
    if histogram.zero_count != 0.0 {
        bucket('[', -histogram.zero_threshold, histogram.zero_threshold, ']', histogram.zero_count);
    }
    for each in histogram.positive.iter().filter(|bucket| bucket.count != 0.0) {
        if histogram.has_custom_buckets() {
            let range = custom_range(histogram, each);
            let open = if range.lower == f64::NEG_INFINITY { '[' } else { '(' };
            bucket(open, range.lower, range.upper, ']', each.count);
        } else {
            let (lower, upper) = (exponential(each.index.saturating_sub(1)), exponential(each.index));
            bucket('(', lower, upper, ']', each.count);
        }
    }
    text.push('}');
    text
}
