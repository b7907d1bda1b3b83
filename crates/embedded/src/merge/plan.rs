//! Which segments of a day are merged next. Pure.

use std::ops::Range;

/// What the plan knows of a segment.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub rows: u64,
    pub bytes: u64,
    /// Some of its rows are hidden by a tombstone.
    pub has_erased: bool,
}

/// So many neighbours of about one size are merged: each row is rewritten once for every
/// fourfold growth.
const RUN_MIN: usize = 4;

/// What a merge may make. More rows would mean that pages span so much time that a query
/// of an hour reads a day; more bytes, that one merge takes too long.
const ROWS_MAX: u64 = 16_000_000;
const BYTES_MAX: u64 = 256 << 20;

/// The next merge of a day, as places in its list of segments (older first): the smallest
/// segments first. A day that is over gets no new ones, so that two neighbours are worth
/// it. Only neighbours are merged, because of two rows that replace each other the one in
/// the later segment counts.
pub fn plan(segments: &[Facts], is_over: bool) -> Option<Range<usize>> {
    let run_min = if is_over { 2 } else { RUN_MIN };
    let mut sizes: Vec<u32> = segments.iter().map(size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    // One large segment with a few small ones is not worth writing again.
    let is_worth_it = |run: &Range<usize>| {
        let rows = || segments[run.clone()].iter().map(|segment| segment.rows);
        is_over || rows().max().unwrap_or(0).saturating_mul(2) <= rows().sum()
    };
    let runs = sizes.into_iter().filter_map(|most| longest_run(segments, run_min, most, &is_worth_it));
    let erased = || segments.iter().position(|segment| segment.has_erased).map(|place| place..place + 1);
    runs.into_iter().next().or_else(erased)
}

/// In which fourfold class the segment is.
fn size(segment: &Facts) -> u32 {
    segment.rows.max(1).ilog2() / 2
}

/// The newest run of neighbours that are no larger than `most` and together within limits.
fn longest_run(
    segments: &[Facts],
    run_min: usize,
    most: u32,
    is_worth_it: &dyn Fn(&Range<usize>) -> bool,
) -> Option<Range<usize>> {
    let mut end = segments.len();
    while end >= run_min {
        let (mut start, mut rows, mut bytes) = (end, 0, 0);
        while start > 0 {
            let next = &segments[start - 1];
            rows += next.rows;
            bytes += next.bytes;
            if size(next) > most || rows > ROWS_MAX || bytes > BYTES_MAX {
                break;
            }
            start -= 1;
        }
        if end - start >= run_min && is_worth_it(&(start..end)) {
            return Some(start..end);
        }
        end -= 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[u64], is_over: bool, expected: Option<Range<usize>>) {
        let facts: Vec<Facts> =
            rows.iter().map(|rows| Facts { rows: *rows, bytes: *rows, has_erased: false }).collect();
        assert_eq!(plan(&facts, is_over), expected, "{rows:?}");
    }

    #[test]
    fn four_neighbours_of_a_size_are_merged() {
        check(&[5000, 5000, 5000], false, None);
        check(&[5000, 5000, 5000, 5000], false, Some(0..4));
        check(&[400_000, 5000, 5000, 5000], false, None);
        check(&[400_000, 5000, 5000, 5000, 5000], false, Some(1..5));
    }

    #[test]
    fn small_ones_go_first_and_only_neighbours_together() {
        check(&[90_000, 90_000, 90_000, 90_000, 10, 10, 10, 10], false, Some(4..8));
        check(&[10, 10, 400_000, 10, 10], false, None);
    }

    #[test]
    fn a_day_that_is_over_is_merged_as_far_as_it_goes() {
        check(&[400_000, 5000], true, Some(0..2));
        check(&[400_000], true, None);
        check(&[15_000_000, 15_000_000], true, None);
        check(&[15_000_000, 15_000_000, 10, 10], true, Some(2..4));
    }

    #[test]
    fn nothing_larger_than_the_limit_is_made() {
        check(&[6_000_000; 4], false, None);
        check(&[4_000_000; 5], false, Some(1..5));
    }

    #[test]
    fn a_segment_with_erased_rows_is_written_anew() {
        let facts = [false, true].map(|has_erased| Facts { rows: 5, bytes: 5, has_erased });
        assert_eq!(plan(&facts, false), Some(1..2));
    }

    #[test]
    fn merging_ends() {
        // Every merge makes the list shorter, so that a plan is carried out in bounded steps.
        let mut rows: Vec<u64> = (0..200).map(|n| 1 + (n * 7919) % 100_000).collect();
        for is_over in [false, true] {
            loop {
                let facts: Vec<Facts> =
                    rows.iter().map(|rows| Facts { rows: *rows, bytes: *rows, has_erased: false }).collect();
                let Some(chosen) = plan(&facts, is_over) else { break };
                assert!(chosen.len() > 1);
                let total = rows[chosen.clone()].iter().sum();
                rows.splice(chosen, [total]);
            }
        }
        assert_eq!(rows.len(), 1);
    }
}
