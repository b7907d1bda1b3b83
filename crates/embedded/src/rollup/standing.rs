//! Whether a rollup of a day still says what the samples say. Pure.

use crate::memtable::WalRange;

/// What is known of a day, from footers and without reading rows.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The WAL files of the rollup's segments. There is one at most.
    pub rollup: Vec<WalRange>,
    /// The WAL files of each segment of samples.
    pub samples: Vec<WalRange>,
    pub has_samples_in_memory: bool,
    /// Some of the rollup's rows are hidden by a tombstone, or cannot be read.
    pub has_erased: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Missing,
    /// It is all that the samples say.
    Current,
    /// It lacks late samples, or has some that were erased. The samples know better.
    Stale,
    /// The samples it was built from were dropped. It says more than those that are there.
    Orphaned,
}

pub fn standing(facts: &Facts) -> Standing {
    let Some(built_up_to) = facts.rollup.iter().map(|wal| wal.last).max() else { return Standing::Missing };
    // No WAL file has rows of two segments that were not merged: one that begins later was
    // written later.
    let is_older = |wal: &WalRange| wal.first <= built_up_to;
    let is_covered = |wal: &WalRange| wal.last <= built_up_to;
    if !facts.samples.iter().any(is_older) {
        Standing::Orphaned
    } else if facts.has_erased || facts.has_samples_in_memory || !facts.samples.iter().all(is_covered) {
        Standing::Stale
    } else {
        Standing::Current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rollup: &[(u64, u64)], samples: &[(u64, u64)], expected: Standing) -> Facts {
        let ranges = |ends: &[(u64, u64)]| {
            ends.iter().map(|(first, last)| WalRange { first: *first, last: *last }).collect()
        };
        let facts = Facts {
            rollup: ranges(rollup),
            samples: ranges(samples),
            has_samples_in_memory: false,
            has_erased: false,
        };
        assert_eq!(standing(&facts), expected, "{facts:?}");
        facts
    }

    #[test]
    fn a_rollup_is_current_while_no_sample_came_after_it() {
        check(&[], &[(1, 3)], Standing::Missing);
        check(&[(1, 6)], &[(1, 3), (4, 6)], Standing::Current);
        check(&[(1, 6)], &[(1, 6)], Standing::Current);
        check(&[(1, 6)], &[(1, 6), (8, 8)], Standing::Stale);
        check(&[(1, 6)], &[(1, 8)], Standing::Stale);
    }

    #[test]
    fn a_segment_that_was_erased_as_a_whole_is_not_missed() {
        check(&[(1, 6)], &[(4, 6)], Standing::Current);
        check(&[(1, 6)], &[(4, 6), (7, 7)], Standing::Stale);
    }

    #[test]
    fn without_the_samples_it_was_built_from_it_is_all_there_is() {
        check(&[(1, 6)], &[], Standing::Orphaned);
        check(&[(1, 6)], &[(7, 9)], Standing::Orphaned);
    }

    #[test]
    fn what_is_in_memory_or_erased_makes_it_stale_only_while_there_are_samples() {
        for (samples, expected) in [(vec![(1, 6)], Standing::Stale), (vec![(7, 9)], Standing::Orphaned)] {
            let known = if expected == Standing::Stale { Standing::Current } else { expected };
            let facts = check(&[(1, 6)], &samples, known);
            assert_eq!(standing(&Facts { has_samples_in_memory: true, ..facts.clone() }), expected);
            assert_eq!(standing(&Facts { has_erased: true, ..facts }), expected);
        }
    }
}
