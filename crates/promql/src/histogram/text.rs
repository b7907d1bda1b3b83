//! A histogram in words, as `count_values` makes it a label.

use std::fmt::Write;

use model::Histogram;

use super::buckets::buckets;
use crate::format_value;

pub fn format_histogram(histogram: &Histogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", format_value(histogram.count), format_value(histogram.sum));
    for bucket in buckets(histogram) {
        let open = if bucket.includes_lower { '[' } else { '(' };
        let close = if bucket.includes_upper { ']' } else { ')' };
        let (lower, upper) = (format_value(bucket.lower), format_value(bucket.upper));
        // Writing to a string does not fail.
        let _ = write!(text, ", {open}{lower},{upper}{close}:{}", format_value(bucket.count));
    }
    text.push('}');
    text
}
