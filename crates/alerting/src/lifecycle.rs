//! What one evaluation means for one alert. Pure: no clock, no lock, no I/O.
//!
//! ```text
//!            holds          holds for long enough
//!  Absent ──────────▶ Pending ──────────▶ Firing ──┐ does not hold, kept long enough
//!     ▲                  │ does not hold           │
//!     └──────────────────┴─────────────────────────┘
//! ```
//!
//! Acknowledged is a kind of firing here: it changes who is bothered, not when it ends.

use std::time::Duration;

use model::Timestamp;

/// A pending alert that no evaluation has looked at for longer than this begins its hold
/// again: nobody knows what happened meanwhile. As long as a sample stands for its series.
/// A rule that is evaluated more rarely is given twice its interval.
pub(crate) const GAP_MAX: Duration = Duration::from_secs(5 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How long the condition must hold before the alert fires.
    pub hold: Duration,
    /// How long the alert goes on after the condition was first seen not to hold.
    pub keep: Duration,
    /// How long nobody may look at a pending alert: [`GAP_MAX`] or more.
    pub gap_max: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Absent,
    Pending {
        since: Timestamp,
        /// The last evaluation that looked at it.
        seen: Timestamp,
    },
    Firing {
        /// The first evaluation at which the condition did not hold any more.
        ended: Option<Timestamp>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing was and nothing is.
    Rest,
    /// The hold begins now.
    Begin,
    /// Not for long enough yet.
    Wait,
    Fire,
    /// Still firing, and the condition holds.
    Hold,
    /// Still firing, though the condition does not hold any more.
    Linger,
    /// Over before it fired.
    Forget,
    Resolve,
}

impl Stage {
    /// What it is after this step, taken at `now`.
    pub(crate) fn after(self, step: Step, now: Timestamp) -> Stage {
        match (step, self) {
            (Step::Begin, _) => Stage::Pending { since: now, seen: now },
            (Step::Wait, Stage::Pending { since, .. }) => Stage::Pending { since, seen: now },
            (Step::Fire | Step::Hold, _) => Stage::Firing { ended: None },
            (Step::Linger, Stage::Firing { ended }) => Stage::Firing { ended: ended.or(Some(now)) },
            (Step::Forget | Step::Resolve | Step::Rest, _) => Stage::Absent,
            (Step::Wait | Step::Linger, unchanged) => unchanged,
        }
    }
}

/// The next step of one alert, evaluated at `now`.
pub(crate) fn next(stage: Stage, holds: bool, timing: Timing, now: Timestamp) -> Step {
    match (stage, holds) {
        (Stage::Absent, false) => Step::Rest,
        (Stage::Absent, true) if timing.hold.is_zero() => Step::Fire,
        (Stage::Absent, true) => Step::Begin,
        (Stage::Pending { .. }, false) => Step::Forget,
        (Stage::Pending { seen, .. }, true) if now.since(seen) > timing.gap_max => Step::Begin,
        (Stage::Pending { since, .. }, true) if now.since(since) >= timing.hold => Step::Fire,
        (Stage::Pending { .. }, true) => Step::Wait,
        (Stage::Firing { .. }, true) => Step::Hold,
        (Stage::Firing { ended }, false) if now.since(ended.unwrap_or(now)) < timing.keep => Step::Linger,
        (Stage::Firing { .. }, false) => Step::Resolve,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVERY: u64 = 15;

    /// Evaluates at each `(second, holds)` and returns the steps.
    fn steps(hold: u64, keep: u64, evaluations: &[(u64, bool)]) -> Vec<Step> {
        let timing =
            Timing { hold: Duration::from_secs(hold), keep: Duration::from_secs(keep), gap_max: GAP_MAX };
        let mut stage = Stage::Absent;
        let mut steps = Vec::new();
        for (second, holds) in evaluations {
            let now = Timestamp::from_secs(*second as i64);
            let step = next(stage, *holds, timing, now);
            stage = stage.after(step, now);
            steps.push(step);
        }
        steps
    }

    fn check(hold: u64, keep: u64, evaluations: &[(u64, bool)], expected: &[Step]) {
        assert_eq!(steps(hold, keep, evaluations), expected);
    }

    #[test]
    fn without_a_hold_it_fires_at_once() {
        check(0, 0, &[(0, true), (15, true), (30, false)], &[Step::Fire, Step::Hold, Step::Resolve]);
    }

    #[test]
    fn a_gap_in_the_condition_starts_the_hold_again() {
        check(
            30,
            0,
            &[(0, true), (15, false), (30, true), (45, true), (60, true)],
            &[Step::Begin, Step::Forget, Step::Begin, Step::Wait, Step::Fire],
        );
    }

    #[test]
    fn missed_evaluations_count_unless_they_were_many() {
        check(
            600,
            0,
            &[(0, true), (290, true), (580, true), (610, true)],
            &[Step::Begin, Step::Wait, Step::Wait, Step::Fire],
        );
        check(
            600,
            0,
            &[(0, true), (900, true), (1200, true), (1500, true)],
            &[Step::Begin, Step::Begin, Step::Wait, Step::Fire],
        );
    }

    #[test]
    fn a_kept_alert_ends_late() {
        check(
            0,
            60,
            &[(0, true), (30, false), (89, false), (90, false)],
            &[Step::Fire, Step::Linger, Step::Linger, Step::Resolve],
        );
    }

    #[test]
    fn a_clock_that_jumps_back_neither_fires_nor_resolves_early() {
        check(60, 0, &[(1000, true), (10, true)], &[Step::Begin, Step::Wait]);
        check(0, 60, &[(1000, true), (10, false)], &[Step::Fire, Step::Linger]);
    }

    proptest! {
        #[test]
        fn it_fires_only_after_the_whole_hold_and_once_until_it_resolves(
            hold in 0u64..200,
            keep in 0u64..100,
            holds in proptest::collection::vec(any::<bool>(), 1..80),
        ) {
            let evaluations: Vec<_> =
                holds.iter().enumerate().map(|(index, holds)| (index as u64 * EVERY, *holds)).collect();
            let mut is_firing = false;
            for (index, step) in steps(hold, keep, &evaluations).iter().enumerate() {
                match step {
                    Step::Fire => {
                        prop_assert!(!is_firing);
                        is_firing = true;
                        let needed = hold.div_ceil(EVERY) as usize;
                        prop_assert!(index >= needed && holds[index - needed..=index].iter().all(|holds| *holds));
                    }
                    Step::Resolve => {
                        prop_assert!(is_firing && !holds[index]);
                        is_firing = false;
                    }
                    Step::Hold => prop_assert!(is_firing && holds[index]),
                    Step::Linger => prop_assert!(is_firing && !holds[index] && keep > 0),
                    Step::Begin | Step::Wait | Step::Forget | Step::Rest => prop_assert!(!is_firing),
                }
            }
        }

        #[test]
        fn a_condition_that_stays_away_ends_everything(hold in 0u64..200, keep in 0u64..100, at in 0u64..20) {
            let mut evaluations: Vec<_> = (0..=at).map(|index| (index * EVERY, true)).collect();
            evaluations.extend((at + 1..at + 10).map(|index| (index * EVERY, false)));
            prop_assert_eq!(steps(hold, keep, &evaluations).pop(), Some(Step::Rest));
        }
    }
}
