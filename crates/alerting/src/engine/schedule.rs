//! When which group is evaluated. Pure.
//!
//! A group's evaluations lie at whole multiples of its interval since the epoch, moved by a
//! phase of its own: so those of one group are always equally far apart, also over a
//! restart, and those of many groups do not fall on one moment.

use std::time::Duration;

use model::Timestamp;

#[derive(Debug)]
pub(super) struct Schedule(Vec<Beat>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    pub interval: Duration,
    pub phase: Duration,
}

#[derive(Debug)]
struct Beat {
    rhythm: Rhythm,
    /// The newest that was taken.
    last: Timestamp,
    is_running: bool,
}

/// A group whose time has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub group: usize,
    /// The time of the evaluation: now, or a little before.
    pub at: Timestamp,
    /// Evaluations that fell out since the last.
    pub missed: u64,
}

impl Rhythm {
    /// `key` is the group's name and file.
    pub(super) fn new(interval: Duration, key: &str) -> Self {
        use sha2::{Digest, Sha256};
        let hash = Sha256::digest(key);
        let number = hash[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let millis = (interval.as_millis() as u64).max(1);
        Self { interval: Duration::from_millis(millis), phase: Duration::from_millis(number % millis) }
    }

    /// The newest beat that is not after `now`.
    fn newest(self, now: Timestamp) -> Timestamp {
        let interval = nanos(self.interval);
        let moved = now.as_nanos().saturating_sub(nanos(self.phase));
        Timestamp::from_nanos(now.as_nanos().saturating_sub(moved.rem_euclid(interval)))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl Schedule {
    /// A beat that falls on `now` is due.
    pub(super) fn new(rhythms: impl Iterator<Item = Rhythm>, now: Timestamp) -> Self {
        let before = Timestamp::from_nanos(now.as_nanos().saturating_sub(1));
        Self(rhythms.map(|rhythm| Beat { rhythm, last: rhythm.newest(before), is_running: false }).collect())
    }

    /// Until the next group is due.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        let waits = self.0.iter().filter(|beat| !beat.is_running).map(|beat| {
            let newest = beat.rhythm.newest(now);
            if newest == beat.last { (newest + beat.rhythm.interval).since(now) } else { Duration::ZERO }
        });
        waits.min().unwrap_or(Duration::MAX)
    }

    /// The groups that are due. One that runs still is not.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Due> {
        let mut taken = Vec::new();
        for (group, beat) in self.0.iter_mut().enumerate().filter(|(_, beat)| !beat.is_running) {
            let at = beat.rhythm.newest(now);
            // A clock that was put back begins a new row of beats.
            if at == beat.last {
                continue;
            }
            let beats = at.since(beat.last).as_nanos() / beat.rhythm.interval.as_nanos().max(1);
            taken.push(Due { group, at, missed: (beats as u64).saturating_sub(1) });
            (beat.last, beat.is_running) = (at, true);
        }
        taken
    }

    pub(super) fn finished(&mut self, group: usize) {
        if let Some(beat) = self.0.get_mut(group) {
            beat.is_running = false;
        }
    }

    pub(super) fn is_running(&self, group: usize) -> bool {
        self.0.get(group).is_some_and(|beat| beat.is_running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn schedule(now: i64) -> Schedule {
        let rhythm = |interval, phase| Rhythm {
            interval: Duration::from_secs(interval),
            phase: Duration::from_secs(phase),
        };
        Schedule::new([rhythm(15, 2), rhythm(60, 30)].into_iter(), at(now))
    }

    fn check(schedule: &mut Schedule, now: i64, expected: &[(usize, i64, u64)]) {
        let due = schedule.take_due(at(now));
        let due: Vec<_> = due.iter().map(|due| (due.group, due.at.as_secs(), due.missed)).collect();
        assert_eq!(due, expected, "at {now}");
        due.iter().for_each(|(group, ..)| schedule.finished(*group));
    }

    #[test]
    fn groups_keep_their_beat_and_missed_beats_are_counted() {
        let mut schedule = schedule(600);
        assert_eq!(schedule.wait(at(600)), Duration::from_secs(2));
        check(&mut schedule, 601, &[]);
        check(&mut schedule, 603, &[(0, 602, 0)]);
        check(&mut schedule, 616, &[]);
        check(&mut schedule, 635, &[(0, 632, 1), (1, 630, 0)]);
        assert_eq!(schedule.wait(at(635)), Duration::from_secs(12));
    }

    #[test]
    fn a_beat_that_falls_on_the_start_is_due() {
        check(&mut schedule(602), 602, &[(0, 602, 0)]);
    }

    #[test]
    fn one_that_still_runs_is_not_due() {
        let mut schedule = schedule(602);
        assert_eq!(schedule.take_due(at(602)).len(), 1);
        assert!(schedule.take_due(at(617)).is_empty() && schedule.is_running(0));
        schedule.finished(0);
        check(&mut schedule, 634, &[(0, 632, 1), (1, 630, 0)]);
    }

    #[test]
    fn a_clock_that_is_put_back_stops_nothing() {
        let mut schedule = schedule(602);
        check(&mut schedule, 602, &[(0, 602, 0)]);
        check(&mut schedule, 300, &[(0, 287, 0), (1, 270, 0)]);
        check(&mut schedule, 302, &[(0, 302, 0)]);
    }

    #[test]
    fn the_phase_is_within_the_interval_and_of_the_groups_own() {
        let phases = ["a", "b", "c"].map(|key| Rhythm::new(Duration::from_secs(60), key).phase);
        assert!(phases.iter().all(|phase| *phase < Duration::from_secs(60)));
        assert!(phases[0] != phases[1] && phases[1] != phases[2], "{phases:?}");
    }
}
