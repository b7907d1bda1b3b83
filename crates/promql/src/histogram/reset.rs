//! Whether a counter began again, and what is known about it after adding.

use model::{Bucket, CounterReset, Histogram};

use super::layout;

/// Whether `current` does not count on from `previous`. What the sender says comes first.
pub fn is_reset(previous: &Histogram, current: &Histogram) -> bool {
    match current.reset {
        CounterReset::Reset => return true,
        CounterReset::NotReset => return false,
        CounterReset::Unknown | CounterReset::Gauge => {}
    }
    if current.count < previous.count || current.has_custom_buckets() != previous.has_custom_buckets() {
        return true;
    }
    if current.has_custom_buckets() {
        let bounds = layout::common_bounds(&previous.custom_bounds, &current.custom_bounds);
        let (previous, current) = (layout::to_bounds(previous, &bounds), layout::to_bounds(current, &bounds));
        return falls(&previous.positive, &current.positive);
    }
    // Layouts get coarser as a histogram grows, and finer only when it begins again.
    if current.schema > previous.schema || current.zero_threshold < previous.zero_threshold {
        return true;
    }
    let previous = layout::with_zero_threshold(previous, current.zero_threshold);
    if previous.zero_threshold != current.zero_threshold || current.zero_count < previous.zero_count {
        return true;
    }
    let previous = layout::to_schema(&previous, current.schema);
    falls(&previous.positive, &current.positive) || falls(&previous.negative, &current.negative)
}

fn falls(previous: &[Bucket], current: &[Bucket]) -> bool {
    previous.iter().any(|before| {
        let found = current.binary_search_by_key(&before.index, |bucket| bucket.index);
        let now = found.ok().and_then(|at| current.get(at)).map_or(0.0, |bucket| bucket.count);
        now < before.count
    })
}

/// What is known about a sum, and whether its parts contradict each other.
pub fn merge_hints(one: CounterReset, other: CounterReset) -> (CounterReset, bool) {
    use CounterReset::{Gauge, Unknown};
    match (one, other) {
        _ if one == other => (one, false),
        (Gauge, _) | (_, Gauge) => (Gauge, false),
        (Unknown, _) | (_, Unknown) => (Unknown, false),
        _ => (Unknown, true),
    }
}
